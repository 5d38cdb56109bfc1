//! Training the networks that a fit is between: an epoch of 1,000 trials, and two seeds side by side.

use std::{path::Path, thread, time::Instant};

use burn::tensor::Device;
use cpu_time::ProcessTime;
use mas_cli::{
    device::Compute,
    runs::UnitKind,
    study::{Study, TrainConfiguration},
    work,
};

/// Trainings by name, the epochs of a short and a long run, and what the reference implementation takes for an epoch at its
/// best, in CPU seconds.
const TRAININGS: [(&str, [usize; 2], f64); 2] = [("gru", [2, 10], 1.3), ("transformer", [1, 4], 4.5)];

pub fn report() {
    println!("training, width 128, an epoch of 1,000 trials, batches of 128: CPU on all threads");
    for (architecture, [short, long], reference) in TRAININGS {
        // What both runs have in common, drawing and one validation, is no part of an epoch.
        let [less, more] = [short, long].map(|epochs| {
            let started = ProcessTime::now();
            train(&configuration(architecture, 1, epochs));
            started.elapsed().as_secs_f64()
        });
        let epoch = (more - less) / (long - short) as f64;
        println!("  {architecture:12} {epoch:6.2} s; the reference {reference} s: {:.1} times", reference / epoch);
    }
    let both = [1, 2].map(|seed| configuration("gru", seed, 10));
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    // Alone a training has a second core for its products, which two beside each other have not.
    let [alone, on_one] = [2, 1].map(|threads| pool(threads).install(|| wall(|| train(&both[0]))));
    let beside = wall(|| {
        thread::scope(|scope| {
            for configuration in &both {
                scope.spawn(|| train(configuration));
            }
        });
    });
    println!(
        "  two GRUs side by side take {:.2} times as long as one alone on one core (wall), {:.2} times as one on two",
        beside / on_one,
        beside / alone
    );
}

fn wall(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64()
}

/// As a study trains it, with a single validation at its end.
fn configuration(architecture: &str, seed: u64, epochs: usize) -> TrainConfiguration {
    let text = format!(
        "name = \"training\"\n[[networks]]\nname = \"network\"\ntask = \"multi-object\"\narchitecture = \"{architecture}\"\n\
         seeds = [{seed}]\ntraining = {{ max-epochs = {epochs}, validate-every = {epochs}, validation-samples = 10 }}\n\
         allow-unaccepted = true\n[[alignments]]\nname = \"none\"\nmethod = \"das\"\nsite = \"embedding\"\npositions = \"stepwise\"\n"
    );
    let study = Study::parse(&text, Path::new("training.toml")).expect("a study");
    let plan = study.plan("flex");
    let unit = plan.units().iter().find(|unit| unit.kind() == UnitKind::Train).expect("a training");
    unit.configuration_as().expect("its configuration")
}

fn train(configuration: &TrainConfiguration) {
    let checkpoint = tempfile::tempdir().expect("a folder");
    let compute = Compute { device: Device::flex(), kind: "flex" };
    work::train(configuration, checkpoint.path(), &compute, &mut |_, _| ()).expect("a training");
}
