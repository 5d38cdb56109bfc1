//! What every [`Network`] must do, checked through the trait alone, at every site and in both kinds of interchange.

use burn::prelude::*;
use mas_core::{
    At, Continuation, Edit, Error, Natural, Network, Positions, Prefix, Resume, Site, Trials, autodiff_gradient,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Runs every check on `network`.
///
/// - `trials`: at least three of at least four tokens, of different lengths, with responses
pub fn suite(network: &dyn Network, trials: &Trials) {
    for site in network.sites() {
        for interchange in [Positions::Individual, Positions::Stepwise] {
            for positions in positions_of(trials) {
                let case = Case::new(network, &site, interchange, trials, &positions);
                case.activity_put_back_changes_nothing();
                case.running_free_begins_after_the_interchange();
                case.outputs_are_each_given_once();
                case.natural_activity_that_is_known_changes_nothing();
                case.the_gradient_is_that_of_autodiff();
                case.the_gradient_is_that_of_finite_differences();
                case.a_row_is_the_same_in_any_company();
            }
            refusals(network, &site, interchange, trials);
        }
    }
    reading_beyond_what_there_is_is_refused(network, trials);
}

/// The first, a middle and the last possible position of every trial, and a mixture.
fn positions_of(trials: &Trials) -> Vec<Vec<usize>> {
    let lengths = || trials.lengths().iter().copied();
    let mixed = lengths().enumerate().map(|(trial, length)| trial * 2 % (length - 1)).collect();
    vec![vec![0; trials.len()], lengths().map(|length| length / 2).collect(), lengths().map(|l| l - 2).collect(), mixed]
}

/// Interchanges at one site, at one position of each trial.
struct Case<'a> {
    network: &'a dyn Network,
    site: &'a Site,
    interchange: Positions,
    trials: &'a Trials,
    positions: &'a [usize],
    prefix: Option<Prefix>,
    /// Where, for messages.
    label: String,
}

impl<'a> Case<'a> {
    fn new(
        network: &'a dyn Network,
        site: &'a Site,
        interchange: Positions,
        trials: &'a Trials,
        positions: &'a [usize],
    ) -> Self {
        let prefix = match interchange {
            Positions::Individual => Some(network.prepare(site, trials, positions).unwrap()),
            Positions::Stepwise => None,
        };
        let label = format!("{} at {}, {interchange:?} {positions:?}", network.name(), site.name);
        Self { network, site, interchange, trials, positions, prefix, label }
    }

    /// Whether what an interchange finds follows from the interchanges before it.
    fn is_sequential(&self) -> bool {
        self.interchange == Positions::Stepwise && self.network.carries_state(self.site)
    }

    fn resume<'b>(&'b self, rows: &'b [usize], free_running: bool) -> Resume<'b> {
        Resume {
            site: self.site,
            interchange: self.interchange,
            prefix: self.prefix.as_ref(),
            trials: self.trials,
            positions: self.positions,
            rows,
            free_running,
            natural: None,
        }
    }

    fn all_rows(&self) -> Vec<usize> {
        (0..self.trials.len()).collect()
    }

    /// The natural activity where it is exchanged.
    fn natural(&self, resume: &Resume) -> Tensor<2> {
        let at: Vec<_> = resume.exchanged().iter().map(|at| (resume.rows[at.row], at.position)).collect();
        self.network.read(self.site, self.trials, &at).unwrap()
    }

