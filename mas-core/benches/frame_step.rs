//! One step of Adam on one alignment function, forward and backward: what a fit spends on its rotations. `cargo bench
//! --package mas-core --bench frame_step`.

use std::time::Instant;

use burn::{
    optim::{AdamConfig, Optimizer},
    prelude::*,
};
use mas_core::{FunctionConfig, FunctionKind, Start, alignment::Parametrisation};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    println!("{:<12} {:<12} {:>6} {:>5}   {:>9} {:>9}", "function", "as", "width", "k", "best, ms", "median");
    for (width, columns) in [(128, 32), (128, 64), (256, 64), (512, 64), (1536, 64)] {
        for parametrisation in [Parametrisation::Exponential, Parametrisation::Cayley, Parametrisation::Householder] {
            // Seconds a step, and nothing that anybody would choose.
            if width <= 256 || parametrisation == Parametrisation::Householder {
                report(FunctionKind::Orthogonal, Some(parametrisation), width, columns);
            }
        }
    }
    for kind in [FunctionKind::Linear, FunctionKind::Relaxed] {
        report(kind, None, 128, 32);
    }
}

fn report(kind: FunctionKind, parametrisation: Option<Parametrisation>, width: usize, columns: usize) {
    let device = Device::flex();
    let config = FunctionConfig { parametrisation, ..FunctionConfig::new(kind, Start::Random) };
    let mut function = config.init(width, columns, 1, None, &device).expect("a function");
    let optimiser = AdamConfig::new().with_epsilon(1e-8).build();
    let mut states = vec![None; function.parameters().len()];
    let wanted: Vec<f32> = (0..width * columns).map(|entry| (entry as f32).sin()).collect();
    let wanted = Tensor::<2>::from_data(TensorData::new(wanted, [width, columns]), &device);
    let mut times = Vec::new();
    for _ in 0..60 {
        let started = Instant::now();
        let leaves: Vec<Tensor<2>> =
            function.parameters().into_iter().map(|parameter| parameter.autodiff().require_grad()).collect();
        let evaluated = function.evaluate_with(&leaves, columns).expect("a map with an inverse");
        let (read, write) = (evaluated.frame().expect("linear"), evaluated.inverse_frame().expect("linear"));
        let used = match kind {
            FunctionKind::Orthogonal => read.clone(),
            _ => read.clone() + write.clone().transpose(),
        };
        let mut gradients = (used * Tensor::from_inner(wanted.clone())).sum().backward();
        let parameters =
            leaves.into_iter().zip(&mut states).map(|(leaf, state)| match leaf.grad_remove(&mut gradients) {
                Some(gradient) => {
                    let (parameter, next) = optimiser.step(1e-3, leaf.inner(), gradient, state.take());
                    *state = next;
                    parameter
                }
                None => leaf.inner(),
            });
        let parameters = parameters.collect();
        function.set_parameters(parameters).expect("the same shapes");
        times.push(started.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let name = parametrisation.map(|one| format!("{one:?}").to_lowercase()).unwrap_or_default();
    let (fastest, median) = (times[0] * 1e3, times[times.len() / 2] * 1e3);
    println!("{:<12} {name:<12} {width:>6} {columns:>5}   {fastest:9.2} {median:9.2}", kind.id());
}
