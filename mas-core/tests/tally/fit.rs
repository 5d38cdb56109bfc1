use std::path::Path;

use burn::prelude::*;
use mas_core::{
    Alignment, AlignmentFunction, Direction, Error, Exchange, Fit, FitConfig, Fitted, Member, Method, Participant,
    Population, Positions, Setting, Subspaces, Swap, accuracy,
    alignment::Orthogonal,
    evaluate,
    fit::{DirectionAccuracy, Ending, Event, StopRule, Validation},
};

use super::{network::Tally, pairs::pairs};

/// Two networks, a site, and pairs for every direction.
pub struct Study {
    pub networks: Vec<Tally>,
    pub site: &'static str,
    pub positions: Positions,
    pub training: Vec<mas_core::Pairs>,
    pub validation: Vec<mas_core::Pairs>,
}

impl Study {
    pub fn new(site: &'static str, positions: Positions) -> Self {
        Self {
            networks: vec![Tally::new("first", 5, 1), Tally::new("second", 7, 2)],
            site,
            positions,
            training: (0..4).map(|seed| pairs(80, positions, seed)).collect(),
            validation: (10..14).map(|seed| pairs(60, positions, seed)).collect(),
        }
    }

    pub fn participants(&self) -> Vec<Participant<'_>> {
        self.networks.iter().map(|network| Participant::live(network, self.site).unwrap()).collect()
    }

    pub fn exchanges<'a>(&self, pairs: &'a [mas_core::Pairs]) -> Vec<Exchange<'a>> {
        let directions = mas_core::all_directions(2);
        directions.into_iter().zip(pairs).map(|(direction, pairs)| Exchange { direction, subspace: 0, pairs }).collect()
    }

    pub fn fit(&self, method: Method, config: FitConfig) -> Fit<'_> {
        let objective = method.objective(2).unwrap();
        Fit {
            participants: self.participants(),
            setting: Setting { positions: self.positions, retain: objective.retain },
            training: self.exchanges(&self.training),
            validation: self.exchanges(&self.validation),
            objective,
            config,
        }
    }

    /// An alignment of both networks by these functions.
    pub fn alignment(&self, k: usize, function: impl Fn(&Tally, u64) -> AlignmentFunction) -> Alignment {
        let members =
            self.participants().into_iter().zip(&self.networks).zip(10..).map(|((participant, network), seed)| {
                let (name, site) = (participant.name().to_owned(), participant.site().clone());
                Member { network: name, site, function: function(network, seed) }
            });
        Alignment::new(members.collect(), Subspaces::new([("count", k)]).unwrap()).unwrap()
    }

    pub fn start(&self) -> Alignment {
        use mas_core::Network;
        self.alignment(1, |network, seed| {
            let width = mas_core::Recorded::sites(network)[0].width;
            AlignmentFunction::new(Orthogonal::random(width, seed, &network.device()))
        })
    }
}

pub fn config() -> FitConfig {
    FitConfig { batch: 32, learning_rate: 0.03, max_steps: 400, evaluate_every: 10, ..FitConfig::default() }
}

fn run(fit: &Fit, start: Alignment, checkpoint: Option<&Path>) -> Result<Fitted, Error> {
    fit.run(start, checkpoint, &mut |_| Ok(()))
}

/// The files of an alignment.
pub fn bytes(alignment: &Alignment) -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().unwrap();
    alignment.save(folder.path(), &toml::Table::new()).unwrap();
    ["alignment.toml", "alignment.safetensors"].map(|file| std::fs::read(folder.path().join(file)).unwrap())
}