    /// Goes on with `vectors` put in; where interchanges are sequential, mixed with what follows from earlier ones.
    fn run(&self, resume: &Resume, vectors: &Tensor<2>) -> Continuation {
        if !self.is_sequential() {
            return self.network.resume(resume, Edit::Known(vectors.clone())).unwrap();
        }
        let all = resume.exchanged();
        let edit = |at: &[At], natural: Tensor<2>| {
            assert_eq!(natural.dims()[0], at.len());
            let rows = at.iter().map(|at| all.iter().position(|other| other == at).unwrap() as i32).collect::<Vec<_>>();
            let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [at.len()]), &self.network.device());
            natural * 0.5 + vectors.clone().select(0, rows) * 0.5
        };
        self.network.resume(resume, Edit::Sequential(&edit)).unwrap()
    }

    /// Natural activity with noise, about as large, on it.
    fn edited(&self, resume: &Resume) -> Tensor<2> {
        let natural = self.natural(resume);
        let size = natural.clone().abs().mean_dim(1).clamp_min(0.1);
        let [vectors, width] = natural.dims();
        // The vectors of a trial get the same noise in whatever row it stands.
        let at = resume.exchanged();
        let noise = (0..vectors).map(|index| {
            let (trial, position) = (resume.rows[at[index].row], at[index].position);
            random(width, (trial * 1000 + position) as u64).unsqueeze_dim(0)
        });
        natural + Tensor::cat(noise.collect(), 0) * size
    }

    /// An interchange that puts back what is there leaves a run as if it had not been interrupted: as one that goes on
    /// from the first position.
    fn activity_put_back_changes_nothing(&self) {
        for free_running in [false, true] {
            // Running free begins after the interchange: up to it, the response is given in both runs.
            let masked = without_response_up_to(self.trials, self.positions);
            let case = Case::new(self.network, self.site, self.interchange, &masked, self.positions);
            let rows = case.all_rows();
            let resume = case.resume(&rows, free_running);
            let edit = |_: &[At], natural: Tensor<2>| natural;
            let interrupted = match case.is_sequential() {
                true => self.network.resume(&resume, Edit::Sequential(&edit)),
                false => self.network.resume(&resume, Edit::Known(case.natural(&resume))),
            };
            let start = vec![0; rows.len()];
            let whole = Case::new(self.network, self.site, Positions::Individual, &masked, &start);
            let resume = whole.resume(&rows, free_running);
            let uninterrupted = self.network.resume(&resume, Edit::Known(whole.natural(&resume))).unwrap();
            let (interrupted, uninterrupted) = (Outputs::of(interrupted.unwrap()), Outputs::of(uninterrupted));
            for (at, logits) in interrupted.iter() {
                is_close(logits, uninterrupted.at(at), 1e-4, || format!("{}, free {free_running}, {at:?}", self.label));
            }
        }
    }

    /// Up to the interchange the tokens are read as they are given, response or not.
    fn running_free_begins_after_the_interchange(&self) {
        let masked = without_response_up_to(self.trials, self.positions);
        let case = Case::new(self.network, self.site, self.interchange, &masked, self.positions);
        let rows = self.all_rows();
        let run = |case: &Case| {
            let resume = case.resume(&rows, true);
            Outputs::of(case.run(&resume, &case.edited(&resume)))
        };
        let (free, given) = (run(self), run(&case));
        for (at, logits) in free.iter() {
            is_close(logits, given.at(at), 1e-6, || format!("{}, {at:?}", self.label));
        }
    }

    fn outputs_are_each_given_once(&self) {
        let rows = [2, 0, 1, 2];
        let resume = self.resume(&rows, false);
        let continuation = self.run(&resume, &self.edited(&resume));
        assert_eq!(continuation.logits.dims()[0], continuation.at.len());
        let mut at: Vec<_> = continuation.at.iter().map(|at| (at.row, at.position)).collect();
        at.sort_unstable();
        let of_row = |row: usize| {
            let trial = rows[row];
            (self.positions[trial]..self.trials.length(trial) - 1).map(move |position| (row, position))
        };
        assert_eq!(at, (0..4).flat_map(of_row).collect::<Vec<_>>(), "{}", self.label);
        assert_eq!(at.len(), (0..4).map(|row| resume.outputs(row)).sum::<usize>(), "{}", self.label);
    }

    /// Where all activity at the site is known, what is below it need not be run, and what is above it is the same.
    fn natural_activity_that_is_known_changes_nothing(&self) {
        if self.is_sequential() {
            return;
        }
        let begin = |position: usize| if self.interchange == Positions::Individual { position } else { 0 };
        let to_the_end: Vec<_> = (self.positions.iter().enumerate())
            .map(|(trial, &position)| begin(position)..(position + 1).max(self.trials.length(trial) - 1))
            .collect();
        let natural = Natural::read(self.network, self.site, self.trials, &to_the_end).unwrap();
        assert!(natural.at([(self.trials.len(), 0)]).is_err() && natural.at([(0, to_the_end[0].end)]).is_err());
        let (rows, weights) = ([2, 0, 1, 2], [0.7, 0.2, 1.3, 0.4]);
        for free_running in [false, true] {
            let unknown = self.resume(&rows, free_running);
            let known = Resume { natural: Some(&natural), ..unknown };
            let edited = self.edited(&unknown);
            let (ours, theirs) = (Outputs::of(self.run(&known, &edited)), Outputs::of(self.run(&unknown, &edited)));
            for (at, logits) in theirs.iter() {
                is_close(logits, ours.at(at), 1e-5, || format!("{}, free {free_running}, {at:?}", self.label));
            }
            let gradient = |resume| self.network.behaviour_gradient(resume, edited.clone(), &weights).unwrap().1;
            let (ours, theirs) = (gradient(&known), gradient(&unknown));
            let (error, size) = (norm(&(ours - theirs.clone())), norm(&theirs));
            assert!(error <= 1e-5 * size, "{}, free {free_running}: gradient {error} of {size}", self.label);
        }
    }

    fn the_gradient_is_that_of_autodiff(&self) {
        let (rows, weights) = ([1, 0, 2, 0, 1], [0.7, 0.2, 1.3, 0.0, 0.4]);
        for free_running in [false, true] {
            let resume = self.resume(&rows, free_running);
            let edited = self.edited(&resume);
            if self.is_sequential() {
                refused(self.network.behaviour_gradient(&resume, edited, &weights), &self.label);
                continue;
            }
            let (loss, gradient) = self.network.behaviour_gradient(&resume, edited.clone(), &weights).unwrap();
            let (expected_loss, expected) = autodiff_gradient(self.network, &resume, edited, &weights).unwrap();
            let error = (loss - expected_loss).abs();
            assert!(error <= 1e-5 * expected_loss.abs(), "{}: loss {loss}, {expected_loss}", self.label);
            assert!(!gradient.is_autodiff(), "{}", self.label);
            assert_eq!(gradient.dims(), expected.dims(), "{}", self.label);
            let (error, size) = (norm(&(gradient - expected.clone())), norm(&expected));
            assert!(size > 0.0, "{}: no gradient", self.label);
            assert!(error < 1e-4 * size, "{}, free {free_running}: gradient {error} of {size}", self.label);
        }
    }

    fn the_gradient_is_that_of_finite_differences(&self) {
        let (rows, weights) = ([0, 2, 1, 2], [0.7, 0.2, 1.3, 0.4]);
        let resume = self.resume(&rows, false);
        let edited = self.edited(&resume);
        let loss = |vectors: Tensor<2>| Outputs::of(self.run(&resume, &vectors)).cross_entropy(&resume, &weights);
        let gradient = if self.is_sequential() {
            let leaf = edited.clone().autodiff().require_grad();
            let loss = self.run(&resume, &leaf).cross_entropy(&resume, &weights).unwrap();
            leaf.grad(&loss.backward()).unwrap()
        } else {
            self.network.behaviour_gradient(&resume, edited.clone(), &weights).unwrap().1
        };
        let size = norm(&gradient);
        let [vectors, width] = edited.dims();
        let directions = [gradient.clone(), random(vectors * width, 1).reshape([vectors, width])];
        for direction in directions {
            let direction = direction.clone() / norm(&direction);
            let step = 1e-2 * norm(&edited) / (edited.dims()[0] as f64).sqrt();
            let moved = |steps: f64| loss(edited.clone() + direction.clone() * (steps * step));
            // Of the fourth order.
            let difference = (8.0 * (moved(1.0) - moved(-1.0)) - (moved(2.0) - moved(-2.0))) / (12.0 * step);
            let slope = f64::from((direction.clone() * gradient.clone()).sum().into_scalar::<f32>());
            let error = (difference - slope).abs();
            // The second term is what single precision leaves of a difference.
            assert!(error < 5e-3 * size + 3e-5, "{}: off by {error} of {size}", self.label);
        }
    }

    /// Neither padding, nor the order of the batch, nor its other rows matter.
    fn a_row_is_the_same_in_any_company(&self) {
        let longer: Vec<u32> = (0..self.trials.time() + 7).map(|at| self.trials.tokens(0)[at % 3]).collect();
        let mask = vec![false; longer.len()];
        let stranger = Trials::new([(longer.as_slice(), mask.as_slice())], 0).unwrap();
        let joined = Trials::concatenate(&[self.trials, &stranger]).unwrap();
        let positions: Vec<usize> = self.positions.iter().copied().chain([3]).collect();
        let company = Case::new(self.network, self.site, self.interchange, &joined, &positions);
        for free_running in [false, true] {
            let run = |case: &Case, rows: &[usize]| {
                let resume = case.resume(rows, free_running);
                Outputs::of(case.run(&resume, &case.edited(&resume)))
            };
            let rows = [2, joined.len() - 1, 0, 2, 1];
            let together = run(&company, &rows);
            for (row, &trial) in rows.iter().enumerate().filter(|&(_, &trial)| trial < self.trials.len()) {
                for (at, logits) in run(self, &[trial]).iter() {
                    let there = together.at(At { row, ..at });
                    is_close(logits, there, 2e-5, || format!("{}, free {free_running}, row {row}, {at:?}", self.label));
                }
            }
        }
    }
}

