//! The null variable: what no block has may be swapped within a network, and must not matter.

use mas_core::{
    Alignment, Direction, Edit, Exchange, FitConfig, Method, Network, Population, Positions, Recorded, Resume, Setting,
    Subspaces, Swap, accuracy, evaluate, fit::Ending,
};

use super::{
    fit::{Study, config},
    latent::{first_loss, refused, run},
};

/// What is in the named block is found from the leftover's being harmless, without any other variable.
#[test]
fn the_null_variable_makes_the_leftover_harmless() {
    let study = Study::new("state", Positions::Individual);
    let [training, leftover] = [&study.training[0], &study.validation[0]].map(|pairs| pairs.null().unwrap());
    assert_eq!(leftover.counterfactual, leftover.target);
    let null = |pairs| vec![Exchange { direction: Direction::new(0, 0), subspace: Subspaces::EXTRANEOUS, pairs }];
    let harmless = |alignment: &Alignment| {
        let (network, swap) = (&study.participants()[..1], Swap::Interchange);
        let outcomes = evaluate(network, alignment, Setting::default(), &null(&leftover), swap).unwrap();
        accuracy(&outcomes[0], &leftover, Population::All).iia()
    };
    let start = study.start();
    let start = Alignment::new(start.members()[..1].to_vec(), Subspaces::new([("count", 2)]).unwrap()).unwrap();
    assert!(harmless(&start) < 0.5, "{}", harmless(&start));
    let mut fit = study.fit(Method::Mas, config());
    fit.participants.truncate(1);
    fit.objective = Method::Das.objective(1).unwrap();
    (fit.training, fit.validation) = (null(&training), null(&leftover));
    let fitted = run(&fit, start);
    assert_eq!(fitted.ending, Ending::Converged);
    assert!(harmless(&fitted.alignment) > 0.99, "{}", harmless(&fitted.alignment));
    assert_eq!(fitted.history[0].accuracy[0].subspace, Subspaces::EXTRANEOUS);

    // Beside another variable it is one more of the terms that are averaged.
    let loss = |exchanges: Vec<Exchange<'_>>| {
        let mut fit = study.fit(Method::Mas, FitConfig { batch: 1000, max_steps: 1, ..config() });
        fit.objective.behaviour = vec![Direction::new(0, 0)];
        (fit.training, fit.validation) = (exchanges.clone(), exchanges);
        first_loss(&fit, study.start())
    };
    let count = Exchange { direction: Direction::new(0, 0), subspace: 0, pairs: &study.training[0] };
    let both = loss(vec![count, null(&training)[0]]);
    let mean = (loss(vec![count]) + loss(null(&training))) / 2.0;
    assert!((both - mean).abs() < 1e-4 * mean, "{both} is not {mean}");
}

/// Of blocks beside each other, all at once are one block as wide as they are together.
#[test]
fn all_blocks_at_once_are_one_block_of_all_their_columns() {
    let study = Study::new("state", Positions::Individual);
    let members = study.start().members().to_vec();
    let blocks = Alignment::new(members.clone(), Subspaces::new([("count", 1), ("rest", 2)]).unwrap()).unwrap();
    let one = Alignment::new(members, Subspaces::new([("both", 3)]).unwrap()).unwrap();
    let outcomes = |alignment: &Alignment, subspace| {
        let exchange = Exchange { direction: Direction::new(0, 1), subspace, pairs: &study.validation[1] };
        let (networks, swap) = (study.participants(), Swap::Interchange);
        evaluate(&networks, alignment, Setting::default(), &[exchange], swap).unwrap()
    };
    assert_eq!(outcomes(&blocks, Subspaces::ALL), outcomes(&one, 0));
    assert_ne!(outcomes(&blocks, Subspaces::ALL), outcomes(&blocks, 0));
}

/// With the count in the named block, all the rest may come from any source, wherever and however it is swapped.
#[test]
fn the_right_alignment_leaves_nothing_that_matters() {
    for (site, positions) in
        [("state", Positions::Individual), ("state", Positions::Stepwise), ("input", Positions::Stepwise)]
    {
        let study = Study::new(site, positions);
        let leftover = study.validation[0].null().unwrap();
        let exchange = Exchange { direction: Direction::new(1, 1), subspace: Subspaces::EXTRANEOUS, pairs: &leftover };
        let setting = Setting { positions, ..Setting::default() };
        let right = |alignment: &Alignment| {
            let outcomes = evaluate(&study.participants(), alignment, setting, &[exchange], Swap::Interchange).unwrap();
            accuracy(&outcomes[0], &leftover, Population::All).iia()
        };
        assert_eq!(right(&study.alignment(1, |network, _| network.solution())), 1.0, "{site} {positions:?}");
        assert!(right(&study.start()) < 0.9, "{site} {positions:?}");
    }
}

#[test]
fn the_extraneous_block_is_swapped_within_one_network_that_keeps_the_rest() {
    let study = Study::new("state", Positions::Individual);
    let mut fit = study.fit(Method::Mas, config());
    fit.training[1].subspace = Subspaces::EXTRANEOUS;
    refused(&fit, study.start(), &["0 → 1", "extraneous"]);
    let mut fit = study.fit(Method::Mas, config());
    fit.training[0].subspace = Subspaces::EXTRANEOUS;
    fit.setting.retain = mas_core::Retain::Nothing;
    fit.objective.retain = mas_core::Retain::Nothing;
    refused(&fit, study.start(), &["0 → 0", "extraneous"]);
}

/// Swapping the leftover is swapping it: coordinate by coordinate, with the whole of the rotation.
#[test]
fn the_extraneous_block_is_all_that_has_no_name() {
    let study = Study::new("state", Positions::Individual);
    let start = study.start();
    let pairs = study.training[0].null().unwrap();
    let member = &start.members()[0];
    let whole = member.function.evaluate(5).unwrap();
    let (network, site) = (&study.networks[0], member.site.clone());
    let read = |trials, positions: &[usize]| {
        let at: Vec<_> = positions.iter().copied().enumerate().collect();
        network.read(&site, trials, &at).unwrap()
    };
    let from = read(&pairs.source, &pairs.source_positions);
    let to = read(&pairs.target, &pairs.target_positions);
    let expected = mas_core::interchange(&whole, &whole, 1..5, mas_core::Retain::Rest, from, to);
    let prefix = network.prepare(&site, &pairs.target, &pairs.target_positions).unwrap();
    let rows: Vec<usize> = (0..pairs.len()).collect();
    let resume = Resume {
        site: &site,
        interchange: Positions::Individual,
        prefix: Some(&prefix),
        trials: &pairs.target,
        positions: &pairs.target_positions,
        rows: &rows,
        free_running: true,
        natural: None,
    };
    let continued = network.resume(&resume, Edit::Known(expected)).unwrap();
    let said = continued.predictions().unwrap();
    let digits: Vec<u32> = continued
        .at
        .iter()
        .zip(said)
        .filter(|(at, _)| resume.response(at.row)[at.position + 1])
        .map(|(_, said)| said)
        .collect();
    let right: Vec<bool> =
        digits.chunks(2).enumerate().map(|(pair, said)| pairs.target.tokens(pair).ends_with(said)).collect();
    let exchange = Exchange { direction: Direction::new(0, 0), subspace: Subspaces::EXTRANEOUS, pairs: &pairs };
    let outcomes = evaluate(&study.participants(), &start, Setting::default(), &[exchange], Swap::Interchange).unwrap();
    assert_eq!(outcomes[0].iter().map(|outcome| outcome.is_right()).collect::<Vec<_>>(), right);
    assert!(right.contains(&true) && right.contains(&false));
}
