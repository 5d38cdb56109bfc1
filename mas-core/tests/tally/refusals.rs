//! What does not fit is refused before anything is learned, in words that say what it was.

use burn::prelude::*;
use mas_core::{
    Alignment, AlignmentFunction, Direction, Error, FitConfig, Member, Method, Objective, Pairs, Participant,
    Positions, Recorded, Retain, Setting, Site, Subspaces, Swap, Trials,
    alignment::Orthogonal,
    evaluate,
    fit::{Ending, Event},
};

use super::{
    fit::{Study, config},
    network::{PAD, Tally},
    pairs::{pairs, trials},
};

fn study() -> Study {
    Study::new("state", Positions::Individual)
}

/// The message of a fit's refusal, after an edit of the fit.
#[track_caller]
fn refused<'a>(study: &'a Study, start: Alignment, edit: impl FnOnce(&mut mas_core::Fit<'a>)) -> String {
    let mut fit = study.fit(Method::Mas, FitConfig { max_steps: 2, ..config() });
    edit(&mut fit);
    fit.run(start, None, &mut |_| Ok(())).unwrap_err().to_string()
}

#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

#[test]
fn an_objective_that_names_no_network_or_nothing_is_refused() {
    let study = study();
    let behaviour = |behaviour: Vec<Direction>| {
        refused(&study, study.start(), |fit| fit.objective = Objective { behaviour, ..Objective::default() })
    };
    says(&behaviour(vec![Direction::new(0, 1), Direction::new(0, 2)]), &["0 → 2", "2"]);
    says(&behaviour(vec![Direction::new(7, 1)]), &["7 → 1"]);
    says(&behaviour(Vec::new()), &["direction"]);
}

#[test]
fn a_direction_without_pairs_is_refused() {
    let study = study();
    let message = refused(&study, study.start(), |fit| fit.training.retain(|e| e.direction != Direction::new(1, 0)));
    says(&message, &["1 → 0", "training"]);
    let message = refused(&study, study.start(), |fit| fit.validation.retain(|e| e.direction != Direction::new(1, 1)));
    says(&message, &["1 → 1", "validation"]);

    let none = Pairs {
        source: Trials::default(),
        source_positions: Vec::new(),
        target: Trials::default(),
        target_positions: Vec::new(),
        counterfactual: Trials::default(),
        changed: Vec::new(),
        untrained_count: Vec::new(),
        natural: None,
    };
    let mut fit = study.fit(Method::Mas, config());
    fit.training[2].pairs = &none;
    let message = fit.run(study.start(), None, &mut |_| Ok(())).unwrap_err().to_string();
    says(&message, &["no pairs", "second → first"]);
    let mut exchanges = study.exchanges(&study.validation);
    exchanges[0].pairs = &none;
    let message = evaluate(&study.participants(), &study.start(), Setting::default(), &exchanges, Swap::Interchange);
    says(&message.unwrap_err().to_string(), &["no pairs", "first → first"]);
}

