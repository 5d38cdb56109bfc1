use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, activation};

use crate::Result;
use crate::gelu::{gelu, normal_cdf, normal_density};
use crate::layer_norm::LayerNorm;
use crate::parameters::{Initial, ParameterSpec, Parameters};

/// The read-out: `Linear(d, 4d) → exact GELU → layer norm (if any) → dropout (in training) → Linear(4d, vocabulary)`.
#[derive(Module, Debug)]
pub struct ReadOut {
    pub(super) w_in: Param<Tensor<2>>,
    pub(super) b_in: Param<Tensor<2>>,
    norm: Option<LayerNorm>,
    pub(super) w_out: Param<Tensor<2>>,
    pub(super) b_out: Param<Tensor<2>>,
}

impl ReadOut {
    /// Logits of the next token, without dropout.
    ///
    /// - `hidden`: `[row, width]`
    /// - returns: `[row, vocabulary]`
    pub fn forward(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.forward_dropped(hidden, None)
    }

    /// Logits of the next token, the hidden units multiplied by `dropout` (0 where dropped, else
    /// 1 / (1 − p)) where one is given.
    ///
    /// - `hidden`: `[row, width]`
    /// - `dropout`: `[row, 4 · width]`
    /// - returns: `[row, vocabulary]`
    pub(crate) fn forward_dropped(&self, hidden: Tensor<2>, dropout: Option<Tensor<2>>) -> Tensor<2> {
        let units = gelu(hidden.matmul(self.w_in.val()) + self.b_in.val());
        let units = match &self.norm {
            Some(norm) => norm.forward(units),
            None => units,
        };
        let units = match dropout {
            Some(factors) => units * factors,
            None => units,
        };
        units.matmul(self.w_out.val()) + self.b_out.val()
    }

    /// The cross-entropy of `targets`, and its gradients by hand, for a read-out without layer norm.
    ///
    /// It takes some rows at a time, so that the units of a few rows stay near while they are needed, and none
    /// are kept.
    ///
    /// - `hidden`: `[row, width]`
    /// - `targets`: `[row]`
    /// - `dropout`: `[row, 4 · width]`
    pub(crate) fn cross_entropy(
        &self,
        hidden: Tensor<2>,
        targets: Tensor<1, Int>,
        dropout: Option<Tensor<2>>,
    ) -> ReadOutGradients {
        let ([rows, _], vocabulary) = (hidden.dims(), self.b_out.val().dims()[1]);
        let (w_in, w_out) = (self.w_in.val(), self.w_out.val());
        let mut losses = Vec::new();
        let mut d_hidden = Vec::new();
        let mut d_parameters: Option<[Tensor<2>; 4]> = None;
        for begin in (0..rows).step_by(ROWS_AT_ONCE) {
            let count = ROWS_AT_ONCE.min(rows - begin);
            let hidden = hidden.clone().narrow(0, begin, count);
            let targets = targets.clone().narrow(0, begin, count).reshape([count, 1]);
            let dropout = dropout.as_ref().map(|factors| factors.clone().narrow(0, begin, count));
            let dropped = |units: Tensor<2>| match &dropout {
                Some(factors) => units * factors.clone(),
                None => units,
            };
            let before = hidden.clone().matmul(w_in.clone()) + self.b_in.val();
            let below = normal_cdf(before.clone());
            let units = dropped(before.clone() * below.clone());
            let log_probabilities = activation::log_softmax(units.clone().matmul(w_out.clone()) + self.b_out.val(), 1);
            losses.push(log_probabilities.clone().gather(1, targets.clone()));

            let right = targets.equal(Tensor::arange(0..vocabulary as i64, &log_probabilities.device()).unsqueeze());
            let d_logits = (log_probabilities.exp() - right.float()).div_scalar(rows as f64);
            let slope = below + before.clone() * normal_density(before);
            let d_before = dropped(d_logits.clone().matmul(w_out.clone().transpose())) * slope;
            d_hidden.push(d_before.clone().matmul(w_in.clone().transpose()));
            let part = [
                hidden.transpose().matmul(d_before.clone()),
                d_before.sum_dim(0),
                units.transpose().matmul(d_logits.clone()),
                d_logits.sum_dim(0),
            ];
            d_parameters = Some(match d_parameters {
                None => part,
                Some(sum) => {
                    let [a, b, c, d] = sum;
                    let [e, f, g, h] = part;
                    [a + e, b + f, c + g, d + h]
                }
            });
        }
        ReadOutGradients {
            loss: Tensor::cat(losses, 0).mean().neg(),
            hidden: Tensor::cat(d_hidden, 0),
            parameters: d_parameters.map_or_else(Vec::new, Vec::from),
        }
    }

    /// The weights of the first layer, `[width, 4 · width]`.
    pub fn w_in(&self) -> Tensor<2> {
        self.w_in.val()
    }

    /// The biases of the first layer, `[1, 4 · width]`.
    pub fn b_in(&self) -> Tensor<2> {
        self.b_in.val()
    }

    /// The weights of the second layer, `[4 · width, vocabulary]`.
    pub fn w_out(&self) -> Tensor<2> {
        self.w_out.val()
    }

    /// The biases of the second layer, `[1, vocabulary]`.
    pub fn b_out(&self) -> Tensor<2> {
        self.b_out.val()
    }

    /// The parameters in the order of [`read_out_parameters`].
    pub(super) fn parameters(&self) -> Vec<&Param<Tensor<2>>> {
        let mut parameters = vec![&self.w_in, &self.b_in];
        parameters.extend(self.norm.iter().flat_map(LayerNorm::parameters));
        parameters.extend([&self.w_out, &self.b_out]);
        parameters
    }

    /// A read-out from its parameters in the order of [`read_out_parameters`].
    pub(super) fn from_parameters(parameters: &mut Parameters, layer_norm: bool) -> Result<Self> {
        let [w_in, b_in] = [parameters.next()?, parameters.next()?];
        let norm = layer_norm.then(|| LayerNorm::from_parameters(parameters)).transpose()?;
        Ok(Self { w_in, b_in, norm, w_out: parameters.next()?, b_out: parameters.next()? })
    }
}

/// Rows whose units are held at once.
const ROWS_AT_ONCE: usize = 512;

/// What comes of a way back through the read-out.
pub(crate) struct ReadOutGradients {
    /// The mean cross-entropy, `[1]`.
    pub loss: Tensor<1>,
    /// Its gradient with respect to what the read-out read, `[row, width]`.
    pub hidden: Tensor<2>,
    /// Its gradients with respect to the parameters, in the order of [`read_out_parameters`].
    pub parameters: Vec<Tensor<2>>,
}

/// The read-out's parameters.
///
/// - `input`: width of what it reads
/// - `units`: number of its hidden units
pub(super) fn read_out_parameters(
    input: usize,
    units: usize,
    vocabulary: usize,
    layer_norm: bool,
) -> Vec<ParameterSpec> {
    let [of_input, of_units] = [input, units].map(|inputs| Initial::Uniform { inputs });
    let mut specs =
        vec![ParameterSpec::matrix("w_in", [input, units], of_input), ParameterSpec::vector("b_in", units, of_input)];
    if layer_norm {
        specs.extend(LayerNorm::specs(units).map(|spec| spec.within("norm")));
    }
    specs.push(ParameterSpec::matrix("w_out", [units, vocabulary], of_units));
    specs.push(ParameterSpec::vector("b_out", vocabulary, of_units));
    specs
}
