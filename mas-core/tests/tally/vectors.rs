use burn::prelude::*;
use mas_core::{InterchangedVectors, Participant, Positions, Recorded, Setting, interchanged_vectors};

use super::{
    fit::Study,
    network::Tally,
    pairs::{count, pairs},
};

fn vectors(study: &Study, alignment: &mas_core::Alignment) -> Vec<InterchangedVectors> {
    let setting = Setting { positions: study.positions, ..Setting::default() };
    let exchanges = study.exchanges(&study.validation);
    interchanged_vectors(&study.participants(), alignment, setting, &exchanges).unwrap()
}

fn solution(study: &Study) -> mas_core::Alignment {
    study.alignment(1, |network, _| network.solution())
}

fn along(vectors: &Tensor<2>, network: &Tally, direction: usize) -> Vec<f32> {
    vectors.clone().matmul(network.direction(direction).transpose()).try_into_vec_as::<f32>().unwrap()
}

/// The right alignment replaces the count, and nothing else.
#[test]
fn the_target_gets_the_count_of_the_source() {
    for positions in [Positions::Individual, Positions::Stepwise] {
        let study = Study::new("state", positions);
        for (index, (found, pairs)) in vectors(&study, &solution(&study)).iter().zip(&study.validation).enumerate() {
            let target = &study.networks[index % 2];
            let (before, after) = (along(&found.natural, target, 0), along(&found.interchanged, target, 0));
            let others = along(&(found.interchanged.clone() - found.natural.clone()), target, 1);
            for (place, &(pair, position)) in found.at.iter().enumerate() {
                let own = count(&pairs.target.tokens(pair)[..=position]) as f32;
                let from = match positions {
                    Positions::Individual => pairs.source_positions[pair],
                    Positions::Stepwise => position,
                };
                let sent = count(&pairs.source.tokens(pair)[..=from]) as f32;
                assert!((before[place] - own).abs() < 1e-4, "{positions:?}: {} is not {own}", before[place]);
                assert!((after[place] - sent).abs() < 1e-4, "{positions:?}: {} is not {sent}", after[place]);
                assert!(others[place].abs() < 1e-4);
            }
        }
    }
}

/// Pair by pair, position by position, however many pairs there are and wherever they are computed.
#[test]
fn vectors_come_in_the_order_of_their_pairs() {
    for (site, positions) in
        [("state", Positions::Individual), ("state", Positions::Stepwise), ("input", Positions::Stepwise)]
    {
        let mut study = Study::new(site, positions);
        study.validation = (10..14).map(|seed| pairs(300, positions, seed)).collect();
        let alignment = study.start();
        for ((found, pairs), index) in vectors(&study, &alignment).iter().zip(&study.validation).zip(0..) {
            let expected: Vec<(usize, usize)> = (0..pairs.len())
                .flat_map(|pair| {
                    let last = pairs.target_positions[pair];
                    let first = if positions == Positions::Stepwise { 0 } else { last };
                    (first..=last).map(move |position| (pair, position))
                })
                .collect();
            assert_eq!(found.at, expected, "{site} {positions:?}");
            let target = &study.networks[index % 2];
            let read = target.read(&target.site(site).unwrap(), &pairs.counterfactual, &expected).unwrap();
            assert_eq!(found.natural.to_data(), read.to_data(), "{site} {positions:?}");
            assert_eq!(found.interchanged.dims(), found.natural.dims());
            // One pair on its own has the same vectors.
            let lone = [pairs.select(&[271])];
            let exchanges = [mas_core::Exchange { pairs: &lone[0], ..study.exchanges(&study.validation)[index] }];
            let setting = Setting { positions, ..Setting::default() };
            let alone = interchanged_vectors(&study.participants(), &alignment, setting, &exchanges).unwrap();
            let start = expected.iter().position(|&(pair, _)| pair == 271).unwrap();
            let part = found.interchanged.clone().narrow(0, start, alone[0].at.len());
            let error: f32 = (part - alone[0].interchanged.clone()).abs().max().into_scalar();
            assert!(error < 1e-5, "{site} {positions:?}: {error}");
        }
    }
}

/// An individual interchange into a network that is only recorded gives the same vectors; a history of edits that follow
/// from each other takes running it.
#[test]
fn a_network_that_is_only_recorded_is_given_the_same_vectors() {
    for positions in [Positions::Individual, Positions::Stepwise] {
        let study = Study::new("state", positions);
        let alignment = study.start();
        let mut participants = study.participants();
        participants[1] = Participant::recorded(&study.networks[1], "state").unwrap();
        let setting = Setting { positions, ..Setting::default() };
        let found = interchanged_vectors(&participants, &alignment, setting, &study.exchanges(&study.validation));
        if positions == Positions::Stepwise {
            assert!(found.unwrap_err().to_string().contains("only recorded"));
            continue;
        }
        for (found, expected) in found.unwrap().iter().zip(&vectors(&study, &alignment)) {
            assert_eq!(found.at, expected.at);
            assert_eq!(found.natural.to_data(), expected.natural.to_data());
            let error: f32 = (found.interchanged.clone() - expected.interchanged.clone()).abs().max().into_scalar();
            assert!(error < 1e-6, "{error}");
        }
    }
}

/// What is kept is what the network went on with.
#[test]
fn stepwise_vectors_at_a_state_follow_from_the_edits_before() {
    let study = Study::new("state", Positions::Stepwise);
    let (alignment, target) = (study.start(), &study.networks[0]);
    assert!(target.carries_state(&target.site("state").unwrap()));
    let functions = alignment.evaluate().unwrap();
    let found = &vectors(&study, &alignment)[0];
    let pairs = &study.validation[0];
    let site = target.site("input").unwrap();
    let mut state = Tensor::<2>::zeros([1, site.width], &Device::flex());
    for (place, &(pair, position)) in found.at.iter().enumerate() {
        if position == 0 {
            state = state.zeros_like();
        }
        let input = target.read(&site, &pairs.counterfactual, &[(pair, position)]).unwrap();
        let at = target.site("state").unwrap();
        let source = target.read(&at, &pairs.source, &[(pair, position)]).unwrap();
        let values = functions[0].read(source, 0..1);
        state = functions[0].write(state + input, 0..1, values);
        let error: f32 = (state.clone() - found.interchanged.clone().narrow(0, place, 1)).abs().max().into_scalar();
        assert!(error < 1e-4, "pair {pair}, position {position}: {error}");
    }
}