#[test]
fn pairs_that_contradict_themselves_are_refused() {
    let whole = pairs(6, Positions::Individual, 1);
    let broken = |edit: &dyn Fn(&mut Pairs)| {
        let mut pairs = whole.clone();
        edit(&mut pairs);
        let message = pairs.check().unwrap_err().to_string();
        let study = study();
        let mut exchanges = study.exchanges(&study.validation);
        exchanges[0].pairs = &pairs;
        let evaluated = evaluate(&study.participants(), &study.start(), Setting::default(), &exchanges, Swap::NoSwap);
        assert_eq!(evaluated.unwrap_err().to_string(), message);
        message
    };
    says(&broken(&|pairs| assert!(pairs.source_positions.pop().is_some())), &["6", "5", "source positions"]);
    says(&broken(&|pairs| assert!(pairs.target_positions.pop().is_some())), &["6", "5", "target positions"]);
    says(&broken(&|pairs| assert!(pairs.changed.pop().is_some())), &["changed"]);
    says(&broken(&|pairs| assert!(pairs.untrained_count.pop().is_some())), &["untrained_count"]);
    says(&broken(&|pairs| pairs.target = pairs.target.select(&[0, 1])), &["targets"]);
    says(&broken(&|pairs| pairs.counterfactual = pairs.counterfactual.select(&[0, 1])), &["counterfactuals"]);
    says(&broken(&|pairs| pairs.source_positions[3] = pairs.source.length(3)), &["pair 3", "source"]);
    says(
        &broken(&|pairs| pairs.target_positions[4] = pairs.counterfactual.length(4) - 1),
        &["pair 4", "nothing follows"],
    );
    says(&broken(&|pairs| pairs.counterfactual = pairs.counterfactual.select(&[1, 2, 3, 4, 5, 0])), &["pair", "begin"]);
    says(
        &broken(&|pairs| {
            let tokens: Vec<_> = (0..6)
                .map(|pair| {
                    let tokens = pairs.counterfactual.tokens(pair).to_vec();
                    let silent = vec![false; tokens.len()];
                    (tokens, silent)
                })
                .collect();
            pairs.counterfactual = trials(&tokens);
        }),
        &["pair 0", "response"],
    );
}

#[test]
fn stepwise_interchanges_at_unequal_positions_are_refused() {
    let mut study = Study::new("state", Positions::Stepwise);
    study.training[0].source_positions[0] += 1;
    says(&refused(&study, study.start(), |_| ()), &["same position"]);
}

#[test]
fn more_coordinates_than_there_are_is_refused() {
    let study = study();
    let members = study.start().members().to_vec();
    let message = Alignment::new(members, Subspaces::new([("count", 6)]).unwrap()).unwrap_err().to_string();
    says(&message, &["6", "5", "first"]);
}

#[test]
fn an_alignment_of_other_networks_is_refused() {
    let study = study();
    let members = study.start().members().to_vec();
    let subspaces = || Subspaces::new([("count", 1)]).unwrap();
    let one = Alignment::new(members[..1].to_vec(), subspaces()).unwrap();
    says(&refused(&study, one, |_| ()), &["1", "2"]);
    let swapped = Alignment::new(vec![members[1].clone(), members[0].clone()], subspaces()).unwrap();
    says(&refused(&study, swapped, |_| ()), &["second", "7", "5"]);
    let elsewhere = |member: &Member| Member { site: Site::new("input", member.site.width), ..member.clone() };
    let elsewhere = Alignment::new(members.iter().map(elsewhere).collect(), subspaces()).unwrap();
    says(&refused(&study, elsewhere, |_| ()), &["input", "state"]);
}

#[test]
fn an_exchange_of_no_subspace_is_refused() {
    let study = study();
    says(&refused(&study, study.start(), |fit| fit.training[0].subspace = 1), &["subspace 1"]);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let study = study();
    let setting = |edit: &dyn Fn(&mut FitConfig)| refused(&study, study.start(), |fit| edit(&mut fit.config));
    says(&setting(&|config| config.batch = 0), &["batch"]);
    says(&setting(&|config| config.evaluate_every = 0), &["interval"]);
    for rate in [0.0, -1e-3, f64::NAN, f64::INFINITY] {
        says(&setting(&|config| config.learning_rate = rate), &["learning rate"]);
    }
    says(&refused(&study, study.start(), |fit| fit.setting.retain = Retain::Nothing), &["retains"]);
}

#[test]
fn a_network_that_is_only_recorded_cannot_be_trained_on_or_measured() {
    let study = study();
    let participants = || {
        vec![
            Participant::live(&study.networks[0], "state").unwrap(),
            Participant::recorded(&study.networks[1], "state").unwrap(),
        ]
    };
    let message = refused(&study, study.start(), |fit| fit.participants = participants());
    says(&message, &["second", "only recorded"]);
    let exchanges = study.exchanges(&study.validation);
    let measured = |index: usize| {
        let exchange = [exchanges[index]];
        evaluate(&participants(), &study.start(), Setting::default(), &exchange, Swap::Interchange)
    };
    // 0 → 0 and 1 → 0 run the first network only.
    assert!(measured(0).is_ok() && measured(2).is_ok());
    for index in [1, 3] {
        says(&measured(index).unwrap_err().to_string(), &["second", "only recorded"]);
    }
}

