//! Fits with the counterfactual-latent loss: networks that are read and never run.

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::prelude::*;
use mas_core::{
    Alignment, Continuation, Direction, Edit, Error, Fit, FitConfig, Fitted, LATENT_WEIGHT, Latents, Method, Network,
    Pairs, Participant, Population, Positions, Prefix, Recorded, Result, Resume, Setting, Site, Swap, Trials, accuracy,
    evaluate,
    fit::{Ending, Event, StopRule, Validation},
    latent::counterfactual_latent_loss,
};

use super::{
    fit::{Study, bytes, config},
    network::{A, B, O, Tally},
    pairs::{count, trials},
};

/// A network that takes note of being run, and of being read.
struct Watched<'a> {
    network: &'a Tally,
    runs: AtomicUsize,
    reads: AtomicUsize,
}

impl<'a> Watched<'a> {
    fn new(network: &'a Tally) -> Self {
        Self { network, runs: AtomicUsize::new(0), reads: AtomicUsize::new(0) }
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

impl Recorded for Watched<'_> {
    fn name(&self) -> &str {
        self.network.name()
    }

    fn sites(&self) -> Vec<Site> {
        self.network.sites()
    }

    fn carries_state(&self, site: &Site) -> bool {
        self.network.carries_state(site)
    }

    fn read(&self, site: &Site, trials: &Trials, at: &[(usize, usize)]) -> Result<Tensor<2>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.network.read(site, trials, at)
    }
}

impl Network for Watched<'_> {
    fn device(&self) -> Device {
        self.network.device()
    }

    fn prepare(&self, site: &Site, trials: &Trials, positions: &[usize]) -> Result<Prefix> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.network.prepare(site, trials, positions)
    }

    fn resume(&self, resume: &Resume, edit: Edit) -> Result<Continuation> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.network.resume(resume, edit)
    }
}

/// The same pairs with natural activity: a sequence of the target's own `O`s and of as many `A`s as are sent. Every
/// `without`-th pair has none.
fn with_natural(pairs: Pairs, positions: Positions, without: usize) -> Pairs {
    let (mut sequences, mut at) = (Vec::new(), Vec::new());
    for pair in 0..pairs.len() {
        let last = pairs.target_positions[pair];
        let each = if positions == Positions::Individual { last..last + 1 } else { 0..last + 1 };
        for position in each {
            let from = if positions == Positions::Individual { pairs.source_positions[pair] } else { position };
            let sent = count(&pairs.source.tokens(pair)[..=from]) as usize;
            let others = pairs.target.tokens(pair)[..=position].iter().filter(|&&token| token == O).count();
            let tokens = [vec![B], vec![A; sent], vec![O; others]].concat();
            at.push((pair % without != 0).then_some((sequences.len(), tokens.len() - 1)));
            sequences.push((tokens.clone(), vec![false; tokens.len()]));
        }
    }
    Pairs { natural: Some(Latents { trials: trials(&sequences), at }), ..pairs }
}

/// The usual study, with natural activity for the pairs of every direction.
fn study(site: &'static str, positions: Positions) -> Study {
    let mut study = Study::new(site, positions);
    for pairs in study.training.iter_mut().chain(&mut study.validation) {
        *pairs = with_natural(pairs.clone(), positions, 7);
    }
    study
}

/// A fit by `method` in which the second network may only be read.
fn half_recorded<'a>(study: &'a Study, second: &'a dyn Recorded, method: Method, config: FitConfig) -> Fit<'a> {
    let mut fit = study.fit(method, config);
    fit.participants[1] = Participant::recorded(second, study.site).unwrap();
    fit
}

pub fn run(fit: &Fit, start: Alignment) -> Fitted {
    fit.run(start, None, &mut |_| Ok(())).unwrap()
}

/// A fit that reads `second` before its first step, and neither reads it later nor ever runs it.
#[track_caller]
fn run_reading(fit: &Fit, start: Alignment, second: &Watched) -> Fitted {
    let mut read_before = None;
    let mut note = |event: Event| {
        if matches!(event, Event::Step { .. }) {
            read_before.get_or_insert(second.reads());
        }
        Ok(())
    };
    let fitted = fit.run(start, None, &mut note).unwrap();
    assert_eq!(second.runs(), 0, "the recorded network was run");
    assert_eq!(read_before, Some(second.reads()), "the recorded network was read after the first step");
    fitted
}

fn iia(study: &Study, alignment: &Alignment, retain: mas_core::Retain) -> Vec<f64> {
    let exchanges = study.exchanges(&study.validation);
    let setting = Setting { positions: study.positions, retain };
    let outcomes = evaluate(&study.participants(), alignment, setting, &exchanges, Swap::Interchange).unwrap();
    let of = |(outcomes, pairs): (&Vec<_>, &Pairs)| accuracy(outcomes, pairs, Population::Changed).iia();
    outcomes.iter().zip(&study.validation).map(of).collect()
}

