use burn::prelude::*;
use faer::Mat;
use rand::{Rng, RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{
    AlignmentFunction, FunctionKind, Linear, Orthogonal, Parametrisation, PreStep, PreStepParts, Relaxed, Revnet,
    Scaled, decomposition, matched::matched_frames,
};
use crate::{Error, Result};

/// Where a fit begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Start {
    /// Somewhere at random.
    #[default]
    Random,
    /// The function that changes nothing: the first aligned coordinates are the first coordinates of the activity.
    Identity,
    /// The first aligned coordinates are those along which recorded activity varies most.
    Principal,
    /// The first aligned coordinates are those that lay the recorded activity of all networks on each other: what geometry
    /// alone, without any behaviour, knows of how they correspond.
    Matched,
}

impl Start {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Random, Self::Identity, Self::Principal, Self::Matched];

    /// The id on the command line and in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Identity => "identity",
            Self::Principal => "principal",
            Self::Matched => "matched",
        }
    }
}

impl std::fmt::Display for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

impl std::str::FromStr for Start {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|start| start.id() == id).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|start| start.id()).collect();
            Error::invalid(format!("there is no start `{id}`; there are {}", known.join(", ")))
        })
    }
}

/// An alignment function that is to be made.
///
/// | function | `random` | `identity` | `principal` and `matched` |
/// |---|---|---|---|
/// | `orthogonal` | uniform over the orthogonal group | identity | these axes |
/// | `scaled` | as `orthogonal`, scale 1 | the same | the same |
/// | `relaxed` | as `orthogonal`; half of the coordinates, drawn at random, have δ = −1, the others 1 | δ = 1 | δ = 1 |
/// | `linear` | `C` Gaussian with variance 1/width; half of σ −1, the others 1; no bias | identity | refused: a symmetric stretch cannot turn axes |
/// | `revnet` | weights and biases uniform in ±1/√inputs | second layers zero | refused: nothing in it turns axes |
///
/// All but `matched` are made one network at a time, by [`init`](Self::init); that one is of all networks together, by
/// [`init_matched`](Self::init_matched).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionConfig {
    /// Which of the family.
    pub kind: FunctionKind,
    /// Where it begins.
    pub start: Start,
    /// How a rotation follows from its parameters; `None` is [`Parametrisation::for_size`].
    pub parametrisation: Option<Parametrisation>,
    /// What happens to activity before the map. `linear` has a bias in any case.
    pub prestep: PreStepParts,
    /// Coupling blocks of `revnet`.
    pub blocks: usize,
}

impl Default for FunctionConfig {
    fn default() -> Self {
        Self {
            kind: FunctionKind::default(),
            start: Start::default(),
            parametrisation: None,
            prestep: PreStepParts::default(),
            blocks: 3,
        }
    }
}

impl FunctionConfig {
    /// A function of this kind that begins there.
    pub fn new(kind: FunctionKind, start: Start) -> Self {
        Self { kind, start, ..Self::default() }
    }

    /// Whether the function can begin there, and has such a rotation.
    ///
    /// # Errors
    /// It cannot turn its axes to the principal ones, or a parametrisation is given for a rotation that it does not have.
    pub fn check(&self) -> Result<()> {
        let axes = match self.start {
            Start::Principal => "principal",
            Start::Matched => "matched",
            _ => "",
        };
        if !axes.is_empty() && !self.kind.rotates() {
            return Err(Error::invalid(format!(
                "`{}` cannot begin at {axes} axes, since nothing in it turns the axes; choose `random` or `identity`",
                self.kind
            )));
        }
        match self.parametrisation {
            Some(parametrisation) if !self.kind.rotates() => Err(Error::invalid(format!(
                "`{parametrisation}` is a parametrisation of rotations, and there is none in `{}`",
                self.kind
            ))),
            _ => Ok(()),
        }
    }

    /// Whether [`init`](Self::init) takes recorded activity.
    pub fn needs_activity(&self) -> bool {
        self.start == Start::Principal || self.prestep.standardise
    }

