//! The interchange on a GPU backend: `cargo test -p mas-core --features wgpu --test wgpu`. Needs a Vulkan (or Metal,
//! or DX12) driver; Mesa's software Vulkan will do.
#![cfg(feature = "wgpu")]

use burn::tensor::{Device, DeviceKind, Tensor, TensorData};
use mas_core::{AlignmentFunction, Retain, alignment::Orthogonal, interchange};

fn activity(seed: u64, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = (0..6 * 16).map(|i| ((i as f32 + seed as f32) * 0.7).sin()).collect();
    Tensor::from_data(TensorData::new(values, [6, 16]), device)
}

fn swapped(device: &Device) -> Vec<f32> {
    let functions = [1, 2].map(|seed| AlignmentFunction::new(Orthogonal::random(16, seed, device)));
    let [source, target] = functions.each_ref().map(|function| function.evaluate(4).unwrap());
    let swapped = interchange(&source, &target, 0..4, Retain::Rest, activity(1, device), activity(2, device));
    swapped.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn an_interchange_on_the_gpu_equals_that_on_the_cpu() {
    let found = std::panic::catch_unwind(|| swapped(&Device::wgpu(DeviceKind::DefaultDevice)));
    let Ok(on_gpu) = found else {
        println!("skipped: no GPU driver was found (Debian: mesa-vulkan-drivers libvulkan1 has one in software)");
        return;
    };
    for (gpu, cpu) in on_gpu.iter().zip(swapped(&Device::flex())) {
        assert!((gpu - cpu).abs() < 1e-5, "{gpu} on the GPU, {cpu} on the CPU");
    }
}
