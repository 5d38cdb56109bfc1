//! Fits of every alignment function: they learn, and an interrupted one goes on to the same bytes.

use mas_core::{
    Alignment, FitConfig, FunctionConfig, FunctionKind, Method, Network, Positions, Recorded, Start,
    alignment::Parametrisation,
    fit::{Event, StopRule},
};

use super::fit::{Study, bytes, config};

fn configurations() -> Vec<FunctionConfig> {
    let of = |kind, parametrisation| FunctionConfig { parametrisation, ..FunctionConfig::new(kind, Start::Random) };
    let mut all: Vec<_> = FunctionKind::ALL.into_iter().map(|kind| of(kind, None)).collect();
    all.push(of(FunctionKind::Orthogonal, Some(Parametrisation::Cayley)));
    all.push(of(FunctionKind::Relaxed, Some(Parametrisation::Householder)));
    all
}

fn start(study: &Study, config: &FunctionConfig) -> Alignment {
    study.alignment(1, |network, seed| {
        config.init(network.sites()[0].width, 1, 200 + seed, None, &network.device()).unwrap()
    })
}

#[test]
fn every_function_learns() {
    for function in configurations() {
        let study = Study::new("state", Positions::Individual);
        let never = StopRule { mark: 2.0, ..StopRule::default() };
        let fit = study.fit(Method::Mas, FitConfig { max_steps: 200, stop: never, ..config() });
        let fitted = fit.run(start(&study, &function), None, &mut |_| Ok(())).unwrap();
        let (first, last) = (fitted.history[1].loss.unwrap(), fitted.history.last().unwrap().loss.unwrap());
        // About 0.82 is what is left when every response is right: the number of demonstrations is chance.
        assert!(last < 0.85 && first > 0.88, "{function:?}: from {first} to {last}");
    }
}

#[test]
fn an_interrupted_fit_of_every_function_goes_on_to_the_same_bytes() {
    for function in configurations() {
        for positions in [Positions::Individual, Positions::Stepwise] {
            let study = Study::new("state", positions);
            let never = StopRule { mark: 2.0, ..StopRule::default() };
            let config = FitConfig { batch: 8, max_steps: 7, evaluate_every: 3, stop: never, ..config() };
            let fit = study.fit(Method::Mas, config);
            let whole = fit.run(start(&study, &function), None, &mut |_| Ok(())).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("checkpoint");
            let mut interrupt = |event: Event| match event {
                Event::Step { step: 5, .. } => Err(mas_core::Error::invalid("interrupted")),
                _ => Ok(()),
            };
            fit.run(start(&study, &function), Some(&path), &mut interrupt).unwrap_err();
            let resumed = fit.run(start(&study, &function), Some(&path), &mut |_| Ok(())).unwrap();
            assert_eq!(bytes(&resumed.alignment), bytes(&whole.alignment), "{function:?} {positions:?}");
            assert_eq!(resumed.history, whole.history);
        }
    }
}

#[test]
fn a_checkpoint_of_another_function_is_refused() {
    let study = Study::new("state", Positions::Individual);
    let fit = study.fit(Method::Mas, FitConfig { batch: 8, max_steps: 2, ..config() });
    let folder = tempfile::tempdir().unwrap();
    for (index, function) in configurations().into_iter().enumerate() {
        let path = folder.path().join(index.to_string());
        fit.run(start(&study, &function), Some(&path), &mut |_| Ok(())).unwrap();
        for other in configurations().into_iter().filter(|other| *other != function) {
            let refused = fit.run(start(&study, &other), Some(&path), &mut |_| Ok(())).unwrap_err().to_string();
            assert!(refused.contains("another fit"), "{function:?}, {other:?}: {refused}");
        }
    }
}