/// What cannot be is an error, and no panic.
fn refusals(network: &dyn Network, site: &Site, interchange: Positions, trials: &Trials) {
    let positions: Vec<usize> = trials.lengths().iter().map(|length| length / 2).collect();
    let case = Case::new(network, site, interchange, trials, &positions);
    let rows = case.all_rows();
    let resume = case.resume(&rows, true);
    let weights = vec![1.0; rows.len()];
    let natural = case.natural(&resume);
    let same = |_: &[At], natural: Tensor<2>| natural;
    let edit = |vectors: &Tensor<2>| match case.is_sequential() {
        true => Edit::Sequential(&same),
        false => Edit::Known(vectors.clone()),
    };
    let label = |what: &str| format!("{}: {what}", case.label);
    let resume_refused = |what: &str, resume: &Resume, edit: Edit| refused(network.resume(resume, edit), &label(what));
    network.resume(&resume, edit(&natural)).unwrap();

    let unknown = Site::new("nowhere", site.width);
    let message = refused(network.read(&unknown, trials, &[(0, 0)]), &label("unknown site"));
    assert!(message.contains("nowhere"), "{message}");
    refused(network.prepare(&unknown, trials, &positions), &label("unknown site"));
    resume_refused("unknown site", &Resume { site: &unknown, ..resume }, edit(&natural));
    let wide = Site::new(site.name.clone(), site.width + 1);
    refused(network.read(&wide, trials, &[(0, 0)]), &label("wrong width"));
    refused(network.prepare(&wide, trials, &positions), &label("wrong width"));
    resume_refused("wrong width", &Resume { site: &wide, ..resume }, edit(&natural));

    // A token that is in no vocabulary: the first, the one after the edited position, and the last, which is only to be
    // said. What a prefix has behind it is not read again.
    for at in [0, positions[0] + 1, trials.length(0) - 1] {
        let mut tokens = trials.tokens(0).to_vec();
        tokens[at] = 1_000_000;
        let mut sequences: Vec<_> =
            (0..trials.len()).map(|trial| (trials.tokens(trial), trials.response(trial))).collect();
        sequences[0].0 = &tokens;
        let foreign = Trials::new(sequences, 0).unwrap();
        let message = refused(network.read(site, &foreign, &[(0, 0)]), &label("bad token"));
        assert!(message.contains("1000000"), "{message}");
        refused(network.prepare(site, &foreign, &positions), &label("bad token"));
        let what = label(&format!("bad token at {at}"));
        for free_running in [false, true] {
            let foreign = Resume { trials: &foreign, free_running, ..resume };
            let is_read = (interchange == Positions::Stepwise || at > 0) && at < trials.length(0) - 1;
            if is_read && !(free_running && trials.response(0)[at]) {
                refused(network.resume(&foreign, edit(&natural)), &what);
            }
            if is_read || at > 0 {
                refused(network.behaviour_gradient(&foreign, natural.clone(), &weights), &what);
            }
        }
    }

    let last: Vec<usize> = trials.lengths().iter().map(|length| length - 1).collect();
    resume_refused("last token", &Resume { positions: &last, ..resume }, edit(&natural));
    resume_refused("too few positions", &Resume { positions: &positions[1..], ..resume }, edit(&natural));
    resume_refused("no such trial", &Resume { rows: &[0, trials.len()], ..resume }, edit(&natural));
    refused(network.prepare(site, trials, &positions[1..]), &label("too few positions"));
    let beyond: Vec<usize> = trials.lengths().to_vec();
    refused(network.prepare(site, trials, &beyond), &label("position beyond the end"));

    let [vectors, width] = natural.dims();
    let device = network.device();
    if !case.is_sequential() {
        for shape in [[vectors + 1, width], [vectors, width + 1], [vectors - 1, width]] {
            let other = Tensor::<2>::zeros(shape, &device);
            resume_refused("edit of another shape", &resume, Edit::Known(other.clone()));
            refused(network.behaviour_gradient(&resume, other, &weights), &label("edit of another shape"));
        }
        refused(network.behaviour_gradient(&resume, natural.clone(), &weights[1..]), &label("too few weights"));
        resume_refused("sequential edit", &resume, Edit::Sequential(&same));
    } else {
        resume_refused("known edit", &resume, Edit::Known(natural.clone()));
    }

    if interchange == Positions::Individual {
        let foreign = Prefix::new("another network's".to_owned());
        resume_refused("foreign prefix", &Resume { prefix: Some(&foreign), ..resume }, edit(&natural));
        resume_refused("no prefix", &Resume { prefix: None, ..resume }, edit(&natural));
        let fewer = network.prepare(site, &trials.select(&[0]), &positions[..1]).unwrap();
        resume_refused("prefix of fewer trials", &Resume { prefix: Some(&fewer), ..resume }, edit(&natural));
        for prefix in [Some(&foreign), None, Some(&fewer)] {
            let foreign = Resume { prefix, ..resume };
            refused(network.behaviour_gradient(&foreign, natural.clone(), &weights), &label("no prefix of its own"));
        }
    }

    // Whether nothing at all is an error is the network's to say, but it must not panic.
    let _ = network.resume(&Resume { rows: &[], ..resume }, edit(&Tensor::zeros([0, width], &device)));
}

