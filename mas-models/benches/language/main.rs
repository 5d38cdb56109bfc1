//! Tokens per second of a language model of SmolLM2-135M's shape, with random weights: read, generated, learned from; and
//! of transformers and torch at the same jobs in the same run. Then the memory that a larger one takes.
//!
//! `cargo xtask bench language [--peers]`

mod memory;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
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
const LEARNED_STEPS: u64 = 2;
const GENERATED: usize = 32;
const TIMES: usize = 3;

/// Names the Python in which the peers are installed.
const PYTHON: &str = "MAS_PEERS_PYTHON";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Seconds that the peers take for a token, by job.
type Peers = BTreeMap<String, f64>;

fn main() -> Result<()> {
    // Memory is kept, as the program `mas` keeps it.
    // SAFETY: it sets one number, the option `purge_delay`, under a lock of its own.
    unsafe { libmimalloc_sys::mi_option_set_default(15, -1) };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [alone, folder, precision] = &arguments[..]
        && alone == memory::ALONE
    {
        return memory::measure(Path::new(folder), precision.parse()?);
    }
    let peers = peers()?;
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
    println!("{:<34} {:>10} {:>14} {:>7}", "tokens per second", "here", "transformers", "ratio");
    let report = |job: &str, tokens: usize, work: &mut dyn FnMut() -> mas_models::Result<()>| -> Result<()> {
        // Of the first time, what is only done once is not counted.
        work()?;
        let mut fastest = f64::INFINITY;
        for _ in 0..TIMES {
            let begun = Instant::now();
            work()?;
            fastest = fastest.min(begun.elapsed().as_secs_f64());
        }
        let here = tokens as f64 / fastest;
        match peers.get(job) {
            Some(&each) => println!("{job:<34} {here:>10.1} {:>14.1} {:>7.2}", 1.0 / each, here * each),
            None => println!("{job:<34} {here:>10.1}"),
        }
        Ok(())
    };
    let row = |row: usize, length: usize| -> Vec<u32> {
        (0..length).map(|at| ((row * 7919 + at * 104_729) % config.vocabulary) as u32).collect()
    };

    let rows: Vec<Vec<u32>> = (0..READ[0]).map(|index| row(index, READ[1])).collect();
    let mask = vec![false; READ[1]];
    let trials = Trials::new(rows.iter().map(|row| (&row[..], &mask[..])), 0)?;
    report("read", READ[0] * READ[1], &mut || {
        let logits = network.run(&trials, Feedback::TeacherForced)?.logits;
        std::hint::black_box(logits.into_data());
        Ok(())
    })?;

    report("generated, one prompt", GENERATED, &mut || {
        network.generate(&[row(1, 8)], GENERATED, &Sampling::Greedy, &[], |_| true).map(|_| ())
    })?;

    let pieces: Vec<Vec<u32>> = (0..LEARNED[0]).map(|index| row(index, LEARNED[1])).collect();
    for (job, tuned) in [
        ("learned from, everything", Tuned::All),
        ("learned from, the upper half", Tuned::From { layer: 15 }),
        ("learned from, adapters of rank 8", Tuned::Lora { rank: 8, scale: 2.0 }),
    ] {
        let settings = FineTuningSettings {
            tuned,
            steps: LEARNED_STEPS,
            batch: LEARNED[0],
            accumulate: 1,
            ..FineTuningSettings::default()
        };
        let tuning = FineTuning { pieces: &pieces, settings: &settings, checkpoint: None };
        report(job, LEARNED_STEPS as usize * LEARNED[0] * (LEARNED[1] - 1), &mut || {
            tuning.run(&network, |_| ControlFlow::Continue(())).map(|_| ())
        })?;
    }
    memory::report()
}

/// What `peers.py` says of each job; nothing where no peers are installed.
fn peers() -> Result<Peers> {
    let Some(python) = std::env::var_os(PYTHON) else {
        println!("`cargo xtask bench language --peers` installs transformers and torch and compares with them\n");
        return Ok(Peers::new());
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/language/peers.py");
    let sizes = [READ[0], READ[1], GENERATED, LEARNED[0], LEARNED[1]].map(|size| size.to_string());
    let output = Command::new(python).arg(script).args(sizes).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let said = String::from_utf8(output.stdout)?;
    let mut lines = said.lines();
    println!("{}", serde_json::from_str::<String>(lines.next().unwrap_or_default())?);
    let mut peers = Peers::new();
    for line in lines {
        let line: Job = serde_json::from_str(line)?;
        peers.insert(line.job, line.seconds / line.tokens as f64);
    }
    Ok(peers)
}

/// A line of `peers.py`.
#[derive(serde::Deserialize)]
struct Job {
    job: String,
    tokens: usize,
    seconds: f64,
}