#[test]
fn clmas_aligns_a_network_that_is_never_run() {
    let study = study("state", Positions::Individual);
    let second = Watched::new(&study.networks[1]);
    let fit = half_recorded(&study, &second, Method::Clmas, config());
    let before = iia(&study, &study.start(), fit.setting.retain);
    let fitted = run_reading(&fit, study.start(), &second);
    assert_eq!(fitted.ending, Ending::Converged, "{:?}", fitted.history.last());

    // Trained directions in the order in which they are asked for: behaviour into the first, activity into the second.
    let (first, last) = (&fitted.history[0], fitted.history.last().unwrap());
    let directions = |pairs: [(usize, usize); 2]| pairs.map(|(source, target)| Direction::new(source, target)).to_vec();
    assert_eq!(first.accuracy.iter().map(|of| of.direction).collect::<Vec<_>>(), directions([(0, 0), (1, 0)]));
    assert_eq!(first.latent.iter().map(|of| of.direction).collect::<Vec<_>>(), directions([(0, 1), (1, 1)]));
    for (first, last) in first.latent.iter().zip(&last.latent) {
        assert!(last.loss < 0.5 * first.loss, "{} from {}", last.loss, first.loss);
    }
    // No label of the second network was ever seen; there is one to measure it by.
    let after = iia(&study, &fitted.alignment, fit.setting.retain);
    assert!(before[1] < 0.6 && after.iter().all(|&iia| iia > 0.95), "{before:?} became {after:?}");
}

#[test]
fn latent_stitching_runs_no_network_at_all() {
    let study = study("state", Positions::Individual);
    let watched = [0, 1].map(|network| Watched::new(&study.networks[network]));
    let mut fit = study.fit(Method::LatentStitching, config());
    fit.participants = watched.iter().map(|network| Participant::recorded(network, "state").unwrap()).collect();
    let start = study.alignment(5, |network, seed| {
        let width = network.sites()[0].width;
        mas_core::AlignmentFunction::new(mas_core::alignment::Orthogonal::random(width, seed, &Device::flex()))
    });
    let fitted = run(&fit, start);
    assert!(watched.iter().all(|network| network.runs() == 0));
    let (first, last) = (&fitted.history[0], fitted.history.last().unwrap());
    assert!(first.accuracy.is_empty() && first.latent.len() == 1);
    let (first, best) = (first.mean_latent().unwrap(), fitted.history.iter().filter_map(|v| v.mean_latent()));
    let best = best.fold(f64::INFINITY, f64::min);
    // The target's own `O`s go with everything else, so something is left; the loss still ends where it is lowest.
    assert!(best < 0.5 * first, "{best} from {first}");
    let kept = fitted.history.iter().find(|validation| validation.step == fitted.best_step).unwrap();
    assert_eq!(kept.mean_latent(), Some(best));
    assert!(last.step > 0 && fitted.ending != Ending::Plateau);
}

/// A fit may be judged by directions that have nothing but the latent loss: then that chooses what is kept.
#[test]
fn a_clmas_fit_is_judged_by_the_latent_direction_that_it_is_told() {
    let mut study = study("state", Positions::Individual);
    // The directions that are trained on behaviour cannot be learned, so that they choose by chance.
    for index in [0, 2] {
        study.training[index] = study.training[index].shuffled(Positions::Individual, 3).unwrap();
        study.validation[index] = study.validation[index].shuffled(Positions::Individual, 4).unwrap();
    }
    let second = Watched::new(&study.networks[1]);
    let judged = Direction::new(0, 1);
    let restless = FitConfig {
        learning_rate: 0.5,
        max_steps: 30,
        evaluate_every: 3,
        stop: StopRule { running: 100, patience: 100, ..StopRule::default() },
        ..config()
    };
    let fit = |config| {
        let mut fit = half_recorded(&study, &second, Method::Clmas, config);
        // So little that behaviour has a say in the score of all directions.
        fit.objective.latent_weight = 0.85;
        run(&fit, study.start())
    };
    let fitted = fit(FitConfig { judged: Some(vec![judged]), ..restless.clone() });
    let loss = |validation: &Validation| validation.latent.iter().find(|of| of.direction == judged).unwrap().loss;
    let best = fitted.history.iter().find(|validation| validation.step == fitted.best_step).unwrap();
    assert!(fitted.history.iter().all(|validation| validation.accuracy.len() == 2 && loss(validation) >= loss(best)));
    // Judged by all, the same course has its best elsewhere.
    let by_all = fit(restless);
    assert_eq!(by_all.history, fitted.history);
    assert_ne!(by_all.best_step, fitted.best_step);
}

