use std::path::PathBuf;

use clap::ValueEnum;
use mas_models::{Architecture, SavedNetwork};

use super::{Session, claims};
use crate::{
    Error, Result,
    toxicity::{Settings, Study},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The language model that is fine-tuned: a network folder
    model: PathBuf,
    /// Toxic text: .jsonl, a document a line
    #[arg(long, value_name = "FILE")]
    toxic: PathBuf,
    /// Other text, likewise
    #[arg(long, value_name = "FILE")]
    nontoxic: PathBuf,
    /// How large: hours on two CPU cores at most, or the paper's settings
    #[arg(long, value_enum, default_value_t = Preset::Quick)]
    preset: Preset,
    /// Fine-tunes of either kind of text
    #[arg(long, value_parser = super::count)]
    splits: Option<usize>,
    /// Steps of a fine-tuning
    #[arg(long)]
    steps: Option<u64>,
    /// Pieces of text in a gradient
    #[arg(long, value_parser = super::count)]
    batch: Option<usize>,
    /// Gradients in a step
    #[arg(long, value_parser = super::count)]
    accumulate: Option<usize>,
    /// The learning rate of a fine-tuning
    #[arg(long, value_name = "R")]
    learning_rate: Option<f64>,
    /// Where to align, each site with a fit of its own; the first one has the shuffled control
    #[arg(long, value_delimiter = ',')]
    site: Option<Vec<String>>,
    /// At the first site an untrained twin of the first model as a source, too; with the paper preset it is there anyway
    #[arg(long)]
    random_network: bool,
    /// Coordinates of the subspace
    #[arg(long, value_parser = super::count)]
    k: Option<usize>,
    /// Steps of a fit
    #[arg(long, value_parser = super::count)]
    fit_steps: Option<usize>,
    /// Pairs of each direction in a step of a fit
    #[arg(long, value_parser = super::count)]
    fit_batch: Option<usize>,
    /// The learning rate of a fit
    #[arg(long, value_name = "R")]
    fit_learning_rate: Option<f64>,
    /// Prompts to judge by
    #[arg(long, value_parser = super::count)]
    held_out_prompts: Option<usize>,
    /// Write offensive words out in the report
    #[arg(long)]
    unmasked: bool,
    /// Where results are kept, and gone on from
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Preset {
    Quick,
    Paper,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let compute = session.compute()?;
    let Architecture::Language(config) = SavedNetwork::describe(&arguments.model)?.architecture else {
        return Err(Error::invalid(format!("{} is no language model", arguments.model.display())));
    };
    let preset = match arguments.preset {
        Preset::Quick => Settings::quick(config.layers),
        Preset::Paper => Settings::paper(config.layers),
    };
    let settings = Settings {
        seed: session.seed(),
        splits: arguments.splits.unwrap_or(preset.splits),
        steps: arguments.steps.unwrap_or(preset.steps),
        batch: arguments.batch.unwrap_or(preset.batch),
        accumulate: arguments.accumulate.unwrap_or(preset.accumulate),
        learning_rate: arguments.learning_rate.unwrap_or(preset.learning_rate),
        sites: arguments.site.clone().unwrap_or(preset.sites.clone()),
        random_network: arguments.random_network || preset.random_network,
        k: arguments.k.unwrap_or(preset.k),
        fit_steps: arguments.fit_steps.unwrap_or(preset.fit_steps),
        fit_batch: arguments.fit_batch.unwrap_or(preset.fit_batch),
        fit_learning_rate: arguments.fit_learning_rate.unwrap_or(preset.fit_learning_rate),
        held_out_prompts: arguments.held_out_prompts.unwrap_or(preset.held_out_prompts),
        ..preset
    };
    let study = Study {
        model: arguments.model.clone(),
        toxic: arguments.toxic.clone(),
        nontoxic: arguments.nontoxic.clone(),
        folder: arguments.out.clone(),
        settings,
        unmasked: arguments.unmasked,
    };
    let bar = session.output.bar("toxicity", 1);
    let findings = study.run(&compute, &mut |what, done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        bar.set_message(what.to_owned());
    })?;
    bar.finish_and_clear();
    session.output.result(&findings, || {
        let mut text =
            String::from("site        control    pair                   directions  pairs  IIA    interval\n");
        for row in &findings.groups {
            text.push_str(&format!(
                "{:<11} {:<10} {:<22} {:>10} {:>6}  {:.3}  {:.3} to {:.3}\n",
                row.site,
                row.control.id(),
                row.group.name(),
                row.directions,
                row.pairs,
                row.iia,
                row.low,
                row.high
            ));
        }
        text.push_str(&claims::table(&findings.claims));
        text.push_str(&format!("{}", findings.report.display()));
        text
    })
}