#[test]
fn a_fit_finds_the_count_in_every_direction() {
    for (site, positions) in
        [("state", Positions::Individual), ("state", Positions::Stepwise), ("input", Positions::Stepwise)]
    {
        let study = Study::new(site, positions);
        let fit = study.fit(Method::Mas, FitConfig { max_steps: 300, ..config() });
        let fitted = run(&fit, study.start(), None).unwrap();
        assert_eq!(fitted.ending, Ending::Converged, "{site} {positions:?}: {:?}", fitted.history.last());
        let (first, last) = (&fitted.history[0], fitted.history.last().unwrap());
        assert_eq!((first.step, first.loss), (0, None));
        assert!(first.accuracy.iter().any(|direction| direction.iia < 0.9), "{first:?}");
        assert!(last.accuracy.iter().all(|direction| direction.iia >= 0.995), "{last:?}");
        assert!(last.loss.unwrap() < fitted.history[1].loss.unwrap());
        assert!(fitted.history.windows(2).all(|pair| pair[1].step == pair[0].step + 10));

        // Held-out pairs.
        let pairs: Vec<_> = (20..24).map(|seed| pairs(50, positions, seed)).collect();
        let exchanges = study.exchanges(&pairs);
        let setting = Setting { positions, ..Setting::default() };
        let outcomes =
            evaluate(&study.participants(), &fitted.alignment, setting, &exchanges, Swap::Interchange).unwrap();
        for (outcomes, pairs) in outcomes.iter().zip(&pairs) {
            assert!(accuracy(outcomes, pairs, Population::Changed).iia() > 0.9);
        }
    }
}

#[test]
fn only_directions_of_the_objective_are_trained_and_validated() {
    let study = Study::new("state", Positions::Individual);
    let start = study.start();
    let fitted = run(&study.fit(Method::Stitching, FitConfig { max_steps: 20, ..config() }), start, None).unwrap();
    assert_eq!(fitted.history[0].accuracy.len(), 1);

    // A network that no direction touches stays as it was.
    let mut fit = study.fit(Method::Mas, FitConfig { max_steps: 100, ..config() });
    fit.objective.behaviour.truncate(1);
    let fitted = run(&fit, study.start(), None).unwrap();
    let values = |tensor: &Tensor<2>| tensor.clone().try_into_vec_as::<f32>().unwrap();
    let parameters = |member: usize| values(&fitted.alignment.members()[member].function.parameters()[0]);
    assert!(parameters(1).iter().all(|&value| value == 0.0));
    assert!(fitted.best_step > 0, "{:?}", fitted.history);
    assert!(parameters(0).iter().any(|&value| value != 0.0));
}

/// Every method whose objective has behaviour in it learns what it is asked for.
#[test]
fn every_method_learns_its_directions() {
    // Where nothing of the target is kept, its phase has to come over with the count.
    for (method, k) in [(Method::UnidirectionalMas, 1), (Method::LowRankStitching, 3), (Method::Stitching, 5)] {
        let study = Study::new("state", Positions::Individual);
        let start = study.alignment(k, |network, seed| {
            let width = mas_core::Recorded::sites(network)[0].width;
            AlignmentFunction::new(Orthogonal::random(width, seed, &mas_core::Network::device(network)))
        });
        let fitted = run(&study.fit(method, config()), start, None).unwrap();
        let best = fitted.history.iter().find(|validation| validation.step == fitted.best_step).unwrap();
        let trained = method.objective(2).unwrap().behaviour;
        let directions: Vec<Direction> = best.accuracy.iter().map(|of| of.direction).collect();
        assert_eq!(directions, trained, "{method}");
        assert!(fitted.history[0].accuracy.iter().all(|of| of.iia < 0.4), "{method}: {:?}", fitted.history[0]);
        // Cross-entropy of these networks is not least where the count is exact, so that a frame which is read and never
        // written does not come to the very end: only another direction into its own network holds it there.
        for DirectionAccuracy { direction, iia, .. } in &best.accuracy {
            let least = if direction.source == direction.target { 0.95 } else { 0.6 };
            assert!(*iia > least, "{method}: {best:?}");
        }
    }
}