#[test]
fn a_site_that_there_is_not_is_refused_with_those_that_there_are() {
    let network = Tally::new("tally", 4, 1);
    let message = Participant::live(&network, "hidden").map(|_| ()).unwrap_err().to_string();
    says(&message, &["tally", "hidden", "input", "state"]);
    let message = Participant::recorded(&network, "hidden").map(|_| ()).unwrap_err().to_string();
    says(&message, &["tally", "hidden", "input", "state"]);
}

/// A network must refuse to give such activity; one that gives it all the same does not get far.
#[test]
fn activity_that_is_not_finite_ends_a_fit() {
    let mut study = study();
    study.networks[1] = Tally::new("second", 7, 2).broken();
    let fit = study.fit(Method::Mas, FitConfig { max_steps: 2, ..config() });
    let mut steps = 0;
    let mut count = |event: Event| {
        steps += usize::from(matches!(event, Event::Step { .. }));
        Ok(())
    };
    let error = fit.run(study.start(), None, &mut count).unwrap_err();
    assert!(matches!(error, Error::NotFinite(_)), "{error}");
    assert_eq!(steps, 0);
}

/// Nothing of the state may become NaN, and what the last good validation left stays whole.
#[test]
fn a_fit_that_diverges_ends_with_its_best_alignment() {
    let study = study();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let start = super::fit::bytes(&study.start());
    // Maps that are not finite after the first step, and parameters that are not in it.
    for (learning_rate, steps) in [(1e36, 1), (1e39, 0)] {
        let config = FitConfig { learning_rate, max_steps: 50, evaluate_every: 1, ..config() };
        let fit = study.fit(Method::Mas, config);
        for _ in ["afresh", "from its checkpoint"] {
            let fitted = fit.run(study.start(), Some(&path), &mut |_| Ok(())).unwrap();
            assert_eq!((fitted.ending, fitted.best_step, fitted.steps), (Ending::Diverged, 0, steps));
            assert_eq!(super::fit::bytes(&fitted.alignment), start);
        }
        std::fs::remove_file(&path).unwrap();
    }
}

/// A checkpoint after five steps.
struct Checkpoint {
    study: Study,
    folder: tempfile::TempDir,
}

impl Checkpoint {
    fn new() -> Self {
        let (study, folder) = (study(), tempfile::tempdir().unwrap());
        let checkpoint = Self { study, folder };
        checkpoint.resume(checkpoint.study.start(), |_| ()).unwrap();
        checkpoint
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("fit.checkpoint")
    }

    fn resume(&self, start: Alignment, edit: impl FnOnce(&mut mas_core::Fit)) -> Result<(), Error> {
        let mut fit = self.study.fit(Method::Mas, FitConfig { max_steps: 5, evaluate_every: 5, ..config() });
        edit(&mut fit);
        fit.run(start, Some(&self.path()), &mut |_| Ok(())).map(|_| ())
    }

    /// A message that names the file.
    #[track_caller]
    fn is_refused(&self, start: Alignment, edit: impl FnOnce(&mut mas_core::Fit)) -> String {
        let message = self.resume(start, edit).expect_err("the checkpoint was taken").to_string();
        says(&message, &[&self.path().display().to_string()]);
        message
    }
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let checkpoint = Checkpoint::new();
    let whole = std::fs::read(checkpoint.path()).unwrap();
    for length in [0, 1, 8, 60, whole.len() / 2, whole.len() - 1] {
        std::fs::write(checkpoint.path(), &whole[..length]).unwrap();
        checkpoint.is_refused(checkpoint.study.start(), |_| ());
    }
    std::fs::write(checkpoint.path(), b"something else altogether, long enough for a header").unwrap();
    checkpoint.is_refused(checkpoint.study.start(), |_| ());

