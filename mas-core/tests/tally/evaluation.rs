use mas_core::{
    Accuracy, Outcome, Pairs, Population, Positions, Retain, Setting, Swap, accuracy, evaluate, evaluate_unintervened,
};

use super::{
    fit::Study,
    network::{A, DIGIT, O},
    pairs::{count, pairs, trial, trials},
};

const SITES: [(&str, Positions); 3] =
    [("state", Positions::Individual), ("state", Positions::Stepwise), ("input", Positions::Stepwise)];

fn setting(positions: Positions) -> Setting {
    Setting { positions, ..Setting::default() }
}

fn solution(study: &Study) -> mas_core::Alignment {
    study.alignment(1, |network, _| network.solution())
}

/// The outcomes of all four directions on the study's validation pairs.
fn outcomes(study: &Study, alignment: &mas_core::Alignment, swap: Swap) -> Vec<Vec<Outcome>> {
    let exchanges = study.exchanges(&study.validation);
    evaluate(&study.participants(), alignment, setting(study.positions), &exchanges, swap).unwrap()
}

#[test]
fn the_right_alignment_is_always_right() {
    for (site, positions) in SITES {
        let study = Study::new(site, positions);
        for (outcomes, pairs) in outcomes(&study, &solution(&study), Swap::Interchange).iter().zip(&study.validation) {
            assert_eq!(outcomes.len(), pairs.len());
            // The digit and `E`.
            assert!(outcomes.iter().all(|outcome| *outcome == Outcome { right: 2, tokens: 2 }), "{site} {positions:?}");
            assert_eq!(accuracy(outcomes, pairs, Population::Changed).iia(), 1.0);
        }
    }
}

#[test]
fn networks_that_are_always_right_have_a_ceiling_of_one() {
    for (site, positions) in SITES {
        let study = Study::new(site, positions);
        let exchanges = study.exchanges(&study.validation);
        let outcomes = evaluate_unintervened(&study.participants(), &study.start(), &exchanges).unwrap();
        assert_eq!(outcomes.len(), 4);
        for (outcomes, pairs) in outcomes.iter().zip(&study.validation) {
            assert_eq!(accuracy(outcomes, pairs, Population::All).iia(), 1.0, "{site} {positions:?}");
            assert_eq!(accuracy(outcomes, pairs, Population::All).pairs, pairs.len());
        }
    }
}

/// Without a swap a target says its own count: right where the counterfactual is no other.
#[test]
fn without_a_swap_the_target_says_its_own() {
    for (site, positions) in SITES {
        let study = Study::new(site, positions);
        for alignment in [study.start(), solution(&study)] {
            for (outcomes, pairs) in outcomes(&study, &alignment, Swap::NoSwap).iter().zip(&study.validation) {
                let unchanged = pairs.changed.iter().filter(|&&changed| !changed).count();
                assert!(unchanged > 0 && unchanged < pairs.len());
                for (outcome, &changed) in outcomes.iter().zip(&pairs.changed) {
                    // `E` follows any digit.
                    assert_eq!(*outcome, Outcome { right: 2 - u32::from(changed), tokens: 2 });
                }
                let all = accuracy(outcomes, pairs, Population::All);
                assert_eq!((all.right, all.pairs), (unchanged, pairs.len()));
                assert_eq!(accuracy(outcomes, pairs, Population::Changed).right, 0);
            }
        }
    }
}

/// With the right alignment, the mean vector's count is the mean of the counts that were sent.
#[test]
fn the_mean_swap_carries_no_trial_but_the_mean() {
    let study = Study::new("state", Positions::Individual);
    for (outcomes, pairs) in outcomes(&study, &solution(&study), Swap::MeanSwap).iter().zip(&study.validation) {
        let sent = |pair: usize| count(&pairs.source.tokens(pair)[..=pairs.source_positions[pair]]) as f32;
        let mean = (0..pairs.len()).map(sent).sum::<f32>() / pairs.len() as f32;
        for (pair, outcome) in outcomes.iter().enumerate() {
            let said = mean + count(&pairs.target.tokens(pair)[pairs.target_positions[pair] + 1..]) as f32;
            let digit = pairs.counterfactual.tokens(pair).iter().find(|&&token| token >= DIGIT).unwrap() - DIGIT;
            assert_eq!(outcome.is_right(), said.round() == digit as f32, "pair {pair}: {said} for {digit}");
        }
    }
}

