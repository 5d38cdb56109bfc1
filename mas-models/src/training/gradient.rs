use burn::module::Module;
use burn::tensor::{Tensor, activation};

use crate::recurrent::{PackedTrials, Recurrent, indices};
use crate::{Error, Feedback, Result};

/// Mean cross-entropy of the next token over all positions of a batch, and its gradient with respect to every
/// parameter.
///
/// - `batch`: with targets
/// - `dropout`: factors of the read-out's hidden units, `[Σ active, 4 · width]`
pub(super) fn loss_and_gradients(
    network: &Recurrent,
    batch: &PackedTrials,
    feedback: Feedback,
    dropout: Option<Tensor<2>>,
) -> Result<(f32, Vec<Tensor<2>>)> {
    let network = network.clone().train();
    let mut rollout = network.rollout(batch, feedback, dropout.as_ref());
    let hidden = network.output(rollout.hidden.pop().expect("a network has layers"));
    let logits = network.read_out().forward_dropped(hidden, dropout);
    let targets = indices(&batch.targets, &logits.device()).unsqueeze_dim(1);
    let loss = activation::log_softmax(logits, 1).gather(1, targets).mean().neg();
    let value = loss.clone().inner().into_scalar::<f32>();
    let mut gradients = loss.backward();
    let missing = || Error::invalid("a parameter has no gradient");
    let of = |parameter: Tensor<2>| parameter.grad_remove(&mut gradients).ok_or_else(missing);
    Ok((value, network.parameters().into_iter().map(of).collect::<Result<_>>()?))
}
