//! Whether tensors are in the CPU's memory, where what is written by hand can reach them.

use burn::tensor::Device;
use rayon::prelude::*;

/// Whether tensors of `device` are there, and are not tracked.
pub(crate) fn holds(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return *device == Device::flex();
    #[cfg(not(feature = "flex"))]
    {
        let _: &Device = device;
        false
    }
}

/// `of` every item, in order. Burn goes through a tensor of the CPU on one core; where `device` is that, items that have
/// nothing to do with each other are taken on all of them.
pub(crate) fn each<T: Send, U: Send>(device: &Device, items: Vec<T>, of: impl Fn(T) -> U + Sync + Send) -> Vec<U> {
    if holds(device) { items.into_par_iter().map(of).collect() } else { items.into_iter().map(of).collect() }
}
