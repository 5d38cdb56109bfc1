//! The reference's state dictionary and the parameters of this crate's networks.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};

use super::reference::ReferenceConfig;
use crate::parameters::ParameterSpec;
use crate::stored::{self, StoredTensors};
use crate::{Architecture, Error, Model, Result};

/// Buffers that the reference saves beside the parameters and that say nothing about the network.
const BUFFERS: [&str; 1] = ["model.trigger_ids"];

/// The reference's name for a parameter. Its matrices are `[out, in]`, except the embedding, and have to be
/// turned.
fn reference_name(parameter: &str) -> Option<String> {
    if let Some(inside) = parameter.strip_prefix("layer.") {
        return in_block(inside);
    }
    Some(match parameter {
        "embedding" => "model.embeddings.weight".to_string(),
        "read_out.w_in" => "model.decoder.0.weight".to_string(),
        "read_out.b_in" => "model.decoder.0.bias".to_string(),
        "read_out.norm.scale" => "model.decoder.2.weight".to_string(),
        "read_out.norm.shift" => "model.decoder.2.bias".to_string(),
        "read_out.w_out" | "read_out.w" => "model.lm_head.weight".to_string(),
        "read_out.b_out" | "read_out.b" => "model.lm_head.bias".to_string(),
        cell => {
            let (layer, name) = cell.strip_prefix("cell.")?.split_once('.')?;
            match name {
                "norm.scale" => format!("model.layer_norms.{layer}.weight"),
                "norm.shift" => format!("model.layer_norms.{layer}.bias"),
                _ => {
                    let (kind, half) = name.split_once('_')?;
                    let kind = if kind == "w" { "weight" } else { "bias" };
                    format!("model.rnns.{layer}.{kind}_{half}")
                }
            }
        }
    })
}

/// The reference's name for a parameter of a transformer's block.
///
/// - `inside`: the block's number, the part's name, the parameter's
fn in_block(inside: &str) -> Option<String> {
    let mut parts = inside.split('.');
    let (layer, part, kind) = (parts.next()?, parts.next()?, parts.next()?);
    let part = match part {
        "norm_1" => "norm1",
        "norm_2" => "norm2",
        "query" => "self_attn.q_proj",
        "key" => "self_attn.k_proj",
        "value" => "self_attn.v_proj",
        "output" => "self_attn.out_proj",
        "expand" => "linear1",
        "contract" => "linear2",
        _ => return None,
    };
    let kind = if matches!(kind, "w" | "scale") { "weight" } else { "bias" };
    Some(format!("model.layers.{layer}.{part}.{kind}"))
}

/// The reference's name for the norm before a transformer's read-out, and before a recurrent network's first cell.
fn norm_name(architecture: &Architecture, parameter: &str) -> Option<String> {
    let kind = match parameter {
        "norm.scale" => "weight",
        "norm.shift" => "bias",
        _ => return None,
    };
    Some(match architecture {
        Architecture::Recurrent(_) => format!("model.pre_norm.{kind}"),
        Architecture::Transformer(_) => format!("model.decoder.{kind}"),
        Architecture::Language(_) => return None,
    })
}

/// What [`map`] gives: the network, which tensor became which parameter, and what was left over.
type Mapped = (Model, Vec<(String, String)>, Vec<String>);

/// Makes a network of the reference's tensors.
pub(super) fn map(mut tensors: StoredTensors, shape: &Architecture, path: &Path, device: &Device) -> Result<Mapped> {
    let left_over: Vec<String> =
        BUFFERS.iter().filter(|name| tensors.remove(**name).is_some()).map(ToString::to_string).collect();
    let named = |parameter: &str| norm_name(shape, parameter).or_else(|| reference_name(parameter));
    let (network, mapped) = map_named(tensors, shape, named, path, device)?;
    Ok((network, mapped, left_over))
}

/// Makes a network of tensors, all of them, and tells which became which parameter.
///
/// - `named`: the tensor's name for a parameter
pub(super) fn map_named(
    mut tensors: StoredTensors,
    shape: &Architecture,
    named: impl Fn(&str) -> Option<String>,
    path: &Path,
    device: &Device,
) -> Result<(Model, Vec<(String, String)>)> {
    let mut mapped = Vec::new();
    let mut parameters = Vec::new();
    for spec in shape.parameters() {
        let theirs = named(&spec.name)
            .ok_or_else(|| Error::format(path, format!("there is nothing like {} in it", spec.name)))?;
        parameters.push(parameter(&mut tensors, &theirs, &spec, path, device)?);
        mapped.push((theirs, spec.name));
    }
    stored::none_left(&tensors, path)?;
    Ok((Model::from_parameters(shape, parameters)?, mapped))
}

fn parameter(
    tensors: &mut StoredTensors,
    theirs: &str,
    spec: &ParameterSpec,
    path: &Path,
    device: &Device,
) -> Result<Tensor<2>> {
    let mut shape = spec.stored_shape();
    let turned = shape.len() == 2 && spec.name != "embedding";
    if turned {
        shape.reverse();
    }
    let values = stored::take(tensors, theirs, &shape, path)?;
    let values = if turned { transposed(&values, shape[1]) } else { values };
    Ok(Tensor::from_data(TensorData::new(values, spec.shape), device))
}

/// A matrix of `columns` columns, row by row, column by column.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns).copied()).collect()
}

/// What the tensors alone tell about the network.
pub(super) fn infer(tensors: &StoredTensors, path: &Path) -> Result<ReferenceConfig> {
    let matrix = |name: &str| match tensors.get(name).map(|tensor| tensor.shape.as_slice()) {
        Some(&[rows, columns]) => Ok((rows, columns)),
        Some(other) => Err(Error::format(path, format!("tensor {name} is {other:?}, must be a matrix"))),
        None => Err(Error::format(path, format!("tensor {name} is missing"))),
    };
    let (n_tokens, d_model) = matrix("model.embeddings.weight")?;
    if tensors.contains_key("model.layers.0.linear1.weight") {
        let reason = "a transformer's tensors do not tell its heads and the order of its norms; put its configuration \
                      beside it, as the key `config` of a meta.json";
        return Err(Error::format(path, reason));
    }
    let (gates, _) = matrix("model.rnns.0.weight_ih")?;
    let (_, state) = matrix("model.rnns.0.weight_hh")?;
    let model_type = match gates.checked_div(state) {
        Some(3) => "GRU",
        Some(4) => "LSTM",
        Some(1) => "RNN",
        _ => "unknown",
    };
    let n_layers = (0..).take_while(|layer| tensors.contains_key(&format!("model.rnns.{layer}.weight_hh"))).count();
    Ok(ReferenceConfig {
        model_type: model_type.to_string(),
        d_model,
        n_layers,
        n_heads: None,
        llama: None,
        encoder_layer_class: None,
        pos_enc_class: None,
        l_norm: Some(tensors.contains_key("model.layer_norms.0.weight")),
        h_norm: None,
        n_tokens,
        out_tokens: None,
        word2id: None,
        info: None,
        task_type: None,
        seed: None,
    })
}
