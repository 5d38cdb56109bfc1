//! Trains GRUs on Multi-Object (arXiv 2501.06164) and tells how long it takes:
//! `cargo run --release -p mas-models --example train_gru -- SEED…`

use std::ops::ControlFlow;

use burn::tensor::Device;
use mas_core::Trials;
use mas_models::{CellKind, RecurrentConfig, Training, TrainingEvent, TrainingSettings};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// B, n random demonstrations, T, n responses, E.
fn multi_object(trials: usize, counts: &[usize], seed: u64) -> Trials {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let sequences: Vec<(Vec<u32>, Vec<bool>)> = (0..trials)
        .map(|_| {
            let count = counts[random.random_range(0..counts.len())];
            let mut tokens = vec![1];
            tokens.extend((0..count).map(|_| random.random_range(3..6)));
            tokens.push(7);
            tokens.extend(std::iter::repeat_n(6, count));
            tokens.push(2);
            let response = (0..tokens.len()).map(|at| at > count + 1).collect();
            (tokens, response)
        })
        .collect();
    let sequences = sequences.iter().map(|(tokens, response)| (&tokens[..], &response[..]));
    Trials::new(sequences, 0).expect("sequences are as long as their masks")
}

/// User and system time of this process so far, in seconds; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |field: usize| after_name.split_whitespace().nth(field).and_then(|value| value.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}

fn main() -> Result<(), mas_models::Error> {
    let held_out = [4, 9, 14, 17];
    let trained_on: Vec<usize> = (1..=20).filter(|count| !held_out.contains(count)).collect();
    let seeds: Vec<u64> = std::env::args().skip(1).filter_map(|seed| seed.parse().ok()).collect();
    let max_epochs = std::env::var("EPOCHS").ok().and_then(|epochs| epochs.parse().ok()).unwrap_or(2500);
    for seed in seeds {
        let training = multi_object(1000, &trained_on, seed + 1000);
        let validation = multi_object(500, &held_out, seed + 2000);
        let settings = TrainingSettings { seed, max_epochs, ..TrainingSettings::default() };
        let network = RecurrentConfig::new(CellKind::Gru, 128, 8).init(seed, &Device::flex())?;
        let begin = cpu_seconds();
        let run = Training { training: &training, validation: &validation, settings: &settings, checkpoint: None };
        let trained = run.run(network, |event| {
            if let TrainingEvent::Validated(record) = event {
                println!(
                    "seed {seed} epoch {:3} train {:.4} validation {:.4} tokens {:.4} trials {:.3}  {:.2} CPU s an epoch",
                    record.epoch,
                    record.train_loss,
                    record.validation_loss,
                    record.token_accuracy,
                    record.trial_accuracy,
                    (cpu_seconds() - begin) / record.epoch as f64
                );
            }
            ControlFlow::Continue(())
        })?;
        println!("seed {seed}: accepted {} after {} epochs", trained.accepted, trained.summary.epochs);
    }
    Ok(())
}
