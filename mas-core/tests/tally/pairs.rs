use mas_core::{Pairs, Positions, Trials};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::network::{A, B, DIGIT, E, O, PAD, T};

/// The demonstration `tokens` with what should follow: `B … T digit E`, and where the response is.
pub fn trial(tokens: &[u32], count: u32) -> (Vec<u32>, Vec<bool>) {
    let mut sequence = vec![B];
    sequence.extend_from_slice(tokens);
    sequence.extend([T, DIGIT + count, E]);
    let response = (0..sequence.len()).map(|position| position + 2 >= sequence.len()).collect();
    (sequence, response)
}

pub fn trials(sequences: &[(Vec<u32>, Vec<bool>)]) -> Trials {
    Trials::new(sequences.iter().map(|(tokens, response)| (tokens.as_slice(), response.as_slice())), PAD).unwrap()
}

/// The number of `A`s.
pub fn count(tokens: &[u32]) -> u32 {
    tokens.iter().filter(|&&token| token == A).count() as u32
}

/// `number` pairs whose counterfactual is right: the source's count at its position goes on in the target.
pub fn pairs(number: usize, positions: Positions, seed: u64) -> Pairs {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut demonstration = || {
        let length = rng.random_range(1..=4);
        (0..length).map(|_| if rng.random_bool(0.5) { A } else { O }).collect::<Vec<u32>>()
    };
    let (mut sources, mut targets, mut counterfactuals) = (Vec::new(), Vec::new(), Vec::new());
    let (mut source_positions, mut target_positions) = (Vec::new(), Vec::new());
    let mut places = ChaCha8Rng::seed_from_u64(seed ^ 1);
    while sources.len() < number {
        let (source, target) = (demonstration(), demonstration());
        // Position p is that of demonstration token p − 1.
        let to = places.random_range(1..=target.len());
        let from = match positions {
            Positions::Individual => places.random_range(1..=source.len()),
            Positions::Stepwise => to,
        };
        if from > source.len() {
            continue;
        }
        let written = count(&source[..from]) + count(&target[to..]);
        if written > super::network::MOST {
            continue;
        }
        sources.push(trial(&source, count(&source)));
        targets.push(trial(&target, count(&target)));
        counterfactuals.push(trial(&target, written));
        source_positions.push(from);
        target_positions.push(to);
    }
    let changed =
        targets.iter().zip(&counterfactuals).map(|(target, counterfactual)| target != counterfactual).collect();
    Pairs {
        source: trials(&sources),
        source_positions,
        target: trials(&targets),
        target_positions,
        counterfactual: trials(&counterfactuals),
        changed,
        untrained_count: counterfactuals.iter().map(|(tokens, _)| tokens.contains(&(DIGIT + 2))).collect(),
        natural: None,
    }
}