#[test]
fn a_clmas_fit_that_was_interrupted_goes_on_to_the_same_bytes() {
    let study = study("state", Positions::Individual);
    let stop = StopRule { mark: 2.0, ..StopRule::default() };
    let config = FitConfig { batch: 8, max_steps: 9, evaluate_every: 4, stop, ..config() };
    let fit = half_recorded(&study, &study.networks[1], Method::Clmas, config);
    let whole = run(&fit, study.start());
    let folder = tempfile::tempdir().unwrap();
    for interrupted_at in [0, 4, 6, 8] {
        let path = folder.path().join(format!("{interrupted_at}.checkpoint"));
        let mut interrupt = |event: Event| match event {
            Event::Validated(validation) if validation.step == interrupted_at => Err(Error::invalid("interrupted")),
            Event::Step { step: 6, .. } if interrupted_at == 6 => Err(Error::invalid("interrupted")),
            _ => Ok(()),
        };
        assert_eq!(fit.run(study.start(), Some(&path), &mut interrupt).unwrap_err().to_string(), "interrupted");
        let resumed = fit.run(study.start(), Some(&path), &mut |_| Ok(())).unwrap();
        assert_eq!(bytes(&resumed.alignment), bytes(&whole.alignment), "interrupted at {interrupted_at}");
        assert_eq!((resumed.history, resumed.best_step), (whole.history.clone(), whole.best_step));
    }
    // Another weight, or other natural activity, is another fit.
    let path = folder.path().join("4.checkpoint");
    let mut other = half_recorded(&study, &study.networks[1], Method::Clmas, fit.config.clone());
    other.objective.latent_weight = LATENT_WEIGHT + 1.0;
    let refused = other.run(study.start(), Some(&path), &mut |_| Ok(())).unwrap_err().to_string();
    assert!(refused.contains("another fit"), "{refused}");
    let pairs = with_natural(study.training[1].clone(), Positions::Individual, 5);
    other.objective.latent_weight = LATENT_WEIGHT;
    other.training[1].pairs = &pairs;
    let refused = other.run(study.start(), Some(&path), &mut |_| Ok(())).unwrap_err().to_string();
    assert!(refused.contains("another fit"), "{refused}");
}

/// The loss of the first step, with all pairs in its batch.
pub fn first_loss(fit: &Fit, start: Alignment) -> f64 {
    let mut first = f64::NAN;
    let mut note = |event: Event| {
        if let Event::Step { loss, .. } = event {
            first = loss;
        }
        Ok(())
    };
    fit.run(start, None, &mut note).unwrap();
    first
}

#[test]
fn the_loss_is_behaviour_and_the_weighted_mean_of_latent_directions() {
    let study = study("state", Positions::Individual);
    let loss = |behaviour: &[(usize, usize)], latent: &[(usize, usize)], weight: f64| {
        let config = FitConfig { batch: 1000, max_steps: 1, ..config() };
        let mut fit = half_recorded(&study, &study.networks[1], Method::Clmas, config);
        let directions = |of: &[(usize, usize)]| of.iter().map(|&(s, t)| Direction::new(s, t)).collect();
        fit.objective.behaviour = directions(behaviour);
        fit.objective.latent = directions(latent);
        fit.objective.latent_weight = weight;
        first_loss(&fit, study.start())
    };
    let behaviour = loss(&[(0, 0), (1, 0)], &[], 1.0);
    let latent = [loss(&[], &[(0, 1)], 1.0), loss(&[], &[(1, 1)], 1.0)];
    let whole = loss(&[(0, 0), (1, 0)], &[(0, 1), (1, 1)], 0.85);
    let expected = behaviour + 0.85 * (latent[0] + latent[1]) / 2.0;
    assert!((whole - expected).abs() < 1e-5 * expected, "{whole} is not {expected}");

    // One direction by hand, over the pairs that have natural activity.
    let start = study.start();
    let evaluated = start.evaluate().unwrap();
    let pairs = &study.training[1];
    let natural = pairs.natural.as_ref().unwrap();
    let rows: Vec<usize> = (0..pairs.len()).filter(|&pair| natural.at[pair].is_some()).collect();
    assert!(rows.len() < pairs.len() && natural.missing() == pairs.len() - rows.len());
    let read = |network: &Tally, trials: &Trials, at: Vec<(usize, usize)>| {
        network.read(&network.site("state").unwrap(), trials, &at).unwrap()
    };
    let place = |positions: &[usize]| rows.iter().map(|&row| (row, positions[row])).collect();
    let from = read(&study.networks[0], &pairs.source, place(&pairs.source_positions));
    let to = read(&study.networks[1], &pairs.counterfactual, place(&pairs.target_positions));
    let goal = read(&study.networks[1], &natural.trials, natural.at.iter().flatten().copied().collect());
    let edited = mas_core::interchange(&evaluated[0], &evaluated[1], 0..1, mas_core::Retain::Rest, from, to);
    let by_hand = f64::from(counterfactual_latent_loss(edited, goal).mean().into_scalar::<f32>());
    assert!((latent[0] - by_hand).abs() < 1e-5 * by_hand, "{} is not {by_hand}", latent[0]);
}

