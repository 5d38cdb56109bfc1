//! The length of every counterfactual, for every value and every target position, against closed forms in integers.

mod tasks;

use std::collections::HashSet;

use mas_tasks::{DropReason, Error, Pair, PairConfig, ProgramKind, Sequence, Task, TaskConfig, TaskKind, Variable};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use tasks::{every_task, responses};

const COUNTING: [TaskKind; 6] = [
    TaskKind::MultiObject,
    TaskKind::SingleObject,
    TaskKind::SameObject,
    TaskKind::Modulo,
    TaskKind::Rounding,
    TaskKind::Square,
];

/// Where a position is: after the n-th demonstration, or after the k-th response.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Demonstration(u32),
    Response(u32),
}
use Place::{Demonstration, Response};

/// How a counterfactual goes on: demonstrations and then the trigger, or not; then responses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rest {
    Shown(u32, u32),
    Answered(u32),
    Dropped(DropReason),
}
use Rest::{Answered, Dropped, Shown};

const NEVER: Rest = Dropped(DropReason::NeverTaken);

struct Case {
    task: Task,
    sequence: Sequence,
    n: u32,
    place: Place,
}

impl Case {
    fn position(&self) -> usize {
        match self.place {
            Demonstration(n) => n as usize,
            Response(k) => (self.n + 1 + k) as usize,
        }
    }
}

fn build(kind: TaskKind, program: ProgramKind) -> Task {
    TaskConfig::new(kind).with_program(program).build().unwrap()
}

/// Every eligible position of a sequence with each of these numbers of demonstrations.
fn cases(task: &Task, counts: impl IntoIterator<Item = u32>) -> Vec<Case> {
    let mut cases = Vec::new();
    for n in counts {
        let sequence = task.sample_count(n, &mut ChaCha8Rng::seed_from_u64(u64::from(n))).unwrap();
        let places = (1..=n).map(Demonstration).chain((1..=responses(task.kind(), n)).map(Response));
        cases.extend(places.map(|place| Case { task: task.clone(), sequence: sequence.clone(), n, place }));
    }
    cases
}

/// Sources: one position for every value that the variable takes in each phase.
fn source_cases(task: &Task, variable: Variable) -> Vec<Case> {
    let mut seen = HashSet::new();
    let mut cases = cases(task, 1..=20);
    cases.retain(|case| {
        let state = task.state_after(&case.sequence.tokens[..=case.position()]).unwrap();
        let value = |variable| state.get(variable).map(|value| (value * 1e6).round() as i64);
        match variable {
            Variable::Full => seen.insert((Some(state.key()), None, None)),
            _ => seen.insert((None, value(variable), value(Variable::Phase))),
        }
    });
    if task.kind() == TaskKind::Square {
        // Hundreds of responses say nothing new.
        cases.retain(|case| matches!(case.place, Response(k) if k % 67 == 0) || case.n <= 4 || case.position() <= 20);
    }
    cases
}

/// Targets: every position of every N within a task; fewer N across tasks and where responses are many.
fn target_cases(source: &Task, task: &Task) -> Vec<Case> {
    match (task.kind(), source.kind() == task.kind()) {
        (TaskKind::Square, true) => cases(task, [1, 2, 3, 5, 9, 20]),
        (TaskKind::Square, false) => cases(task, [2, 7, 13]),
        (_, true) => cases(task, 1..=20),
        (_, false) => cases(task, [1, 2, 6, 13, 20]),
    }
}

