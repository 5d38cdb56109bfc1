use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, activation};

use crate::Result;
use crate::layer_norm::LayerNorm;
use crate::nonlinearity::{gelu, gelu_and_slope};
use crate::parameters::{Initial, ParameterSpec, Parameters};

/// The read-out: `Linear(d, 4d) → exact GELU → layer norm (if any) → dropout (in training) → Linear(4d, vocabulary)`, or
/// only the last of these, in an imported network also with another number of hidden units.
#[derive(Module, Debug)]
pub struct ReadOut {
    w_in: Option<Param<Tensor<2>>>,
    b_in: Option<Param<Tensor<2>>>,
    norm: Option<LayerNorm>,
    w_out: Param<Tensor<2>>,
    b_out: Param<Tensor<2>>,
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
        let units = match (&self.w_in, &self.b_in) {
            (Some(w_in), Some(b_in)) => gelu(hidden.matmul(w_in.val()) + b_in.val()),
            _ => hidden,
        };
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

    /// The cross-entropy of `targets`, and its gradients by hand, for a read-out with hidden units and no layer norm;
    /// nothing for another one.
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
    ) -> Option<ReadOutGradients> {
        let ([rows, _], vocabulary) = (hidden.dims(), self.b_out.val().dims()[1]);
        let (w_in, b_in, w_out) = (self.w_in()?, self.b_in()?, self.w_out.val());
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
            let before = hidden.clone().matmul(w_in.clone()) + b_in.clone();
            let [units, slope] = gelu_and_slope(before);
            let units = dropped(units);
            let log_probabilities = activation::log_softmax(units.clone().matmul(w_out.clone()) + self.b_out.val(), 1);
            losses.push(log_probabilities.clone().gather(1, targets.clone()));

            let right = targets.equal(Tensor::arange(0..vocabulary as i64, &log_probabilities.device()).unsqueeze());
            let d_logits = (log_probabilities.exp() - right.float()).div_scalar(rows as f64);
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
        Some(ReadOutGradients {
            loss: Tensor::cat(losses, 0).mean().neg(),
            hidden: Tensor::cat(d_hidden, 0),
            parameters: d_parameters.map_or_else(Vec::new, Vec::from),
        })
    }

    /// The weights of the first layer, if there is a hidden one, `[width, 4 · width]`.
    pub fn w_in(&self) -> Option<Tensor<2>> {
        self.w_in.as_ref().map(Param::val)
    }

    /// The biases of the first layer, if there is a hidden one, `[1, 4 · width]`.
    pub fn b_in(&self) -> Option<Tensor<2>> {
        self.b_in.as_ref().map(Param::val)
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
        let mut parameters: Vec<_> = self.w_in.iter().chain(&self.b_in).collect();
        parameters.extend(self.norm.iter().flat_map(LayerNorm::parameters));
        parameters.extend([&self.w_out, &self.b_out]);
        parameters
    }

    /// A read-out from its parameters in the order of [`read_out_parameters`].
    pub(super) fn from_parameters(parameters: &mut Parameters, has_units: bool, layer_norm: bool) -> Result<Self> {
        let mut of_units = || has_units.then(|| parameters.next()).transpose();
        let [w_in, b_in] = [of_units()?, of_units()?];
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
/// - `units`: number of its hidden units, 0 if there is no hidden layer
pub(super) fn read_out_parameters(
    input: usize,
    units: usize,
    vocabulary: usize,
    layer_norm: bool,
) -> Vec<ParameterSpec> {
    let linear = |[w, b]: [&str; 2], [inputs, outputs]: [usize; 2]| {
        let initial = Initial::Uniform { inputs };
        [ParameterSpec::matrix(w, [inputs, outputs], initial), ParameterSpec::vector(b, outputs, initial)]
    };
    let mut specs = Vec::new();
    if units > 0 {
        specs.extend(linear(["w_in", "b_in"], [input, units]));
    }
    if layer_norm {
        specs.extend(LayerNorm::specs(units).map(|spec| spec.within("norm")));
    }
    specs.extend(linear(["w_out", "b_out"], [if units > 0 { units } else { input }, vocabulary]));
    specs
}