fn reading_beyond_what_there_is_is_refused(network: &dyn Network, trials: &Trials) {
    for site in network.sites() {
        refused(network.read(&site, trials, &[(0, 0), (0, trials.length(0))]), "position beyond the end");
        refused(network.read(&site, trials, &[(trials.len(), 0)]), "trial beyond the end");
        // In the order asked for, each as often as asked for.
        let at = [(1, 2), (0, 0), (2, 1), (1, 2)];
        let rows = network.read(&site, trials, &at).unwrap();
        assert_eq!(rows.dims(), [4, site.width]);
        assert!(!rows.is_autodiff());
        for (row, &at) in at.iter().enumerate() {
            let alone: Vec<f32> = values(network.read(&site, trials, &[at]).unwrap());
            is_close(&values(rows.clone().narrow(0, row, 1)), &alone, 1e-5, || format!("{} {at:?}", site.name));
        }
    }
}

#[track_caller]
fn refused<T>(result: Result<T, Error>, label: &str) -> String {
    match result {
        Ok(_) => panic!("{label}: accepted"),
        Err(error) => error.to_string(),
    }
}

/// `trials` with the response mask cleared up to each position.
fn without_response_up_to(trials: &Trials, positions: &[usize]) -> Trials {
    let masks: Vec<Vec<bool>> = (0..trials.len())
        .map(|trial| {
            let mask = trials.response(trial).iter().enumerate();
            mask.map(|(position, &set)| set && position > positions[trial]).collect()
        })
        .collect();
    Trials::new((0..trials.len()).map(|trial| (trials.tokens(trial), masks[trial].as_slice())), 0).unwrap()
}