#[test]
fn a_validation_tells_the_latent_loss_of_every_direction() {
    let study = study("state", Positions::Individual);
    let fit = half_recorded(&study, &study.networks[1], Method::Clmas, FitConfig { max_steps: 0, ..config() });
    let told = &run(&fit, study.start()).history[0];
    for of in &told.latent {
        let mut alone = half_recorded(&study, &study.networks[1], Method::Clmas, fit.config.clone());
        alone.config = FitConfig { batch: 1000, max_steps: 1, ..config() };
        alone.training = alone.validation.clone();
        alone.objective.behaviour.clear();
        alone.objective.latent = vec![of.direction];
        alone.objective.latent_weight = 1.0;
        let loss = first_loss(&alone, study.start());
        assert!((loss - of.loss).abs() < 1e-5 * loss, "{} is not {loss}", of.loss);
    }
    let score = told.mean_iia().unwrap() - 0.85 * told.mean_latent().unwrap();
    assert_eq!(told.score(0.85), score);
}

/// At a site that carries no state, every vector of a history has a natural one.
#[test]
fn stepwise_interchanges_have_a_latent_loss_where_no_state_is_carried() {
    let mut study = Study::new("input", Positions::Stepwise);
    for pairs in study.training.iter_mut().chain(&mut study.validation) {
        // What the target should come to at each position is what it reads of the source's token there.
        let at = (0..pairs.len()).flat_map(|pair| (0..=pairs.target_positions[pair]).map(move |p| Some((pair, p))));
        pairs.natural = Some(Latents { trials: pairs.source.clone(), at: at.collect() });
    }
    let second = Watched::new(&study.networks[1]);
    let fit = half_recorded(&study, &second, Method::Clmas, FitConfig { max_steps: 40, ..config() });
    let fitted = run_reading(&fit, study.start(), &second);
    let (first, last) = (&fitted.history[0], fitted.history.last().unwrap());
    assert!(last.mean_latent() < first.mean_latent(), "{last:?}");
    assert!(last.mean_iia() > first.mean_iia(), "{last:?}");
}

#[track_caller]
pub fn refused(fit: &Fit, start: Alignment, words: &[&str]) {
    let message = fit.run(start, None, &mut |_| Ok(())).unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

#[test]
fn what_cannot_be_held_against_natural_activity_is_refused() {
    let individual = study("state", Positions::Individual);
    let new = |study| half_recorded(study, &study.networks[1], Method::Clmas, config());
    // Behaviour of a network that is only recorded.
    let mut fit = new(&individual);
    fit.objective.behaviour.push(Direction::new(0, 1));
    refused(&fit, individual.start(), &["second", "only recorded"]);
    // No natural activity, in training or in validation.
    let plain = Study::new("state", Positions::Individual);
    refused(&new(&plain), plain.start(), &["0 → 1", "natural activity", "none"]);
    let mut fit = new(&individual);
    fit.validation[3].pairs = &plain.validation[3];
    refused(&fit, individual.start(), &["1 → 1", "natural activity"]);
    // None for any pair; too few; beyond the end.
    let edited = |edit: &dyn Fn(&mut Latents)| {
        let mut pairs = individual.training[1].clone();
        edit(pairs.natural.as_mut().unwrap());
        pairs
    };
    for (pairs, words) in [
        (edited(&|latents| latents.at.fill(None)), ["0 → 1", "no pair"]),
        (edited(&|latents| latents.at.truncate(3)), ["80", "3 natural"]),
        (edited(&|latents| latents.at[4] = Some((4, 99))), ["position 99", "trial 4"]),
    ] {
        let mut fit = new(&individual);
        fit.training[1].pairs = &pairs;
        refused(&fit, individual.start(), &words);
    }
    // What stepwise interchanges make of a state, no recording tells.
    let stepwise = study("state", Positions::Stepwise);
    refused(&new(&stepwise), stepwise.start(), &["stepwise", "second", "carries state", "individual"]);
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let mut fit = new(&individual);
        fit.objective.latent_weight = weight;
        refused(&fit, individual.start(), &["weight"]);
    }
}
