use std::collections::{BTreeSet, HashSet};

use mas_models::Tokenizer;
use mas_tasks::{Variable, VariablePair};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    Error, Result,
    given::Given,
    networks::{Loaded, hash_of},
    prompted,
    seeds::derive,
    study::{AlignConfiguration, Prompts},
    texts,
};

/// Prompts in the order in which an alignment takes them, and what each of its networks answers.
pub(super) struct Answers {
    pub prompts: Vec<Vec<u32>>,
    /// Of each network to each prompt.
    pub by_network: Vec<Vec<Vec<u32>>>,
}

impl Answers {
    /// Draws as many prompts as `configuration` needs and lets all networks answer them.
    ///
    /// # Errors
    /// Networks that are no language models or do not read the same tokens, settings that are of tasks, too few texts, a
    /// file that is not the one that was hashed.
    pub fn of(prompts: &Prompts, configuration: &AlignConfiguration, networks: &[Given]) -> Result<Self> {
        check(prompts, configuration)?;
        let models = networks.iter().map(language).collect::<Result<Vec<_>>>()?;
        if hash_of(&prompts.file)? != prompts.identity {
            return Err(Error::invalid(format!("{} has changed", prompts.file.display())));
        }
        let documents = texts::documents(&prompts.file, "text")?;
        let mut asked = encoded(models[0], &documents)?;
        if let Some(other) = models[1..].iter().find_map(|other| match encoded(other, &documents) {
            Ok(tokens) if tokens == asked => None,
            Ok(_) => Some(Ok(other.name())),
            Err(error) => Some(Err(error)),
        }) {
            return Err(Error::invalid(format!(
                "`{}` and `{}` have different tokenizers: neither can go on as the other",
                models[0].name(),
                other?
            )));
        }
        // One that is all there is leaves nothing to be said.
        asked.retain(|tokens| tokens.len() > prompts.tokens);
        asked.iter_mut().for_each(|tokens| tokens.truncate(prompts.tokens));
        // Texts that begin alike are one prompt.
        let mut begun = HashSet::new();
        asked.retain(|tokens| begun.insert(tokens.clone()));
        asked.shuffle(&mut ChaCha8Rng::seed_from_u64(derive(configuration.seed, &["prompts"])));
        let needed = configuration.training_pairs + configuration.validation_pairs() + configuration.held_out_pairs;
        if asked.len() < needed {
            return Err(Error::invalid(format!(
                "{}: {} beginnings of texts of more than {} tokens are too few for {} prompts to fit to, {} to choose a \
                 checkpoint by and {} to judge by",
                prompts.file.display(),
                asked.len(),
                prompts.tokens,
                configuration.training_pairs,
                configuration.validation_pairs(),
                configuration.held_out_pairs
            )));
        }
        asked.truncate(needed);
        // All end where any of them does: else one that stops and one that goes on would differ in that alone.
        let ends: BTreeSet<u32> = models
            .iter()
            .filter_map(|loaded| loaded.language.as_ref())
            .flat_map(|model| model.config().end_tokens.clone())
            .collect();
        let ends: Vec<u32> = ends.into_iter().collect();
        let answer = |loaded: &&Loaded| match &loaded.language {
            Some(model) => prompted::answers(model, &asked, prompts.answer, &ends, &mut |_| {}),
            None => Ok(Vec::new()),
        };
        let by_network = models.iter().map(answer).collect::<Result<_>>()?;
        Ok(Self { prompts: asked, by_network })
    }
}

/// What is said of tasks has no meaning at prompts.
fn check(prompts: &Prompts, configuration: &AlignConfiguration) -> Result<()> {
    for (name, value) in [
        ("prompt-tokens", prompts.tokens),
        ("answer-tokens", prompts.answer),
        ("training-pairs", configuration.training_pairs),
        ("held-out-pairs", configuration.held_out_pairs),
    ] {
        if value == 0 {
            return Err(Error::invalid(format!("{name} must be at least 1")));
        }
    }
    if configuration.sites.len() < 2 {
        return Err(Error::invalid("prompts are for two networks or more: one always goes on as it does itself"));
    }
    if configuration.variables != [VariablePair::from(Variable::Full)] {
        return Err(Error::invalid("prompts have no variables; only `full` can be aligned on them"));
    }
    let of_tasks = configuration.program.is_some() || configuration.range.is_some();
    if of_tasks || configuration.null || configuration.together {
        return Err(Error::invalid(
            "a program, a range, a null variable and several at once are of tasks, not of prompts",
        ));
    }
    if !configuration.objective()?.latent().is_empty() {
        let method = configuration.method;
        return Err(Error::invalid(format!("`{method}` learns from values of variables, which prompts do not have")));
    }
    Ok(())
}

fn language(network: &Given) -> Result<&Loaded> {
    match network {
        Given::Live(loaded) if loaded.language.is_some() => Ok(loaded),
        other => Err(Error::invalid(format!("`{}` is no language model, and reads no prompts", other.name()))),
    }
}

fn encoded(loaded: &Loaded, documents: &[String]) -> Result<Vec<Vec<u32>>> {
    let tokenizer = Tokenizer::load(&loaded.path)?
        .ok_or_else(|| Error::invalid(format!("{} has no tokenizer.json", loaded.path.display())))?;
    if let Some(model) = &loaded.language {
        tokenizer.check(model.config().vocabulary)?;
    }
    documents.iter().map(|document| Ok(tokenizer.encode(document)?)).collect()
}