/// Logits by row and position.
struct Outputs(Vec<(At, Vec<f32>)>);

impl Outputs {
    fn of(continuation: Continuation) -> Self {
        let Continuation { logits, at } = continuation;
        let vocabulary = logits.dims()[1];
        let logits = values(logits);
        Self(at.into_iter().zip(logits.chunks(vocabulary).map(<[f32]>::to_vec)).collect())
    }

    fn iter(&self) -> impl Iterator<Item = (At, &[f32])> {
        self.0.iter().map(|(at, logits)| (*at, logits.as_slice()))
    }

    fn at(&self, at: At) -> &[f32] {
        self.iter().find(|(other, _)| *other == at).unwrap_or_else(|| panic!("no output at {at:?}")).1
    }

    /// The weighted cross-entropy, in f64.
    fn cross_entropy(&self, resume: &Resume, weights: &[f32]) -> f64 {
        let of_output = |(at, logits): (At, &[f32])| {
            let largest = f64::from(logits.iter().copied().fold(f32::MIN, f32::max));
            let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - largest).exp()).sum();
            let target = resume.tokens(at.row)[at.position + 1] as usize;
            f64::from(weights[at.row]) * (sum.ln() + largest - f64::from(logits[target]))
        };
        self.iter().map(of_output).sum()
    }
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.inner().try_into_vec_as::<f32>().unwrap()
}

fn norm(tensor: &Tensor<2>) -> f64 {
    values(tensor.clone()).iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

fn random(count: usize, seed: u64) -> Tensor<1> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..count).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, [count]), &Device::flex())
}

#[track_caller]
fn is_close(ours: &[f32], theirs: &[f32], tolerance: f32, label: impl Fn() -> String) {
    let size = theirs.iter().fold(1.0_f32, |size, value| size.max(value.abs()));
    let error = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max);
    assert!(error <= tolerance * size, "{}: off by {error}", label());
}