/// Three networks of three widths, one function each, nine directions.
#[test]
fn three_networks_are_fitted_jointly() {
    let mut study = Study::new("state", Positions::Individual);
    study.networks.push(Tally::new("third", 6, 3));
    let draw = |count: usize, first: u64| -> Vec<mas_core::Pairs> {
        (first..first + 9).map(|seed| pairs(count, Positions::Individual, seed)).collect()
    };
    let (training, validation) = (draw(80, 100), draw(60, 200));
    let exchanges = |pairs| -> Vec<Exchange<'_>> {
        let exchange = |(direction, pairs)| Exchange { direction, subspace: 0, pairs };
        mas_core::all_directions(3).into_iter().zip(pairs).map(exchange).collect()
    };
    let objective = Method::Mas.objective(3).unwrap();
    let fit = Fit {
        participants: study.participants(),
        setting: Setting { positions: Positions::Individual, retain: objective.retain },
        training: exchanges(&training),
        validation: exchanges(&validation),
        objective,
        config: config(),
    };
    let fitted = run(&fit, study.start(), None).unwrap();
    assert_eq!(fitted.ending, Ending::Converged);
    assert_eq!(fitted.alignment.members().len(), 3);
    let last = fitted.history.last().unwrap();
    assert_eq!(last.accuracy.len(), 9);
    assert!(last.accuracy.iter().all(|direction| direction.iia >= 0.995), "{last:?}");
}

#[test]
fn the_best_validation_is_kept() {
    let study = Study::new("state", Positions::Individual);
    let mean = |validation: &Validation| {
        validation.accuracy.iter().map(|direction| direction.iia).sum::<f64>() / validation.accuracy.len() as f64
    };
    let values = |alignment: &Alignment| bytes(alignment)[1].clone();
    // Steps so large that accuracy goes up and down, from anywhere and from what cannot be better.
    let stop = StopRule { mark: 2.0, running: 1, patience: 100, ..StopRule::default() };
    let config = FitConfig { learning_rate: 0.5, max_steps: 60, evaluate_every: 5, stop, ..config() };
    let solved = || study.alignment(1, |network, _| network.solution());
    for start in [study.start(), solved()] {
        let fitted = run(&study.fit(Method::Mas, config.clone()), start, None).unwrap();
        let best = fitted.history.iter().find(|validation| validation.step == fitted.best_step).unwrap();
        assert!(fitted.history.iter().all(|validation| mean(validation) <= mean(best)));
        let exchanges = study.exchanges(&study.validation);
        let outcomes =
            evaluate(&study.participants(), &fitted.alignment, Setting::default(), &exchanges, Swap::Interchange);
        for ((outcomes, pairs), kept) in outcomes.unwrap().iter().zip(&study.validation).zip(&best.accuracy) {
            assert_eq!(accuracy(outcomes, pairs, Population::Changed).iia(), kept.iia);
            assert_eq!(accuracy(outcomes, pairs, Population::Changed).token_accuracy(), kept.token_accuracy);
        }
        if mean(&fitted.history[0]) == 1.0 {
            assert_eq!(fitted.best_step, 0);
            assert_eq!(values(&fitted.alignment), values(&solved()));
        }
    }
}

#[test]
fn a_validation_tells_the_mean_loss_since_the_last_one() {
    let study = Study::new("state", Positions::Individual);
    let fit = study.fit(Method::Mas, FitConfig { max_steps: 12, evaluate_every: 5, ..config() });
    let mut losses = Vec::new();
    let mut note = |event: Event| {
        if let Event::Step { loss, .. } = event {
            losses.push(loss);
        }
        Ok(())
    };
    let fitted = fit.run(study.start(), None, &mut note).unwrap();
    let told: Vec<_> = fitted.history.iter().map(|validation| (validation.step, validation.loss)).collect();
    let mean = |losses: &[f64]| Some(losses.iter().sum::<f64>() / losses.len() as f64);
    let expected = [(0, None), (5, mean(&losses[..5])), (10, mean(&losses[5..10])), (12, mean(&losses[10..]))];
    assert_eq!(told, expected);
}