/// What the counterfactual is found to be, with its parts checked.
fn found(config: &PairConfig, source: &Case, target: &Case) -> (Rest, Option<Pair>) {
    let (from, to) = (source.position(), target.position());
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let pair = match config.interchange(&source.sequence, from, &target.sequence, to, &mut rng) {
        Ok(pair) => pair,
        Err(Error::Dropped(reason)) => return (Dropped(reason), None),
        Err(other) => panic!("unexpected error {other}"),
    };
    assert_eq!(pair.prefix(), &target.sequence.tokens[..=to]);
    let (tokens, mask) = pair.continuation();
    let vocabulary = target.task.vocabulary();
    assert_eq!(tokens.last(), Some(&vocabulary.end()));
    let answered = tokens.len() as u32 - 1;
    let rest = match tokens.iter().position(|id| Some(*id) == vocabulary.trigger()) {
        Some(at) => {
            assert!(tokens[..at].iter().all(|id| vocabulary.demonstrations().contains(id)));
            assert!(mask[..=at].iter().all(|determined| !determined) && mask[at + 1..].iter().all(|d| *d));
            Shown(at as u32, answered - at as u32 - 1)
        }
        None => {
            assert!(mask.iter().all(|determined| *determined));
            Answered(answered)
        }
    };
    let answers = &tokens[tokens.len() - 1 - answered.min(1) as usize..tokens.len() - 1];
    assert!(answers.iter().all(|id| vocabulary.responses().contains(id) || Some(*id) == vocabulary.trigger()));
    (rest, Some(pair))
}

/// Checks a closed form over the whole grid, and that it has seen both pairs and drops if it should.
fn check(
    source: &Task,
    target: &Task,
    variable: impl Into<mas_tasks::VariablePair>,
    expected: impl Fn(&Case, &Case) -> Rest,
) {
    let config = PairConfig::new(source.clone(), target.clone(), variable);
    let targets = target_cases(source, target);
    for source in source_cases(source, config.variables[0].source) {
        for target in &targets {
            let (rest, pair) = found(&config, &source, target);
            let place = format!(
                "{} → {}, {}: N {} {:?} → N {} {:?}",
                source.task.kind(),
                target.task.kind(),
                config.variables[0],
                source.n,
                source.place,
                target.n,
                target.place
            );
            assert_eq!(rest, expected(&source, target), "{place}");
            if let Some(pair) = pair {
                assert_eq!(pair.changed, changes(target, rest), "changed: {place}");
            }
        }
    }
}

/// Whether a target left alone answers otherwise, from what it has seen and is shown alone.
fn changes(target: &Case, rest: Rest) -> bool {
    let kind = target.task.kind();
    match (target.place, rest) {
        (Demonstration(seen), Shown(more, answers)) => {
            let total = seen + more;
            // Only this program has no answer to more than it knows.
            let too_many = total > 20 && target.task.program() == ProgramKind::CountUpIncrement;
            too_many || responses(kind, total) != answers
        }
        (Response(given), Answered(answers)) => responses(kind, target.n) - given != answers,
        _ => true,
    }
}

fn max_responses(kind: TaskKind) -> u32 {
    (1..=20).map(|n| responses(kind, n)).max().unwrap()
}

/// Count Up, Count Down: the count at a place.
fn count(case: &Case) -> u32 {
    match case.place {
        Demonstration(n) => n,
        Response(k) => responses(case.task.kind(), case.n) - k,
    }
}

fn showing(target: &Case, count: u32) -> Rest {
    if count > 20 {
        return NEVER;
    }
    Shown(target.n.saturating_sub(count), responses(target.task.kind(), target.n.max(count)))
}

fn answering(target: &Case, count: u32) -> Rest {
    if count > max_responses(target.task.kind()) { NEVER } else { Answered(count) }
}

fn settled(target: &Case, count: u32) -> u32 {
    if target.task.kind() == TaskKind::Modulo { count % 4 } else { count }
}

fn count_swapped(source: &Case, target: &Case) -> Rest {
    match target.place {
        Demonstration(_) => showing(target, count(source)),
        Response(_) => answering(target, settled(target, count(source))),
    }
}

#[test]
fn count_within_and_across_tasks() {
    for source in COUNTING {
        for target in COUNTING {
            let (source, target) = (build(source, ProgramKind::CountUpDown), build(target, ProgramKind::CountUpDown));
            check(&source, &target, Variable::Count, count_swapped);
        }
    }
}

