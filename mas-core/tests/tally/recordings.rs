//! Networks of which there is nothing but a file.

use burn::prelude::*;
use mas_core::{
    Activity, FitConfig, Latents, Method, Pairs, Participant, Positions, Recorded, Recordings, Site, Trials,
};

use super::{
    fit::{Study, bytes, config},
    network::Tally,
    pairs::trials,
};

/// What `network` does at `state` in all of `trials`.
fn record(network: &Tally, trials: &Trials) -> Activity {
    let site = network.site("state").unwrap();
    let (time, width) = (trials.time(), site.width);
    let mut values = vec![0.0; trials.len() * time * width];
    for trial in 0..trials.len() {
        let at: Vec<_> = (0..trials.length(trial)).map(|position| (trial, position)).collect();
        let vectors = network.read(&site, trials, &at).unwrap().try_into_vec_as::<f32>().unwrap();
        values[trial * time * width..][..vectors.len()].copy_from_slice(&vectors);
    }
    let tokens = trials.padded_tokens().iter().map(|&token| token.into()).collect();
    let activity = Activity::new(values, [trials.len(), time, width], trials.lengths().to_vec()).unwrap();
    activity.with_tokens(tokens).unwrap()
}

/// All trials that a network reads in a study: as source and as target.
fn read_in(study: &Study, network: usize) -> Trials {
    let of = |pairs: &Pairs, index: usize| {
        let (source, target) = (index / 2 == network, index % 2 == network);
        let latents = pairs.natural.as_ref().map(|natural| natural.trials.clone()).filter(|_| target);
        [source.then(|| pairs.source.clone()), target.then(|| pairs.target.clone()), latents]
    };
    let pairs = study.training.iter().enumerate().chain(study.validation.iter().enumerate());
    let parts: Vec<Trials> = pairs.flat_map(|(index, pairs)| of(pairs, index)).flatten().collect();
    Trials::concatenate(&parts.iter().collect::<Vec<_>>()).unwrap()
}

/// The target's own trials serve as natural activity of each other: the next one's.
fn study() -> Study {
    let mut study = Study::new("state", Positions::Individual);
    for pairs in study.training.iter_mut().chain(&mut study.validation) {
        let next = |pair: usize| (pair + 1) % pairs.len();
        let at = (0..pairs.len()).map(|pair| Some((next(pair), pairs.target_positions[next(pair)]))).collect();
        pairs.natural = Some(Latents { trials: pairs.target.clone(), at });
    }
    study
}

#[test]
fn a_recording_gives_what_was_recorded() {
    let study = study();
    let network = &study.networks[1];
    let trials = read_in(&study, 1);
    let activity = record(network, &trials);
    let recordings = Recordings::new("second", "state", &activity, &Device::flex()).unwrap();
    let site = network.site("state").unwrap();
    assert_eq!((recordings.name(), recordings.sites()), ("second", vec![site.clone()]));
    assert!(recordings.carries_state(&site), "nobody knows");
    // Trials in another order and padded to another length.
    let rows: Vec<usize> = (0..trials.len()).rev().step_by(7).collect();
    let some = trials.select(&rows);
    let at: Vec<_> = (0..some.len()).flat_map(|trial| (0..some.length(trial)).map(move |p| (trial, p))).collect();
    let values = |tensor: Tensor<2>| tensor.try_into_vec_as::<f32>().unwrap();
    assert_eq!(values(recordings.read(&site, &some, &at).unwrap()), values(network.read(&site, &some, &at).unwrap()));
    // Each trial once, whatever the number of times that it was recorded.
    let distinct: std::collections::BTreeSet<_> = (0..trials.len()).map(|trial| trials.tokens(trial)).collect();
    assert_eq!(recordings.trials().len(), distinct.len());
    assert!(distinct.len() < trials.len());
}

#[test]
fn a_fit_to_a_recording_is_that_to_the_recorded_network() {
    let study = study();
    let recordings =
        Recordings::new("second", "state", &record(&study.networks[1], &read_in(&study, 1)), &Device::flex()).unwrap();
    let fitted = |second: &dyn Recorded| {
        let mut fit = study.fit(Method::Clmas, FitConfig { max_steps: 10, ..config() });
        fit.participants[1] = Participant::recorded(second, "state").unwrap();
        let fitted = fit.run(study.start(), None, &mut |_| Ok(())).unwrap();
        (bytes(&fitted.alignment), fitted.history)
    };
    assert_eq!(fitted(&recordings), fitted(&study.networks[1]));
}

#[test]
fn what_a_recording_does_not_hold_is_refused() {
    let network = Tally::new("tally", 4, 1);
    let [known, other] = [[1, 3, 5, 7, 2], [1, 4, 5, 6, 2]].map(|tokens| trials(&[(tokens.to_vec(), vec![false; 5])]));
    let activity = record(&network, &known);
    let recordings = Recordings::new("file", "state", &activity, &Device::flex()).unwrap();
    let site = recordings.site("state").unwrap();
    let says = |result: mas_core::Result<Tensor<2>>, words: &[&str]| {
        let message = result.unwrap_err().to_string();
        words.iter().for_each(|word| assert!(message.contains(word), "{message:?} does not say {word:?}"));
    };
    says(recordings.read(&site, &other, &[(0, 1)]), &["file", "no trial", "[1, 4, 5, 6, 2]"]);
    says(recordings.read(&site, &known, &[(0, 5)]), &["position 5"]);
    says(recordings.read(&site, &known, &[(1, 0)]), &["trial 1"]);
    says(recordings.read(&Site::new("state", 3), &known, &[(0, 0)]), &["width 4", "width 3"]);
    assert!(recordings.site("input").is_err());
    let new =
        |activity: &Activity| Recordings::new("file", "state", activity, &Device::flex()).unwrap_err().to_string();
    let without = Activity::new(activity.values().to_vec(), [1, 5, 4], vec![5]).unwrap();
    assert!(new(&without).contains("tokens"));
    let negative = without.with_tokens(vec![1, -3, 5, 7, 2]).unwrap();
    assert!(new(&negative).contains("-3"));
}
