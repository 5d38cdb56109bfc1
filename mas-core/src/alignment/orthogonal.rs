use burn::prelude::*;
use faer::Mat;
use serde::{Deserialize, Serialize};

use super::{
    decomposition::{self, reflections, solve},
    evaluated::Evaluation,
    exponential::exponential_columns,
    part::{Named, Part},
    start,
};
use crate::{Error, Result};

/// How an orthonormal matrix follows from parameters that may take any value, so that plain gradient steps never leave
/// the orthonormal matrices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parametrisation {
    /// `Q = Q₀ · exp(A)`, `A = tril(P) − tril(P)ᵀ`, the diagonal left out (Lezcano-Casado & Martínez-Rubio, arXiv
    /// 1901.08428; the parametrisation of Grant, arXiv 2501.06164). All coordinates; `Q₀` and `P` are `[width, width]`.
    #[default]
    Exponential,
    /// `Q = Q₀ · (I − A/2)⁻¹(I + A/2)`, the Cayley transform, with the same `A`. Equal to the exponential to second order
    /// around `A = 0`. All coordinates; `Q₀` and `P` are `[width, width]`.
    Cayley,
    /// The first columns of a product of reflections `H₁ H₂ …` at the columns of tril(P), with `H = I − 2vvᵀ/‖v‖²`,
    /// computed together in the compact form `I − V T Vᵀ` (Schreiber & Van Loan, *SIAM J. Sci. Stat. Comput.* 10, 1989).
    /// Only the columns that exist cost anything: `P` is `[width, columns]`, and no `[width, width]` matrix occurs.
    Householder,
}

impl Parametrisation {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Exponential, Self::Cayley, Self::Householder];

    /// The id on the command line and in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Exponential => "exponential",
            Self::Cayley => "cayley",
            Self::Householder => "householder",
        }
    }

    /// The one that is taken where nobody asks for another: [`Householder`](Self::Householder) where the activity has at
    /// least 256 coordinates and the subspaces take at most half of them, [`Exponential`](Self::Exponential) otherwise.
    ///
    /// The exponential costs `width³`, the reflections `width · columns²`. With nearly as many columns as coordinates the
    /// last reflections have hardly any freedom left, and nothing is saved.
    pub fn for_size(width: usize, columns: usize) -> Self {
        if width >= 256 && 2 * columns <= width { Self::Householder } else { Self::Exponential }
    }
}

impl std::fmt::Display for Parametrisation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

impl std::str::FromStr for Parametrisation {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|one| one.id() == id).ok_or_else(|| {
            let known = Self::ALL.map(Self::id).join(", ");
            Error::invalid(format!("there is no parametrisation `{id}`; there are {known}"))
        })
    }
}

/// A rotation, `x · Q` with orthonormal columns `Q`: all of them, or, as [`Parametrisation::Householder`], the first few.
#[derive(Debug, Clone)]
pub struct Orthogonal {
    parametrisation: Parametrisation,
    base: Tensor<2>,
    parameters: Tensor<2>,
}

impl Orthogonal {
    /// A random rotation of `width` coordinates, uniform over the orthogonal group (Haar), drawn with `seed`.
    pub fn random(width: usize, seed: u64, device: &Device) -> Self {
        Self::at(start::random_frame(width, width, seed), Parametrisation::Exponential, device)
    }

    /// The identity on `width` coordinates.
    pub fn identity(width: usize, device: &Device) -> Self {
        Self::at(Mat::identity(width, width), Parametrisation::Exponential, device)
    }

    /// The rotation whose first columns are `frame`, `[width, columns]`; square for all but Householder.
    pub(super) fn at(frame: Mat<f64>, parametrisation: Parametrisation, device: &Device) -> Self {
        if parametrisation == Parametrisation::Householder {
            let (vectors, signs) = reflections(frame);
            let signs = Mat::from_fn(1, signs.len(), |_, column| signs[column]);
            let (base, parameters) = (decomposition::tensor(signs.as_ref(), device), vectors);
            return Self { parametrisation, base, parameters: decomposition::tensor(parameters.as_ref(), device) };
        }
        let base = decomposition::tensor(frame.as_ref(), device);
        let parameters = base.zeros_like();
        Self { parametrisation, base, parameters }
    }

    /// From stored `base` and `parameters` of the exponential, both `[width, width]`.
    ///
    /// # Errors
    /// See [`from_parts_as`](Self::from_parts_as).
    pub fn from_parts(base: Tensor<2>, parameters: Tensor<2>) -> Result<Self> {
        Self::from_parts_as(Parametrisation::Exponential, base, parameters)
    }

    /// From stored [`base`](Self::base) and [`parameters`](Self::parameters).
    ///
    /// # Errors
    /// Shapes that do not go together, numbers that are not finite, a `base` that is not orthogonal to 1e-3, a reflection
    /// without a direction.
    pub fn from_parts_as(parametrisation: Parametrisation, base: Tensor<2>, parameters: Tensor<2>) -> Result<Self> {
        let ([rows, columns], [width, vectors]) = (base.dims(), parameters.dims());
        let largest: f32 = parameters.clone().abs().sum().into_scalar();
        let damaged = |error: f32| {
            Error::NotFinite(format!(
                "the stored rotation is not one: its base is orthogonal to {error}, its parameters sum to {largest}"
            ))
        };
        if parametrisation == Parametrisation::Householder {
            if rows != 1 || vectors != columns || columns == 0 || columns > width {
                return Err(Error::invalid(format!(
                    "reflections need a row of signs and as many vectors, not more than coordinates, not {rows}×{columns} \
                     and {width}×{vectors}"
                )));
            }
            let error: f32 = (base.clone().abs() - 1.0).abs().max().into_scalar();
            let shortest: f32 = lengths(parameters.clone().tril(0)).min().into_scalar();
            if error.is_nan() || error > 1e-3 || !largest.is_finite() {
                return Err(damaged(error));
            }
            if shortest.is_nan() || shortest < 1e-12 {
                return Err(Error::invalid(format!("a reflection has no direction: its vector has length {shortest}")));
            }
        } else {
            if rows == 0 || rows != columns || parameters.dims() != [rows, columns] {
                return Err(Error::invalid(format!(
                    "a rotation needs two square matrices of one size and at least one row, not {rows}×{columns} and {:?}",
                    parameters.dims()
                )));
            }
            let gram = base.clone().transpose().matmul(base.clone());
            let error: f32 = (gram - Tensor::eye(rows, &base.device())).abs().max().into_scalar();
            if error.is_nan() || error > 1e-3 || !largest.is_finite() {
                return Err(damaged(error));
            }
        }
        Ok(Self { parametrisation, base, parameters })
    }