/// A stitched state has the count and nothing else: phase 0, so that no digit follows before `T` does.
#[test]
fn what_the_target_does_not_keep_is_gone() {
    let study = Study::new("state", Positions::Individual);
    let setting = Setting { retain: Retain::Nothing, ..Setting::default() };
    let exchanges = study.exchanges(&study.validation);
    let kept = |swap| evaluate(&study.participants(), &solution(&study), setting, &exchanges, swap).unwrap();
    // The state before `T` *is* the count as far as the response goes.
    assert!(kept(Swap::Interchange).concat().iter().all(Outcome::is_right));

    // At `T` the phase is lost.
    let sequences = [trial(&[A, O], 1), trial(&[A, A, O], 2)];
    let pairs = Pairs {
        source: trials(&sequences),
        source_positions: vec![3, 4],
        target: trials(&sequences),
        target_positions: vec![3, 4],
        counterfactual: trials(&sequences),
        changed: vec![true; 2],
        untrained_count: vec![false; 2],
        natural: None,
    };
    let exchanges = study.exchanges(std::slice::from_ref(&pairs));
    let right = |setting| {
        evaluate(&study.participants(), &solution(&study), setting, &exchanges, Swap::Interchange).unwrap().concat()
    };
    assert!(right(Setting::default()).iter().all(Outcome::is_right));
    assert!(right(setting).iter().all(|outcome| outcome.right == 0));
}

/// Evaluation runs free: what follows a wrong digit is judged by what the network made of it.
#[test]
fn outcomes_count_response_tokens_from_the_edited_position_on() {
    let study = Study::new("state", Positions::Individual);
    let (tokens, response) = trial(&[A, O, A], 2);
    let mut said = tokens.clone();
    said[5] = DIGIT + 4;
    let sequences =
        |tokens: &[u32]| trials(&[(tokens.to_vec(), response.clone()), (tokens.to_vec(), response.clone())]);
    let pairs = Pairs {
        source: sequences(&tokens),
        source_positions: vec![2, 5],
        target: sequences(&said),
        // The second is edited after its wrong digit was read: only `E` follows.
        target_positions: vec![2, 5],
        counterfactual: sequences(&said),
        changed: vec![true, false],
        untrained_count: vec![false, true],
        natural: None,
    };
    let exchanges = study.exchanges(std::slice::from_ref(&pairs));
    let outcomes =
        evaluate(&study.participants(), &solution(&study), Setting::default(), &exchanges, Swap::NoSwap).unwrap();
    assert_eq!(outcomes, [[Outcome { right: 1, tokens: 2 }, Outcome { right: 1, tokens: 1 }]]);
}

#[test]
fn accuracy_counts_a_population() {
    let mut pairs = pairs(5, Positions::Individual, 1);
    pairs.changed = vec![true, true, false, true, false];
    pairs.untrained_count = vec![false, true, true, true, false];
    let outcome = |right, tokens| Outcome { right, tokens };
    let outcomes = [outcome(3, 3), outcome(1, 4), outcome(2, 2), outcome(2, 2), outcome(0, 1)];
    let of = |population| accuracy(&outcomes, &pairs, population);
    assert_eq!(of(Population::All), Accuracy { pairs: 5, right: 3, tokens: 12, tokens_right: 8 });
    assert_eq!(of(Population::Changed), Accuracy { pairs: 3, right: 2, tokens: 9, tokens_right: 6 });
    assert_eq!(of(Population::UntrainedCounts), Accuracy { pairs: 2, right: 1, tokens: 6, tokens_right: 3 });
    assert_eq!(of(Population::All).iia(), 0.6);
    assert_eq!(of(Population::Changed).token_accuracy(), 6.0 / 9.0);
    pairs.changed.fill(false);
    let none = accuracy(&outcomes, &pairs, Population::Changed);
    assert_eq!(none.pairs, 0);
    assert!(none.iia().is_nan() && none.token_accuracy().is_nan());
}

