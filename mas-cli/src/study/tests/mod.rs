//! Tests of study files.

mod keys;
mod mistakes;
mod plans;

use super::Study;

/// Ten lines that say all that has to be said.
const TEN_LINES: &str = r#"name = "seeds"
[[networks]]
name = "gru"
task = "multi-object"
architecture = "gru"
seeds = [1, 2, 3]
[[alignments]]
name = "hidden"
[[similarities]]
name = "hidden"
"#;

fn study(text: &str) -> Study {
    Study::parse(text, "studies/seeds.toml").unwrap_or_else(|error| panic!("{}", error.plain()))
}
