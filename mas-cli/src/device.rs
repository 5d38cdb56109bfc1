//! `--device`: which of the backends compiled in does the work.

use burn::tensor::Device;

use crate::{Error, Result};

/// A device and the kind that results depend on.
#[derive(Debug, Clone)]
pub struct Compute {
    /// Where tensors live.
    pub device: Device,
    /// `flex`, `wgpu` or `cuda`.
    pub kind: &'static str,
}

/// The kinds that this build has.
pub const KINDS: &[&str] = &[
    #[cfg(feature = "flex")]
    "flex",
    #[cfg(feature = "wgpu")]
    "wgpu",
    #[cfg(feature = "cuda")]
    "cuda",
];

impl Compute {
    /// The device called `name`: `flex`, `wgpu`, `cuda` or `cuda:INDEX`.
    ///
    /// # Errors
    /// A kind that is unknown or not compiled in; the message lists those that are.
    pub fn named(name: &str) -> Result<Self> {
        let (kind, index) = match name.split_once(':') {
            Some((kind, index)) => (kind, Some(index)),
            None => (name, None),
        };
        if ["flex", "wgpu", "cuda"].contains(&kind) && !KINDS.contains(&kind) {
            return Err(Error::invalid(format!(
                "--device {name}: this build has only {}; build with `--features {kind}` for it",
                KINDS.join(", ")
            )));
        }
        match (kind, index) {
            #[cfg(feature = "flex")]
            ("flex", None) => Ok(Self { device: Device::flex(), kind: "flex" }),
            #[cfg(feature = "wgpu")]
            ("wgpu", None) => Ok(Self { device: Device::wgpu(burn::tensor::DeviceKind::DefaultDevice), kind: "wgpu" }),
            #[cfg(feature = "cuda")]
            ("cuda", index) => {
                let index: usize = index.unwrap_or("0").parse().map_err(|_| {
                    Error::invalid(format!("--device {name}: the index must be a number, as in cuda:0"))
                })?;
                Ok(Self { device: Device::cuda(index), kind: "cuda" })
            }
            _ => Err(Error::invalid(format!(
                "--device {name}: there is no such device; this build has {}",
                KINDS.join(", ")
            ))),
        }
    }
}