/// Outcomes come in the order of the exchanges, however these are grouped by target.
#[test]
fn outcomes_come_in_the_order_of_the_exchanges() {
    let study = Study::new("state", Positions::Individual);
    let alignment = study.start();
    let all = outcomes(&study, &alignment, Swap::Interchange);
    let exchanges = study.exchanges(&study.validation);
    for (index, exchange) in exchanges.iter().enumerate() {
        let one = evaluate(&study.participants(), &alignment, Setting::default(), &[*exchange], Swap::Interchange);
        assert_eq!(one.unwrap(), [all[index].clone()]);
    }
    let backwards: Vec<_> = exchanges.iter().rev().copied().collect();
    let mut reversed =
        evaluate(&study.participants(), &alignment, Setting::default(), &backwards, Swap::Interchange).unwrap();
    reversed.reverse();
    assert_eq!(reversed, all);
}

/// More pairs than are resumed together at once.
#[test]
fn many_pairs_are_as_right_as_few() {
    for (site, positions) in SITES {
        let mut study = Study::new(site, positions);
        study.validation = vec![pairs(600, positions, 77)];
        let alignment = study.start();
        let outcomes = outcomes(&study, &alignment, Swap::Interchange);
        let whole = &study.validation[0];
        let rows: Vec<usize> = (500..600).collect();
        let last = whole.select(&rows);
        let exchanges = study.exchanges(std::slice::from_ref(&last));
        let alone =
            evaluate(&study.participants(), &alignment, setting(positions), &exchanges, Swap::Interchange).unwrap();
        assert_eq!(alone[0], outcomes[0][500..], "{site} {positions:?}");
    }
}

/// A shuffled source sends another trial's count: even the right alignment is then mostly wrong.
#[test]
fn the_right_alignment_is_wrong_on_shuffled_sources() {
    for (site, positions) in SITES {
        let mut study = Study::new(site, positions);
        study.validation = vec![pairs(300, positions, 5).shuffled(positions, 1).unwrap()];
        let outcomes = outcomes(&study, &solution(&study), Swap::Interchange);
        let iia = accuracy(&outcomes[0], &study.validation[0], Population::Changed).iia();
        assert!(iia < 0.6, "{site} {positions:?}: {iia}");
    }
}

/// Several blocks: each exchange swaps its own.
#[test]
fn each_exchange_swaps_its_own_subspace() {
    let study = Study::new("state", Positions::Individual);
    let solved = solution(&study);
    let subspaces = mas_core::Subspaces::new([("count", 1), ("others", 1)]).unwrap();
    let alignment = mas_core::Alignment::new(solved.members().to_vec(), subspaces).unwrap();
    let mut exchanges = study.exchanges(&study.validation);
    exchanges.iter_mut().for_each(|exchange| exchange.subspace = 1);
    let swapped =
        evaluate(&study.participants(), &alignment, Setting::default(), &exchanges, Swap::Interchange).unwrap();
    // The number of `O`s has no part in the response.
    assert_eq!(swapped, outcomes(&study, &solved, Swap::NoSwap));
    let both: Vec<_> = study.exchanges(&study.validation).into_iter().chain(exchanges).collect();
    let both = evaluate(&study.participants(), &alignment, Setting::default(), &both, Swap::Interchange).unwrap();
    assert_eq!(both[4..], swapped);
    assert!(both[..4].concat().iter().all(Outcome::is_right));
}
