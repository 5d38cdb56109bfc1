use clap::Subcommand;
use mas_tasks::{Pair, PairConfig, Positions, Sequence, Task, TaskConfig, TaskKind, VariablePair};
use serde::Serialize;
use serde_json::json;

use super::Session;
use crate::{Result, exchanges::untrained_counts};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the tasks with their programs, variables and tokens
    List,
    /// Print sequences of a task
    Sample {
        /// The task's id, see `mas tasks list`
        #[arg(long)]
        task: TaskKind,
        /// Number of demonstrations (in arithmetic, of operations) [default: drawn]
        #[arg(long, value_name = "N")]
        demonstrations: Option<u32>,
        /// How many sequences
        #[arg(long, default_value_t = 1, value_name = "K", value_parser = super::count)]
        samples: usize,
    },
    /// Print counterfactual pairs: what an interchange is made of and what should follow
    Pairs {
        /// The source's task
        #[arg(long)]
        source: TaskKind,
        /// The target's task
        #[arg(long)]
        target: TaskKind,
        /// The variable, or SOURCE:TARGET where the names differ
        #[arg(long, value_name = "V[:V]")]
        variable: VariablePair,
        /// How many pairs
        #[arg(long, default_value_t = 1, value_name = "K", value_parser = super::count)]
        pairs: usize,
        /// Where the interchange happens: individual or stepwise
        #[arg(long, default_value = "individual")]
        positions: Positions,
    },
}

pub(super) fn run(session: &Session, command: &Command) -> Result<()> {
    match command {
        Command::List => list(session),
        Command::Sample { task, demonstrations, samples } => sample(session, *task, *demonstrations, *samples),
        Command::Pairs { source, target, variable, pairs, positions } => {
            let task = |kind| TaskConfig::new(kind).build();
            let (source, target) = (task(*source)?, task(*target)?);
            let config = PairConfig::new(source.clone(), target.clone(), *variable)
                .with_positions(*positions)
                .with_count(*pairs)
                .with_seed(session.seed());
            let set = config.pairs()?;
            let described: Vec<Described> =
                set.pairs.iter().map(|pair| describe(pair, &source, &target)).collect::<Result<_>>()?;
            let dropped = set.dropped;
            let document = json!({
                "source": source.kind(),
                "target": target.kind(),
                "variable": variable.to_string(),
                "positions": positions,
                "seed": session.seed(),
                "pairs": described,
                "dropped": dropped,
            });
            session.output.result(&document, || {
                let mut text: String = described.iter().map(Described::text).collect::<Vec<_>>().join("\n");
                text.push_str(&format!("\n{dropped}\n"));
                text
            })
        }
    }
}

fn list(session: &Session) -> Result<()> {
    let tasks: Vec<Task> =
        TaskKind::ALL.iter().map(|&kind| TaskConfig::new(kind).build()).collect::<Result<_, mas_tasks::Error>>()?;
    let variables = |task: &Task| task.variables().iter().map(ToString::to_string).collect::<Vec<_>>();
    let document: Vec<_> = tasks
        .iter()
        .map(|task| {
            json!({
                "task": task.kind(),
                "program": task.program(),
                "variables": variables(task),
                "tokens": task.vocabulary().tokens(),
                "counts": { "min": task.count_range().min, "max": task.count_range().max },
                "held-out-in-training": untrained_counts(task.kind()),
            })
        })
        .collect();
    session.output.result(&document, || {
        tasks
            .iter()
            .map(|task| {
                format!(
                    "{:<14} {:<20} variables: {:<60} tokens: {}\n",
                    task.kind().to_string(),
                    task.program().to_string(),
                    variables(task).join(", "),
                    task.vocabulary().tokens().join(" ")
                )
            })
            .collect()
    })
}

fn sample(session: &Session, kind: TaskKind, demonstrations: Option<u32>, samples: usize) -> Result<()> {
    let task = TaskConfig::new(kind).build()?;
    let sequences: Vec<Sequence> = match demonstrations {
        Some(count) => task.sequences_of(count, samples, session.seed())?,
        None => task.sequences(samples, session.seed()),
    };
    let texts: Vec<String> =
        sequences.iter().map(|sequence| task.vocabulary().decode(&sequence.tokens)).collect::<Result<_, _>>()?;
    let document = json!({
        "task": kind,
        "seed": session.seed(),
        "sequences": sequences.iter().zip(&texts).map(|(sequence, text)| json!({
            "demonstrations": sequence.count,
            "tokens": text.split(' ').collect::<Vec<_>>(),
            "ids": sequence.tokens,
            "response": sequence.response,
        })).collect::<Vec<_>>(),
    });
    session.output.result(&document, || texts.join("\n"))
}

/// A pair in words.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Described {
    source: Read,
    target: Read,
    counterfactual: Read,
    source_variables: std::collections::BTreeMap<&'static str, f64>,
    target_variables_before: std::collections::BTreeMap<&'static str, f64>,
    target_variables_after: std::collections::BTreeMap<&'static str, f64>,
    changed: bool,
}

#[derive(Serialize)]
struct Read {
    tokens: Vec<String>,
    ids: Vec<u32>,
    response: Vec<bool>,
    position: usize,
}

impl Read {
    fn new(sequence: &Sequence, position: usize, task: &Task) -> Result<Self> {
        Ok(Self {
            tokens: task.vocabulary().decode(&sequence.tokens)?.split(' ').map(str::to_owned).collect(),
            ids: sequence.tokens.clone(),
            response: sequence.response.clone(),
            position,
        })
    }

    /// The tokens, the one at the position in brackets.
    fn text(&self) -> String {
        let mark = |(index, token): (usize, &String)| {
            if index == self.position { format!("[{token}]") } else { token.clone() }
        };
        self.tokens.iter().enumerate().map(mark).collect::<Vec<_>>().join(" ")
    }
}

fn describe(pair: &Pair, source: &Task, target: &Task) -> Result<Described> {
    Ok(Described {
        source: Read::new(&pair.source, pair.source_position, source)?,
        target: Read::new(&pair.target, pair.target_position, target)?,
        counterfactual: Read::new(&pair.counterfactual, pair.target_position, target)?,
        source_variables: pair.source_variables.to_map(),
        target_variables_before: pair.target_variables_before.to_map(),
        target_variables_after: pair.target_variables_after.to_map(),
        changed: pair.changed,
    })
}

impl Described {
    fn text(&self) -> String {
        format!(
            "source          {}\n  variables     {:?}\ntarget          {}\n  before        {:?}\n  after         {:?}\n\
             counterfactual  {}\n",
            self.source.text(),
            self.source_variables,
            self.target.text(),
            self.target_variables_before,
            self.target_variables_after,
            self.counterfactual.text()
        )
    }
}