#[test]
fn a_fit_stops_by_its_rule() {
    let study = Study::new("state", Positions::Individual);
    let ends = |config: FitConfig, start: Alignment| {
        let fitted = run(&study.fit(Method::Mas, config), start, None).unwrap();
        (fitted.ending, fitted.history.last().unwrap().step)
    };
    let solved = || study.alignment(1, |network, _| network.solution());
    let stop = |mark, running, patience| {
        let stop = StopRule { mark, running, patience, ..StopRule::default() };
        FitConfig { stop, ..config() }
    };
    assert_eq!(ends(stop(0.995, 1, 20), solved()), (Ending::Converged, 0));
    assert_eq!(ends(stop(0.995, 3, 20), solved()), (Ending::Converged, 20));
    // A mark beyond reach: nothing is better than the start, which is perfect.
    assert_eq!(ends(stop(1.1, 3, 2), solved()), (Ending::Plateau, 20));
    assert_eq!(ends(FitConfig { max_steps: 15, ..stop(1.1, 3, 20) }, solved()), (Ending::OutOfSteps, 15));
    // Where the rate has gone down to zero, nothing could confirm the last validation.
    let cooled = |mark| FitConfig { max_steps: 15, cool_down: Some(15), ..stop(mark, 5, 20) };
    assert_eq!(ends(cooled(0.995), solved()), (Ending::Converged, 15));
    assert_eq!(ends(cooled(1.1), solved()), (Ending::OutOfSteps, 15));
    assert_eq!(ends(FitConfig { cool_down: None, ..cooled(0.995) }, solved()), (Ending::OutOfSteps, 15));
}