    // A number that is not finite among the parameters, which come last.
    let mut poisoned = whole.clone();
    let end = poisoned.len();
    poisoned[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(checkpoint.path(), &poisoned).unwrap();
    says(&checkpoint.is_refused(checkpoint.study.start(), |_| ()), &["finite"]);

    // A word of the progress that is none.
    let word = whole.windows(9).position(|window| window == b"best_step").unwrap();
    let mut other = whole.clone();
    other[word] = b'B';
    std::fs::write(checkpoint.path(), &other).unwrap();
    checkpoint.is_refused(checkpoint.study.start(), |_| ());

    std::fs::write(checkpoint.path(), &whole).unwrap();
    checkpoint.resume(checkpoint.study.start(), |_| ()).unwrap();
}

#[test]
fn a_checkpoint_of_other_networks_is_refused() {
    let checkpoint = Checkpoint::new();
    let mut other = study();
    other.networks = vec![Tally::new("first", 5, 1), Tally::new("second", 6, 2)];
    let fit = other.fit(Method::Mas, config());
    let error = fit.run(other.start(), Some(&checkpoint.path()), &mut |_| Ok(())).unwrap_err().to_string();
    says(&error, &["another fit", &checkpoint.path().display().to_string()]);
}

/// Parameters mean nothing but beside the rotation that they started from.
#[test]
fn a_checkpoint_of_another_start_is_refused() {
    let checkpoint = Checkpoint::new();
    let other = checkpoint.study.alignment(1, |network, _| {
        AlignmentFunction::new(Orthogonal::random(network.sites()[0].width, 99, &Device::flex()))
    });
    says(&checkpoint.is_refused(other, |_| ()), &["another fit"]);
}

#[test]
fn a_checkpoint_of_other_settings_is_refused() {
    let checkpoint = Checkpoint::new();
    let start = || checkpoint.study.start();
    says(&checkpoint.is_refused(start(), |fit| fit.config.seed = 9), &["another fit"]);
    says(&checkpoint.is_refused(start(), |fit| fit.config.learning_rate = 0.7), &["another fit"]);
    says(&checkpoint.is_refused(start(), |fit| fit.objective.behaviour.truncate(3)), &["another fit"]);
    says(&checkpoint.is_refused(start(), |fit| fit.training.swap(0, 1)), &["another fit"]);
    let other = pairs(80, Positions::Individual, 9);
    let mut fit = checkpoint.study.fit(Method::Mas, FitConfig { max_steps: 5, evaluate_every: 5, ..config() });
    fit.training[2].pairs = &other;
    let message = fit.run(start(), Some(&checkpoint.path()), &mut |_| Ok(())).unwrap_err().to_string();
    says(&message, &["another fit"]);
    let wider = Alignment::new(start().members().to_vec(), Subspaces::new([("count", 2)]).unwrap()).unwrap();
    says(&checkpoint.is_refused(wider, |_| ()), &["another fit"]);
    // To go on for longer is no other fit.
    checkpoint.resume(start(), |fit| fit.config.max_steps = 7).unwrap();
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_named() {
    let study = study();
    let path = std::path::Path::new("/no/such/folder/fit.checkpoint");
    let fit = study.fit(Method::Mas, FitConfig { max_steps: 5, ..config() });
    let error = fit.run(study.start(), Some(path), &mut |_| Ok(())).unwrap_err().to_string();
    says(&error, &["/no/such/folder"]);
}

#[test]
fn trials_that_cannot_be_are_refused() {
    let refused = |tokens: &[u32], response: &[bool]| {
        Trials::new([([1_u32].as_slice(), [true].as_slice()), (tokens, response)], PAD).unwrap_err().to_string()
    };
    says(&refused(&[], &[]), &["trial 1"]);
    says(&refused(&[1, 2], &[true]), &["trial 1", "2", "1"]);
}