    /// The function for activity of `width` coordinates, of which the subspaces take the first `columns` aligned ones.
    ///
    /// `seed` is that of all that is random. `activity`, `[sample, width]`, is what is standardised and what principal axes
    /// are of, after the pre-step.
    ///
    /// # Errors
    /// No coordinate, more columns than coordinates, a start that the function does not have or that takes several networks,
    /// or no activity where it is needed.
    pub fn init(
        &self,
        width: usize,
        columns: usize,
        seed: u64,
        activity: Option<&Tensor<2>>,
        device: &Device,
    ) -> Result<AlignmentFunction> {
        let prestep = self.prestep_of(width, columns, activity, device)?;
        let frame = match self.start {
            Start::Matched => return Err(Error::invalid("a matched start is that of several networks together")),
            Start::Principal => {
                let activity = activity.ok_or_else(|| Error::invalid("principal axes need recorded activity"))?;
                let seen = decomposition::matrix(&seen(&prestep, activity))?;
                Some(decomposition::principal_axes(seen.as_ref(), self.frame_columns(width, columns))?)
            }
            _ => None,
        };
        self.build(width, columns, seed, prestep, frame, device)
    }

    /// The functions of several networks that begin where their recorded activity lies on each other, whatever
    /// [`start`](Self::start) says: the orthogonal Procrustes solution of two networks, generalised Procrustes of more, and
    /// the principal axes of what is not centred of one alone. No behaviour is looked at and nothing is trained.
    ///
    /// - `columns`: aligned coordinates that the subspaces take
    ///
    /// # Errors
    /// As [`init`](Self::init); [`Error::NotMatched`] where the activity has nothing to match networks by.
    pub fn init_matched(
        &self,
        columns: usize,
        networks: &[MatchedActivity],
        device: &Device,
    ) -> Result<Vec<AlignmentFunction>> {
        let matched = Self { start: Start::Matched, ..*self };
        matched.check()?;
        let (mut presteps, mut activity) = (Vec::new(), Vec::new());
        for network in networks {
            let width = network.rows.dims()[1];
            let prestep = matched.prestep_of(width, columns, network.activity, device)?;
            activity.push(decomposition::matrix(&seen(&prestep, network.rows))?);
            presteps.push(prestep);
        }
        let all = networks.iter().any(|network| {
            let width = network.rows.dims()[1];
            matched.frame_columns(width, columns) == width
        });
        let frames = matched_frames(&activity, columns, all)?;
        let build = |((network, prestep), frame): ((&MatchedActivity, PreStep), faer::Mat<f64>)| {
            let width = network.rows.dims()[1];
            let frame = frame.subcols(0, matched.frame_columns(width, columns)).to_owned();
            matched.build(width, columns, network.seed, prestep, Some(frame), device)
        };
        networks.iter().zip(presteps).zip(frames).map(build).collect()
    }

    /// What happens to activity before the map.
    fn prestep_of(
        &self,
        width: usize,
        columns: usize,
        activity: Option<&Tensor<2>>,
        device: &Device,
    ) -> Result<PreStep> {
        self.check()?;
        if columns == 0 || columns > width {
            return Err(Error::invalid(format!(
                "the subspaces need at least one aligned coordinate and at most {width}, the width of the activity, not \
                 {columns}"
            )));
        }
        if let Some(activity) = activity
            && activity.dims()[1] != width
        {
            return Err(Error::invalid(format!(
                "recorded activity with {} coordinates is not that of a site with {width}",
                activity.dims()[1]
            )));
        }
        self.prestep.of(width, activity, device)
    }