    /// Number of coordinates that it rotates.
    pub fn width(&self) -> usize {
        self.parameters.dims()[0]
    }

    /// How it follows from its parameters.
    pub fn parametrisation(&self) -> Parametrisation {
        self.parametrisation
    }

    /// The fixed part: `Q₀`, `[width, width]`; of reflections the sign of each column, `[1, columns]`.
    pub fn base(&self) -> &Tensor<2> {
        &self.base
    }

    /// The learned part: `[width, width]`, of which the strictly lower triangle counts; of reflections
    /// `[width, columns]`, of which the lower triangle counts.
    pub fn parameters(&self) -> &Tensor<2> {
        &self.parameters
    }

    /// The first `columns` columns of `Q`, `[width, columns]`, for `parameters` that may be tracked.
    ///
    /// # Errors
    /// Parameters that are not finite (Cayley and Householder; the exponential is then not finite either).
    pub(super) fn frame(&self, parameters: Tensor<2>, columns: usize) -> Result<Tensor<2>> {
        let width = self.width();
        if self.parametrisation == Parametrisation::Householder {
            return self.reflected(parameters, columns);
        }
        let lower = parameters.tril(-1);
        let skew = lower.clone() - lower.transpose();
        let rotation = match self.parametrisation {
            Parametrisation::Cayley => {
                let identity = Tensor::eye(width, &skew.device());
                let half = skew / 2.0;
                let forward = (identity.clone() + half.clone()).slice([0..width, 0..columns]);
                solve(identity - half, forward)?
            }
            _ => exponential_columns(skew, columns),
        };
        Ok(self.base.clone().matmul(rotation))
    }

    /// `(E − V T (EᵀV)ᵀ) · diag(signs)`, where `E` is the first `columns` columns of the identity, the columns of `V` have
    /// length 1, and `T⁻¹ = ½I + triu(VᵀV)` without its diagonal. Column j depends on the reflections up to j only.
    ///
    /// The lengths and signs go into matrices of `columns` rows, so that the long ones are only multiplied.
    fn reflected(&self, parameters: Tensor<2>, columns: usize) -> Result<Tensor<2>> {
        let width = self.width();
        let signs = self.base.clone().slice([0..1, 0..columns]);
        let top = parameters.clone().slice([0..columns, 0..columns]).tril(0);
        let below = (columns < width).then(|| parameters.slice([columns..width, 0..columns]));
        let mut gram = top.clone().transpose().matmul(top.clone());
        if let Some(below) = &below {
            // A product with itself would be differentiated twice over, with two long products for one.
            let half = below.clone().transpose().matmul(below.clone().detach());
            gram = gram + half.clone() + (half.clone() - half.detach()).transpose();
        }
        let identity = Tensor::eye(columns, &gram.device());
        // Vectors of length 1 keep T well conditioned however far the parameters go.
        let per_length = (gram.clone() * identity.clone()).sum_dim(0).sqrt().recip();
        let upright = per_length.clone().transpose();
        let inverse_t = (gram * per_length * upright.clone()).triu(1) + identity.clone() * 0.5;
        let turn = solve(inverse_t, top.clone().transpose() * upright.clone())? * upright * signs.clone();
        let turned = identity * signs - top.matmul(turn.clone());
        Ok(match below {
            Some(below) => Tensor::cat(vec![turned, below.matmul(-turn)], 0),
            None => turned,
        })
    }
}

/// The length of every column, `[1, columns]`.
fn lengths(vectors: Tensor<2>) -> Tensor<2> {
    (vectors.clone() * vectors).sum_dim(0).sqrt()
}

impl Part for Orthogonal {
    fn width(&self) -> usize {
        self.width()
    }

    fn columns(&self) -> usize {
        self.base.dims()[1]
    }

    fn learned(&self) -> Vec<Named<'_>> {
        vec![("parameters".into(), &self.parameters)]
    }

    fn fixed(&self) -> Vec<Named<'_>> {
        vec![("base".into(), &self.base)]
    }

    fn learned_mut(&mut self) -> Vec<&mut Tensor<2>> {
        vec![&mut self.parameters]
    }

    fn evaluate(&self, learned: &[Tensor<2>], columns: usize) -> Result<Evaluation> {
        Ok(Evaluation::orthonormal(self.frame(learned[0].clone(), columns)?))
    }

    fn parameter_count(&self) -> usize {
        let (width, columns) = (self.width(), self.columns());
        match self.parametrisation {
            Parametrisation::Householder => width * columns - columns * (columns - 1) / 2,
            _ => width * (width - 1) / 2,
        }
    }

    fn condition_number(&self) -> Result<Option<f64>> {
        Ok(Some(1.0))
    }
}
