use mas_core::{Pairs, Positions};

use super::pairs::pairs;

/// What identifies a source: its tokens, and where it is read (the same sequence may come twice).
fn sources(pairs: &Pairs, with_positions: bool) -> Vec<(Vec<u32>, usize)> {
    let position = |pair: usize| if with_positions { pairs.source_positions[pair] } else { 0 };
    (0..pairs.len()).map(|pair| (pairs.source.tokens(pair).to_vec(), position(pair))).collect()
}

#[test]
fn sources_are_permuted_between_pairs() {
    for positions in [Positions::Individual, Positions::Stepwise] {
        let original = pairs(200, positions, 3);
        let shuffled = original.shuffled(positions, 1).unwrap();
        let individual = positions == Positions::Individual;
        let (mut before, mut after) = (sources(&original, individual), sources(&shuffled, individual));
        let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert!(moved > 100, "{positions:?}: only {moved} of 200 sources moved");
        before.sort();
        after.sort();
        assert_eq!(before, after, "{positions:?}");
    }
}

#[test]
fn everything_but_the_source_stays() {
    for positions in [Positions::Individual, Positions::Stepwise] {
        let original = pairs(50, positions, 3);
        let shuffled = original.shuffled(positions, 1).unwrap();
        shuffled.check().unwrap();
        assert_eq!(shuffled.target, original.target);
        assert_eq!(shuffled.target_positions, original.target_positions);
        assert_eq!(shuffled.counterfactual, original.counterfactual);
        assert_eq!(shuffled.changed, original.changed);
        assert_eq!(shuffled.untrained_count, original.untrained_count);
        assert_eq!(shuffled.source.time(), original.source.time());
    }
}

#[test]
fn a_shuffled_source_reaches_the_position_of_its_pair() {
    for seed in 0..20 {
        let original = pairs(40, Positions::Stepwise, 100 + seed);
        let shuffled = original.shuffled(Positions::Stepwise, seed).unwrap();
        assert_eq!(shuffled.source_positions, original.target_positions);
        let reaches = |pair: usize| shuffled.source.length(pair) > shuffled.target_positions[pair];
        assert!((0..40).all(reaches), "seed {seed}");
    }
}

/// The sources are no longer than they must be: only one permutation by length is possible.
#[test]
fn sources_that_just_reach_are_served_to_those_that_need_them() {
    let mut original = pairs(30, Positions::Stepwise, 5);
    let rows: Vec<usize> = (0..30).collect();
    original.source = original.source.select(&rows);
    let lengths: Vec<Vec<u32>> =
        (0..30).map(|pair| original.source.tokens(pair)[..=original.target_positions[pair]].to_vec()).collect();
    let masks: Vec<Vec<bool>> = lengths.iter().map(|tokens| vec![false; tokens.len()]).collect();
    let short = lengths.iter().zip(&masks).map(|(tokens, mask)| (tokens.as_slice(), mask.as_slice()));
    original.source = mas_core::Trials::new(short, 0).unwrap();
    original.check().unwrap();
    let shuffled = original.shuffled(Positions::Stepwise, 2).unwrap();
    shuffled.check().unwrap();
    assert_eq!(shuffled.source.lengths(), original.source.lengths());
}

#[test]
fn a_seed_shuffles_in_one_way() {
    for positions in [Positions::Individual, Positions::Stepwise] {
        let original = pairs(60, positions, 3);
        assert_eq!(original.shuffled(positions, 1).unwrap(), original.shuffled(positions, 1).unwrap());
        assert_ne!(original.shuffled(positions, 1).unwrap(), original.shuffled(positions, 2).unwrap());
    }
}

#[test]
fn pairs_that_do_not_hold_are_refused() {
    let good = pairs(6, Positions::Stepwise, 0);
    let mut beyond = good.clone();
    beyond.source_positions[0] = 1000;
    for positions in [Positions::Individual, Positions::Stepwise] {
        assert!(beyond.shuffled(positions, 1).unwrap_err().to_string().contains("no position 1000"));
    }
    let mut apart = good.clone();
    apart.source_positions = apart.source_positions.iter().map(|position| position.saturating_sub(1)).collect();
    assert!(apart.shuffled(Positions::Stepwise, 1).unwrap_err().to_string().contains("same position"));
    let mut short = good;
    short.changed.pop();
    assert!(short.null().unwrap_err().to_string().contains("6 sources but 5 `changed` flags"));
}
