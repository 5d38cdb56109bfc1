//! Tokens per second of a language model of SmolLM2-135M's shape, with random weights: read, generated, learned from.
//!
//! `cargo xtask bench language`

use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::Device;
use mas_core::Trials;
use mas_models::{
    Activation, Family, Feedback, FineTuning, FineTuningSettings, LanguageConfig, Precision, Rotary, Sampling, Tuned,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows and tokens of each, of what is read and of what is learned from.
const READ: [usize; 2] = [8, 64];
const LEARNED: [usize; 2] = [8, 48];
const GENERATED: usize = 32;
const TIMES: usize = 3;

fn main() -> mas_models::Result<()> {
    let config = LanguageConfig {
        family: Family::Llama,
        width: 576,
        layers: 30,
        heads: 9,
        key_value_heads: 3,
        head_width: 64,
        feed_forward_width: 1536,
        vocabulary: 49_152,
        context: 8192,
        norm_epsilon: 1e-5,
        activation: Activation::Silu,
        query_bias: false,
        output_bias: false,
        feed_forward_bias: false,
        parallel: false,
        tied: true,
        precision: Precision::F32,
        end_tokens: Vec::new(),
        rotary: Some(Rotary { base: 100_000.0, width: 64 }),
    };
    let network = config.init(1, &Device::flex())?;
    println!("{} parameters", config.parameter_count());
    let row = |row: usize, length: usize| -> Vec<u32> {
        (0..length).map(|at| ((row * 7919 + at * 104_729) % config.vocabulary) as u32).collect()
    };

    let rows: Vec<Vec<u32>> = (0..READ[0]).map(|index| row(index, READ[1])).collect();
    let mask = vec![false; READ[1]];
    let trials = Trials::new(rows.iter().map(|row| (&row[..], &mask[..])), 0)?;
    report("read", READ[0] * READ[1], || {
        let logits = network.run(&trials, Feedback::TeacherForced)?.logits;
        std::hint::black_box(logits.into_data());
        Ok(())
    })?;

    report("generated, one prompt", GENERATED, || {
        network.generate(&[row(1, 8)], GENERATED, &Sampling::Greedy, &[], |_| true).map(|_| ())
    })?;

    let pieces: Vec<Vec<u32>> = (0..LEARNED[0]).map(|index| row(index, LEARNED[1])).collect();
    for (name, tuned) in [
        ("learned from, everything", Tuned::All),
        ("learned from, the upper half", Tuned::From { layer: 15 }),
        ("learned from, adapters of rank 8", Tuned::Lora { rank: 8, scale: 2.0 }),
    ] {
        let settings =
            FineTuningSettings { tuned, steps: 1, batch: LEARNED[0], accumulate: 1, ..FineTuningSettings::default() };
        let tuning = FineTuning { pieces: &pieces, settings: &settings, checkpoint: None };
        report(name, LEARNED[0] * (LEARNED[1] - 1), || {
            tuning.run(&network, |_| ControlFlow::Continue(())).map(|_| ())
        })?;
    }
    Ok(())
}

/// Prints the fastest of a few times.
fn report(name: &str, tokens: usize, mut work: impl FnMut() -> mas_models::Result<()>) -> mas_models::Result<()> {
    let mut fastest = f64::INFINITY;
    for _ in 0..TIMES {
        let begun = Instant::now();
        work()?;
        fastest = fastest.min(begun.elapsed().as_secs_f64());
    }
    println!("{name}: {:.1} tokens/s ({fastest:.2} s for {tokens} tokens)", tokens as f64 / fastest);
    Ok(())
}
