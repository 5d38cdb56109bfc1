//! Words that are not written out: those that are known for it in English, and those that are much commoner in this toxic
//! text than in other text, whatever its language.

use std::collections::{HashMap, HashSet};

use rustrict::CensorStr;

/// The words of this toxic text that are masked.
pub struct Mask(HashSet<String>);

/// A word is masked if this many toxic texts have it,
const TEXTS: f64 = 4.0;
/// and this many times as large a share of them as of other texts.
const TIMES: f64 = 3.0;

impl Mask {
    /// - `toxic`, `other`: documents
    pub fn of([toxic, other]: [&[String]; 2]) -> Self {
        let (in_toxic, in_other) = (counts(toxic), counts(other));
        let share = toxic.len() as f64 / other.len().max(1) as f64;
        let masked = in_toxic.into_iter().filter(|(word, count)| {
            let expected = (in_other.get(word).copied().unwrap_or(0.0) + 0.5) * share;
            word.chars().count() > 2 && *count >= TEXTS && *count >= TIMES * expected
        });
        Self(masked.map(|(word, _)| word).collect())
    }

    /// The text with the letters of such words replaced by stars; of all but slurs the first letter is left.
    pub fn apply(&self, text: &str) -> String {
        let text = text.censor();
        let mut out = String::with_capacity(text.len());
        let mut word = String::new();
        for character in text.chars().chain([' ']) {
            if character.is_alphanumeric() {
                word.push(character);
                continue;
            }
            let stars = self.0.contains(&word.to_lowercase());
            out.extend(word.drain(..).enumerate().map(|(at, letter)| if stars && at > 0 { '*' } else { letter }));
            out.push(character);
        }
        out.pop();
        out
    }
}

/// In how many texts each word is.
fn counts(texts: &[String]) -> HashMap<String, f64> {
    let mut counts = HashMap::new();
    for text in texts {
        let text = text.to_lowercase();
        let words: HashSet<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        for word in words {
            *counts.entry(word.to_owned()).or_insert(0.0) += 1.0;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_toxic_text_are_masked() {
        let toxic = vec!["You utter BLOCKHEAD, the worst".to_owned(); 5];
        let other = vec!["the weather, you see".to_owned(); 5];
        let mask = Mask::of([&toxic, &other]);
        assert_eq!(mask.apply("You blockhead! The weather, Blockheads"), "You b********! The weather, Blockheads");
        assert_eq!(mask.apply("what the fuck, 7 ducks – “ja”"), "what the f***, 7 ducks – “ja”");
        assert_eq!(mask.apply(""), "");
    }
}