    /// The function with `prestep`, whose rotation, if it has one, begins at `frame`, where that is given.
    fn build(
        &self,
        width: usize,
        columns: usize,
        seed: u64,
        mut prestep: PreStep,
        frame: Option<Mat<f64>>,
        device: &Device,
    ) -> Result<AlignmentFunction> {
        let rotation = |frame: Option<Mat<f64>>| {
            let frame = frame.unwrap_or_else(|| match self.start {
                Start::Random => random_frame(width, self.frame_columns(width, columns), seed),
                _ => Mat::identity(width, self.frame_columns(width, columns)),
            });
            Orthogonal::at(frame, self.parametrisation_for(width, columns), device)
        };
        let function = match self.kind {
            FunctionKind::Orthogonal => AlignmentFunction::new(rotation(frame)),
            FunctionKind::Scaled => AlignmentFunction::new(Scaled::new(rotation(frame))),
            FunctionKind::Relaxed => {
                AlignmentFunction::new(Relaxed::with_signs(rotation(frame), self.signs(width, seed, device)))
            }
            FunctionKind::Linear => {
                let map = match self.start {
                    Start::Identity => Linear::identity(width, device),
                    _ => {
                        let mut rng = ChaCha8Rng::seed_from_u64(seed);
                        let normal = drawn([width, width], &mut rng, |rng| rng.sample(StandardNormal), device);
                        Linear::drawn(normal, self.signs(width, seed, device))
                    }
                };
                prestep = prestep.with_bias(Tensor::zeros([1, width], device));
                AlignmentFunction::new(map)
            }
            FunctionKind::Revnet => AlignmentFunction::new(self.revnet(width, seed, device)?),
        };
        Ok(function.with_prestep(prestep))
    }

    fn parametrisation_for(&self, width: usize, columns: usize) -> Parametrisation {
        self.parametrisation.unwrap_or(Parametrisation::for_size(width, columns))
    }

    /// The columns of a rotation of which the subspaces take `columns`.
    fn frame_columns(&self, width: usize, columns: usize) -> usize {
        match self.parametrisation_for(width, columns) {
            Parametrisation::Householder => columns,
            _ => width,
        }
    }

    /// A row of ones, `[1, width]`; at random, half of them are −1.
    fn signs(&self, width: usize, seed: u64, device: &Device) -> Tensor<2> {
        let negative = if self.start == Start::Random { width / 2 } else { 0 };
        let mut signs: Vec<f32> = (0..width).map(|place| if place < negative { -1.0 } else { 1.0 }).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Not the stream that the rotation is drawn from.
        rng.set_stream(1);
        signs.shuffle(&mut rng);
        Tensor::from_data(TensorData::new(signs, [1, width]), device)
    }

    fn revnet(&self, width: usize, seed: u64, device: &Device) -> Result<Revnet> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut learned = Vec::new();
        for _ in 0..self.blocks {
            let shapes = Revnet::shapes(width);
            for (index, shape) in shapes.into_iter().enumerate() {
                // A bias is drawn as the weights before it.
                let inputs = shapes[index - index % 2][0].max(1) as f32;
                let bound = inputs.sqrt().recip();
                let tensor = drawn(shape, &mut rng, |rng| rng.random_range(-bound..bound), device);
                let second_layer = index % 4 >= 2;
                learned.push(if second_layer && self.start == Start::Identity { tensor * 0.0 } else { tensor });
            }
        }
        Revnet::from_parts(width, learned)
    }
}

/// One network's part in a [matched](FunctionConfig::init_matched) start.
#[derive(Debug, Clone, Copy)]
pub struct MatchedActivity<'a> {
    /// Activity `[row, width]`; row i of all networks belongs together: the same trial and position, or a state with equal
    /// values of the variables that they share.
    pub rows: &'a Tensor<2>,
    /// Activity `[sample, width]` that is standardised, where the pre-step does so.
    pub activity: Option<&'a Tensor<2>>,
    /// The seed of all that is random.
    pub seed: u64,
}

/// Activity after the pre-step.
fn seen(prestep: &PreStep, activity: &Tensor<2>) -> Tensor<2> {
    prestep.standardise(prestep.unsquash(activity.clone()))
}

fn drawn<R: Rng>(shape: [usize; 2], rng: &mut R, draw: impl Fn(&mut R) -> f32, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| draw(rng)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// `columns` orthonormal columns of `width` coordinates, uniform over all there are, drawn with `seed`.
pub(super) fn random_frame(width: usize, columns: usize, seed: u64) -> Mat<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let gaussian = Mat::<f64>::from_fn(width, columns, |_, _| rng.sample(StandardNormal));
    let qr = gaussian.qr();
    let (q, r) = (qr.compute_thin_Q(), qr.thin_R());
    // Householder QR fixes the signs of R, not of Q: undoing them makes the distribution uniform
    // (Mezzadri, arXiv math-ph/0609050).
    Mat::from_fn(width, columns, |row, column| q[(row, column)] * r[(column, column)].signum())
}