/// Adam's steps are as long as the rate says, whatever the gradient: the way of each must shorten in a straight line.
#[test]
fn the_learning_rate_goes_down_over_the_last_steps() {
    let study = Study::new("state", Positions::Individual);
    let after = |max_steps: usize, cool_down| {
        let stop = StopRule { mark: 2.0, patience: 1000, ..StopRule::default() };
        let config = FitConfig { learning_rate: 1e-4, max_steps, cool_down, evaluate_every: 1, stop, ..config() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        run(&study.fit(Method::Mas, config), study.start(), Some(&path)).unwrap();
        let file = std::fs::read(&path).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
        let of = |name: &str| {
            let data = tensors.tensor(name).unwrap().data().to_vec();
            data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect::<Vec<f32>>()
        };
        [of("parameter.0.0"), of("parameter.1.0")].concat()
    };
    let moved = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    // With all steps cooling down, the one step of a fit of one is at the full rate.
    assert_eq!(after(1, Some(1)), after(1, None));
    // Of four steps, two cool down: at the full rate, then at half of it.
    let (three, four) = (after(3, None), after(4, Some(2)));
    let last = moved(&three, &four);
    assert!((last / 0.5e-4 - 1.0).abs() < 0.2, "the last step of two is at half the rate: {last}");
    let refused = FitConfig { cool_down: Some(11), max_steps: 10, ..config() };
    assert!(run(&study.fit(Method::Mas, refused), study.start(), None).is_err());
}

/// A control is as strong as can be when its checkpoint is the best for what it is judged by.
#[test]
fn a_fit_is_judged_by_the_directions_that_it_is_told() {
    let mut study = Study::new("state", Positions::Individual);
    // The other three cannot be learned: they neither choose the checkpoint nor keep the fit from its end.
    for index in [0, 2, 3] {
        study.training[index] = study.training[index].shuffled(Positions::Individual, 3).unwrap();
        study.validation[index] = study.validation[index].shuffled(Positions::Individual, 4).unwrap();
    }
    let judged = Some(vec![Direction::new(0, 1)]);
    let of = |validation: &Validation| validation.accuracy[1].iia;
    // Steps so large that accuracy goes up and down.
    let stop = StopRule { mark: 2.0, running: 1, patience: 100, ..StopRule::default() };
    let restless = FitConfig { learning_rate: 0.5, max_steps: 150, evaluate_every: 3, stop, ..config() };
    let fitted =
        run(&study.fit(Method::Mas, FitConfig { judged: judged.clone(), ..restless.clone() }), study.start(), None)
            .unwrap();
    let best = fitted.history.iter().find(|validation| validation.step == fitted.best_step).unwrap();
    assert!(fitted.history.iter().all(|validation| validation.accuracy.len() == 4 && of(validation) <= of(best)));
    // Judged by all, the same course has its best elsewhere.
    let by_all = run(&study.fit(Method::Mas, restless), study.start(), None).unwrap();
    assert_eq!(by_all.history, fitted.history);
    assert_ne!(by_all.best_step, fitted.best_step);

    let solved = study.alignment(1, |network, _| network.solution());
    let stop = StopRule { mark: 0.995, running: 1, patience: 1, ..StopRule::default() };
    let alone = run(&study.fit(Method::Mas, FitConfig { stop, judged, ..config() }), solved.clone(), None).unwrap();
    assert_eq!(alone.ending, Ending::Converged);
    let by_all = run(&study.fit(Method::Mas, FitConfig { stop, ..config() }), solved, None).unwrap();
    assert_eq!(by_all.ending, Ending::Plateau);

    for judged in [vec![], vec![Direction::new(0, 0)]] {
        let fit = study.fit(Method::Stitching, FitConfig { judged: Some(judged), ..config() });
        let error = run(&fit, study.start(), None).unwrap_err().to_string();
        assert!(error.contains("judged by directions that are trained"), "{error}");
    }
}

#[test]
fn a_fit_that_was_interrupted_goes_on_to_the_same_bytes() {
    for (site, positions) in [("state", Positions::Individual), ("state", Positions::Stepwise)] {
        let study = Study::new(site, positions);
        let never = StopRule { mark: 2.0, ..StopRule::default() };
        let config = FitConfig { batch: 8, max_steps: 17, evaluate_every: 4, stop: never, ..config() };
        let fit = study.fit(Method::Mas, config);
        let whole = run(&fit, study.start(), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        // Validations are at 0, 4, 8, 12, 16 and 17. Interrupted after each of them, and in the middle of what follows.
        for (interrupted_at, validated) in
            [(0, true), (4, true), (8, true), (12, true), (16, true), (17, true), (6, false)]
        {
            let path = folder.path().join(format!("{interrupted_at}.checkpoint"));
            let mut interrupt = |event: Event| {
                let stop = match event {
                    Event::Validated(validation) => validated && validation.step == interrupted_at,
                    Event::Step { step, .. } => !validated && step == interrupted_at,
                    _ => false,
                };
                if stop { Err(Error::invalid("interrupted")) } else { Ok(()) }
            };
            let error = fit.run(study.start(), Some(&path), &mut interrupt).unwrap_err();
            assert_eq!(error.to_string(), "interrupted");
            let mut steps = Vec::new();
            let mut note = |event: Event| {
                if let Event::Step { step, .. } = event {
                    steps.push(step);
                }
                Ok(())
            };
            let resumed = fit.run(study.start(), Some(&path), &mut note).unwrap();
            let kept = interrupted_at / 4 * 4 + usize::from(interrupted_at == 17);
            assert_eq!(steps, (kept + 1..=17).collect::<Vec<_>>(), "interrupted at {interrupted_at}");
            assert_eq!(bytes(&resumed.alignment), bytes(&whole.alignment), "interrupted at {interrupted_at}");
            assert_eq!(resumed.history, whole.history);
            assert_eq!((resumed.best_step, resumed.ending), (whole.best_step, whole.ending));
        }
        let again = run(&fit, study.start(), Some(&folder.path().join("17.checkpoint"))).unwrap();
        assert_eq!(bytes(&again.alignment), bytes(&whole.alignment));
    }
}

#[test]
fn a_fit_may_be_interrupted_again_and_again() {
    let study = Study::new("input", Positions::Stepwise);
    let never = StopRule { mark: 2.0, ..StopRule::default() };
    let config = FitConfig { batch: 8, max_steps: 12, evaluate_every: 3, stop: never, ..config() };
    let fit = study.fit(Method::Mas, config);
    let whole = run(&fit, study.start(), None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut runs = 0;
    let resumed = loop {
        let mut validations = 0;
        let mut interrupt = |event: Event| {
            validations += i32::from(matches!(event, Event::Validated(_)));
            if validations == 1 { Err(Error::invalid("interrupted")) } else { Ok(()) }
        };
        runs += 1;
        if let Ok(fitted) = fit.run(study.start(), Some(&path), &mut interrupt) {
            break fitted;
        }
    };
    assert_eq!(runs, 6);
    assert_eq!(bytes(&resumed.alignment), bytes(&whole.alignment));
    assert_eq!(resumed.history, whole.history);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let study = Study::new("state", Positions::Individual);
    let fit = study.fit(Method::Mas, FitConfig { batch: 64, max_steps: 20, ..config() });
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let fitted = pool.install(|| run(&fit, study.start(), None)).unwrap();
        (bytes(&fitted.alignment), fitted.history)
    };
    assert_eq!(with(1), with(2));
}

#[test]
fn the_seed_decides_the_batches() {
    let study = Study::new("state", Positions::Individual);
    let history = |seed| {
        let config = FitConfig { batch: 8, max_steps: 10, seed, ..config() };
        run(&study.fit(Method::Mas, config), study.start(), None).unwrap().history
    };
    assert_eq!(history(1), history(1));
    assert_ne!(history(1)[1].loss, history(2)[1].loss);
}

/// With the whole of the pairs in each batch, a step's loss is the mean over directions of the mean over tokens.
#[test]
fn the_loss_is_a_mean_over_tokens_and_then_over_directions() {
    let study = Study::new("state", Positions::Individual);
    let loss = |directions: &[mas_core::Direction]| {
        let mut fit = study.fit(Method::Mas, FitConfig { batch: 1000, max_steps: 1, ..config() });
        fit.objective.behaviour = directions.to_vec();
        let mut loss = f64::NAN;
        let mut note = |event: Event| {
            if let Event::Step { loss: value, .. } = event {
                loss = value;
            }
            Ok(())
        };
        fit.run(study.start(), None, &mut note).unwrap();
        loss
    };
    let directions = mas_core::all_directions(2);
    let each: Vec<f64> = directions.iter().map(|&direction| loss(&[direction])).collect();
    let mean = each.iter().sum::<f64>() / 4.0;
    let all = loss(&directions);
    assert!((all - mean).abs() < 1e-4 * mean, "{all} is no mean of {each:?}");

    // One direction by hand: the interchange, then cross-entropy.
    let start = study.start();
    let evaluated = start.evaluate().unwrap();
    let (pairs, site) = (&study.training[1], study.participants()[1].site().clone());
    let read = |network: &Tally, trials, positions: &[usize]| {
        let at: Vec<_> = positions.iter().copied().enumerate().collect();
        mas_core::Recorded::read(network, &mas_core::Recorded::site(network, "state").unwrap(), trials, &at).unwrap()
    };
    let from = read(&study.networks[0], &pairs.source, &pairs.source_positions);
    let to = read(&study.networks[1], &pairs.counterfactual, &pairs.target_positions);
    let edited = mas_core::interchange(&evaluated[0], &evaluated[1], 0..1, mas_core::Retain::Rest, from, to);
    let rows: Vec<usize> = (0..pairs.len()).collect();
    let prefix = mas_core::Network::prepare(&study.networks[1], &site, &pairs.counterfactual, &pairs.target_positions);
    let resume = mas_core::Resume {
        site: &site,
        interchange: Positions::Individual,
        prefix: Some(&prefix.unwrap()),
        trials: &pairs.counterfactual,
        positions: &pairs.target_positions,
        rows: &rows,
        free_running: false,
        natural: None,
    };
    let tokens: usize = rows.iter().map(|&row| resume.outputs(row)).sum();
    let weights = vec![1.0 / tokens as f32; rows.len()];
    let continuation = mas_core::Network::resume(&study.networks[1], &resume, mas_core::Edit::Known(edited)).unwrap();
    let by_hand = f64::from(continuation.cross_entropy(&resume, &weights).unwrap().into_scalar::<f32>());
    assert!((each[1] - by_hand).abs() < 1e-4 * by_hand, "{} is not {by_hand}", each[1]);
}
