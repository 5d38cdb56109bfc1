use std::collections::HashSet;

use mas_models::pieces;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Study, models::Base};
use crate::{Error, Result, seeds::derive, texts};

/// Which text is learned by whom, and which is asked with.
pub struct Splits {
    /// Name of each fine-tune, and the pieces that it learns from.
    pub learned: Vec<(String, Vec<Vec<u32>>)>,
    /// The first tokens of texts that nobody learns, toxic and other ones in turn.
    pub prompts: Vec<Vec<u32>>,
    /// All toxic and all other documents.
    pub documents: [Vec<String>; 2],
}

/// What a fine-tune on toxic text, and on other text, is called before its number.
pub const KINDS: [&str; 2] = ["toxic", "nontoxic"];

impl Splits {
    pub fn draw(study: &Study, base: &Base) -> Result<Self> {
        let settings = &study.settings;
        let mut rng = ChaCha8Rng::seed_from_u64(derive(settings.seed, &["splits"]));
        let asked = settings.training_prompts + settings.validation_prompts + settings.held_out_prompts;
        let end = base.network.config().end_tokens.first().copied();
        let (mut learned, mut asked_with, mut documents) = (Vec::new(), Vec::new(), Vec::new());
        // A text that is there twice would be in two splits, or learned by a model that is asked with it.
        let (mut seen, mut begun) = (HashSet::new(), HashSet::new());
        for (kind, path) in KINDS.iter().zip([&study.toxic, &study.nontoxic]) {
            let mut found = texts::documents(path, "text")?;
            found.retain(|document| seen.insert(document.clone()));
            let mut tokens = Vec::with_capacity(found.len());
            for document in &found {
                tokens.push(base.tokenizer.encode(document)?);
            }
            tokens.shuffle(&mut rng);
            // A prompt leaves something to be said.
            let (mut prompts, mut rest) = (Vec::new(), Vec::new());
            for document in tokens {
                let begins = document.get(..settings.prompt);
                // A text that begins as a prompt does would be asked with twice, or learned.
                if begins.is_some_and(|tokens| begun.contains(tokens)) {
                    continue;
                }
                let wanted = prompts.len() < asked.div_ceil(2) && document.len() >= settings.prompt + 4;
                match begins.filter(|_| wanted) {
                    Some(prompt) => {
                        begun.insert(prompt.to_vec());
                        prompts.push(prompt.to_vec());
                    }
                    None => rest.push(document),
                }
            }
            let each = rest.len() / settings.splits;
            if prompts.len() < asked.div_ceil(2) || each < settings.batch {
                return Err(Error::invalid(format!(
                    "{}: {} texts are too few for {} prompts and {} splits of {} texts or more",
                    path.display(),
                    found.len(),
                    asked.div_ceil(2),
                    settings.splits,
                    settings.batch
                )));
            }
            for (number, split) in rest.chunks_exact(each).take(settings.splits).enumerate() {
                learned.push((format!("{kind}-{}", number + 1), pieces(split, settings.length, end)?));
            }
            asked_with.push(prompts);
            documents.push(found);
        }
        let [toxic, other] = [asked_with.remove(0), asked_with.remove(0)];
        let prompts = toxic.into_iter().zip(other).flat_map(|(toxic, other)| [toxic, other]).take(asked).collect();
        Ok(Self { learned, prompts, documents: [documents.remove(0), documents.remove(0)] })
    }
}