#[test]
fn phase_within_and_across_tasks() {
    for kind in COUNTING {
        let task = build(kind, ProgramKind::CountUpDown);
        check(&task, &task, Variable::Phase, |source, target| match source.place {
            Demonstration(_) => showing(target, count(target)),
            Response(_) => answering(target, count(target)),
        });
    }
}

#[test]
fn full_within_and_across_tasks() {
    for source in COUNTING {
        for target in [TaskKind::MultiObject, TaskKind::Modulo, TaskKind::Square] {
            let (source, target) = (build(source, ProgramKind::CountUpDown), build(target, ProgramKind::CountUpDown));
            check(&source, &target, Variable::Full, |source, target| match source.place {
                Demonstration(n) => showing(target, n),
                Response(_) => answering(target, settled(target, count(source))),
            });
        }
    }
}

#[test]
fn count_up_up() {
    for kind in COUNTING {
        let task = build(kind, ProgramKind::CountUpUp);
        let f = |n| responses(kind, n);
        check(&task, &task, Variable::DemonstrationCount, |source, target| {
            let shown = if let Demonstration(n) = source.place { n } else { source.n };
            match target.place {
                Demonstration(_) => showing(target, shown),
                Response(given) => Answered(f(shown).saturating_sub(given)),
            }
        });
        check(&task, &task, Variable::ResponseCount, |source, target| match (source.place, target.place) {
            (Demonstration(_), Demonstration(shown)) => showing(target, shown),
            (Response(_), Demonstration(_)) => NEVER,
            (Demonstration(_), Response(_)) => Answered(f(target.n)),
            (Response(given), Response(_)) => Answered(f(target.n).saturating_sub(given)),
        });
        check(&task, &task, Variable::Phase, |source, target| match (source.place, target.place) {
            (Demonstration(_), Demonstration(shown)) => showing(target, shown),
            (Response(_), Demonstration(shown)) => Answered(f(shown)),
            (Demonstration(_), Response(_)) => NEVER,
            (Response(_), Response(given)) => Answered(f(target.n) - given),
        });
    }
}

#[test]
fn count_up_increment() {
    // Counts as fractions of 20: the k-th of m responses has reached k/m, n demonstrations n/20.
    let fraction = |case: &Case| match case.place {
        Demonstration(n) => (n, 20),
        Response(k) => (k, responses(case.task.kind(), case.n)),
    };
    // The smallest j with a/b + j/m at least 1 − 1/800: 20 − 1/40 of 20.
    let left = |(a, b): (u32, u32), m: u32| (0..=401).find(|j| 800 * (a * m + j * b) >= 799 * b * m).unwrap();
    for kind in COUNTING {
        let task = build(kind, ProgramKind::CountUpIncrement);
        let steps: Vec<_> = (1..=20).map(|n| responses(kind, n)).filter(|m| *m > 0).collect();
        check(&task, &task, Variable::Count, |source, target| {
            let (a, b) = fraction(source);
            match target.place {
                Demonstration(_) if 20 * a % b != 0 => NEVER,
                Demonstration(_) => showing(target, 20 * a / b),
                Response(_) if steps.iter().all(|m| a * m % b != 0) => NEVER,
                Response(_) => Answered(left((a, b), responses(kind, target.n))),
            }
        });
        check(&task, &task, Variable::Increment, |source, target| match (source.place, target.place) {
            (Response(_), Response(_)) => Answered(left(fraction(target), responses(kind, source.n))),
            _ => Dropped(DropReason::Undefined),
        });
        check(&task, &task, Variable::Full, |source, target| match source.place {
            Demonstration(n) => showing(target, n),
            Response(k) => Answered(responses(kind, source.n) - k),
        });
    }
}

/// All variables of a program that has no other memory, written at once, are its whole state, in whatever order.
#[test]
fn several_variables_are_written_at_once() {
    for kind in [TaskKind::MultiObject, TaskKind::Modulo, TaskKind::Rounding] {
        let task = TaskConfig::new(kind).build().unwrap();
        let config = |variable| PairConfig::new(task.clone(), task.clone(), variable);
        let orders = [
            config(Variable::Phase).and(Variable::Count),
            config(Variable::Count).and(Variable::Phase),
            config(Variable::Full),
        ];
        let mut both_ways = 0;
        for source in source_cases(&task, Variable::Full) {
            for target in cases(&task, [1, 2, 5, 13, 20]) {
                let [one, other, full] = orders.each_ref().map(|config| found(config, &source, &target));
                assert_eq!(one, full, "{kind} {:?} → {:?}", source.place, target.place);
                assert_eq!(other, full, "{kind} {:?} → {:?}", source.place, target.place);
                both_ways += usize::from(one.1.is_some());
            }
        }
        assert!(both_ways > 1000, "{both_ways}");
    }
    let task = TaskConfig::new(TaskKind::MultiObject).build().unwrap();
    let config = PairConfig::new(task.clone(), task.clone(), Variable::Count);
    for refused in [
        config.clone().and(Variable::Count),
        config.clone().and(Variable::Full),
        config.clone().and(Variable::Operand),
        config.clone().and(Variable::Phase).with_range(0.0, 5.0),
        PairConfig { variables: Vec::new(), ..config },
    ] {
        assert!(refused.check().is_err(), "{:?}", refused.variables);
    }
}

#[test]
fn writing_what_is_there_changes_nothing() {
    for task in every_task() {
        let variables = task.variables().iter().chain(&[Variable::Full]);
        for &variable in variables {
            let config = PairConfig::new(task.clone(), task.clone(), variable);
            let mut tried = 0;
            for (index, sequence) in task.sequences_per_count(1, 3).into_iter().enumerate() {
                for position in 1..sequence.len() - 1 {
                    let mut rng = ChaCha8Rng::seed_from_u64(index as u64);
                    let pair = match config.interchange(&sequence, position, &sequence, position, &mut rng) {
                        Ok(pair) => pair,
                        Err(Error::Dropped(DropReason::Undefined)) => {
                            assert_eq!(pair_variable(&task, &sequence, position, variable), None);
                            continue;
                        }
                        Err(Error::IneligiblePosition { .. }) => {
                            assert_eq!(Some(sequence.tokens[position]), task.vocabulary().trigger());
                            continue;
                        }
                        Err(other) => panic!("{} {variable}: {other}", task.kind()),
                    };
                    assert!(!pair.changed);
                    assert_eq!(pair.target_variables_before, pair.target_variables_after);
                    assert_eq!(pair.counterfactual.len(), sequence.len());
                    assert_eq!(pair.counterfactual.response, sequence.response);
                    assert!(task.states(&pair.counterfactual.tokens).is_ok());
                    tried += 1;
                }
            }
            assert!(tried > 10, "{} {variable}", task.kind());
        }
    }
}

fn pair_variable(task: &Task, sequence: &Sequence, position: usize, variable: Variable) -> Option<f64> {
    task.state_after(&sequence.tokens[..=position]).unwrap().get(variable)
}

#[test]
fn smaller_counts_have_their_own_limits() {
    let small = TaskConfig::new(TaskKind::MultiObject).with_counts(2..=5).build().unwrap();
    let large = TaskConfig::new(TaskKind::MultiObject).build().unwrap();
    let config = PairConfig::new(large.clone(), small.clone(), Variable::Count);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let source = large.sample_count(20, &mut rng).unwrap();
    let target = small.sample_count(3, &mut rng).unwrap();
    assert!(config.interchange(&source, 5, &target, 1, &mut rng).is_ok());
    let dropped = config.interchange(&source, 6, &target, 1, &mut rng);
    assert_eq!(dropped, Err(Error::Dropped(DropReason::NeverTaken)));
}
