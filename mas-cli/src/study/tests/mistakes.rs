//! Every kind of mistake, and what is said of it.

use miette::Diagnostic;

use super::TEN_LINES;
use crate::study::{Study, StudyError};

const STUDY: &str = r#"name = "seeds"
claims = ["C1"]

[[networks]]
name = "gru"
task = "multi-object"
architecture = "gru"
width = 16
seeds = [1, 2]

[[networks]]
name = "sums"
task = "arithmetic"
architecture = "gru"

[[alignments]]
name = "hidden"
networks = ["gru"]
k = 4

[[similarities]]
name = "hidden"
networks = ["gru"]
"#;

/// The mistake after `from` is replaced by `to`.
fn mistake(from: &str, to: &str) -> StudyError {
    assert!(STUDY.contains(from), "{from}");
    match Study::parse(&STUDY.replacen(from, to, 1), "seeds.toml") {
        Ok(_) => panic!("`{to}` is accepted"),
        Err(error) => error,
    }
}

/// Replacement, line of the mistake, the passage that is pointed to, and words that are said.
#[rustfmt::skip] // A table is read by its columns.
const MISTAKES: &[(&str, &str, usize, &str, &str)] = &[
    // The grammar, keys and types.
    ("k = 4", "k = ", 19, "", "value"),
    ("width = 16", "widht = 16", 8, "widht", "did you mean `width`?"),
    ("width = 16", "width = \"16\"", 8, "\"16\"", "invalid type: string \"16\""),
    ("width = 16", "width = -16", 8, "-16", "invalid value"),
    ("width = 16", "training = { bach = 3 }", 8, "bach", "did you mean `batch`?"),
    ("k = 4", "k = \"4\"", 19, "\"4\"", "a whole number or a list of them"),
    ("k = 4", "k = [4, 1.5]", 19, "1.5", "invalid type: floating point"),
    ("k = 4", "pairs = 3", 19, "3", "\"joint\" or a list of lists of networks"),
    ("k = 4", "site = 3", 19, "3", "the name of a site"),
    ("name = \"seeds\"\n", "", 1, "", "missing field `name`"),
    ("[[networks]]\nname = \"gru\"\n", "[[networks]]\n", 4, "", "missing field `name`"),
    ("[[alignments]]", "[[alignment]]", 16, "alignment", "did you mean `alignments`?"),
    // Names.
    ("name = \"seeds\"", "name = \"a/b\"", 1, "\"a/b\"", "cannot be the name of the study"),
    ("\"C1\"", "\"C9\"", 2, "\"C9\"", "there is no claim `C9`"),
    ("\"C1\"", "\"D1\"", 2, "\"D1\"", "did you mean `C1`?"),
    ("name = \"sums\"", "name = \"gru\"", 12, "\"gru\"", "there already"),
    ("name = \"sums\"", "name = \"gru-2\"", 12, "\"gru-2\"", "the network `gru-2` is there already"),
    ("multi-object", "multi-objects", 6, "\"multi-objects\"", "did you mean `multi-object`?"),
    ("architecture = \"gru\"", "architecture = \"perceptron\"", 7, "\"perceptron\"", "`gru`, `lstm`, `rnn`, `transformer`"),
    ("architecture = \"gru\"", "architecture = \"lstms\"", 7, "\"lstms\"", "did you mean `lstm`?"),
    ("architecture = \"gru\"\nwidth = 16", "architecture = \"lstm\"\nwidth = 33", 8, "33", "must be even"),
    ("width = 16", "layers = 65", 8, "65", "between 1 and 64"),
    ("width = 16", "width = 16\nlayers = 65", 9, "65", "between 1 and 64"),
    ("[\"gru\"]\nk", "[\"grus\"]\nk", 18, "\"grus\"", "did you mean `gru`?"),
    ("k = 4", "method = \"sas\"", 19, "\"sas\"", "there is no method `sas`"),
    ("k = 4", "method = \"clma\"", 19, "\"clma\"", "did you mean `clmas`?"),
    ("k = 4", "method = \"clmas\"\ninaccessible = [\"sums\"]", 20, "[\"sums\"]", "in the fit of `gru-1` and `gru-2`"),
    ("k = 4", "method = \"clmas\"\ninaccessible = [\"gru\"]", 20, "[\"gru\"]", "a network that is accessible"),
    ("k = 4", "method = \"clmas\"\ninaccessible = [\"gru-3\"]", 20, "\"gru-3\"", "did you mean `gru-1`?"),
    ("k = 4", "inaccessible = [\"gru-2\"]", 19, "[\"gru-2\"]", "with an inaccessible one take `clmas`"),
    ("k = 4", "method = \"latent-stitching\"\ninaccessible = [\"gru-1\"]", 20, "[\"gru-1\"]", "the last network"),
    ("k = 4", "method = \"clmas\"\npositions = \"stepwise\"", 19, "\"clmas\"", "individual positions"),
    ("k = 4", "method = \"clmas\"\ncl-weight = -1", 20, "-1", "at least 0, and 8 if left out"),
    ("k = 4", "method = \"latent-stitching\"\ncl-weight = 2", 20, "2", "cl-weight means nothing to `latent-stitching`"),
    ("k = 4", "method = \"stitching\"\nnull = true", 20, "true", "no null variable in `stitching`"),
    ("k = 4", "function = \"rotation\"", 19, "\"rotation\"", "there is no alignment function `rotation`"),
    ("k = 4", "start = \"pca\"", 19, "\"pca\"", "`principal`"),
    ("k = 4", "function = \"linear\"\nstart = \"principal\"", 20, "\"principal\"", "`linear` cannot begin at principal axes"),
    ("k = 4", "positions = \"each\"", 19, "\"each\"", "there are `individual`, `stepwise`"),
    ("k = 4", "program = \"count\"", 19, "\"count\"", "there is no program `count`"),
    ("k = 4", "variables = [\"amount\"]", 19, "\"amount\"", "unknown variable 'amount'"),
    ("k = 4", "[[alignments]]\nname = \"hidden\"", 20, "\"hidden\"", "an alignment called `hidden` is there already"),
    // Values.
    ("width = 16", "width = 0", 8, "0", "at least 1, and 128 if left out"),
    ("width = 16", "layers = 0", 8, "0", "layers = 0 is impossible"),
    ("[1, 2]", "[]", 9, "[]", "there are no seeds"),
    ("[1, 2]", "[1, 1]", 9, "1", "the seed `1` is there already"),
    ("[1, 2]", "[1, 2]\ntraining = { learning-rate = nan }", 10, "nan", "above 0"),
    ("k = 4", "k = 0", 19, "0", "k = 0 is impossible"),
    ("k = 4", "k = []", 19, "[]", "k is empty"),
    ("k = 4", "k = [2, 2]", 19, "[2, 2]", "k = 2 is there twice"),
    ("k = 4", "k = [2, 17]", 19, "[2, 17]", "k = 17 is more than the width of `gru-1`, 16"),
    ("k = 4", "k = 9\nvariables = [\"phase\", \"count\"]", 19, "9", "at most 8"),
    ("k = 4", "learning-rate = 0", 19, "0", "learning-rate = 0 is impossible"),
    ("k = 4", "max-steps = 0", 19, "0", "50 if left out"),
    ("k = 4", "sizes = [4, 4]", 19, "[4, 4]", "[4, 4] are not the sizes of 1 subspaces"),
    ("k = 4", "sizes = [9, 8]\nvariables = [\"phase\", \"count\"]", 19, "[9, 8]", "17 coordinates are more than `gru-1` has, 16"),
    ("k = 4", "k = 4\nsizes = [4]", 20, "[4]", "sizes stand beside k"),
    ("k = 4", "method = \"stitching\"\nsizes = [4]", 20, "[4]", "sizes mean nothing to `stitching`"),
    ("k = 4", "seeds = []", 19, "[]", "there are no seeds"),
    ("k = 4", "seeds = [1, 1]", 19, "1", "the seed `1` is there already"),
    ("k = 4", "cool-down = 60", 19, "60", "at most max-steps, 50"),
    ("k = 4", "max-steps = 5\ncool-down = 6", 20, "6", "at most max-steps, 5"),
    ("[1, 2]", "[1, 2]\ntraining = { clip = 0 }", 10, "0", "above 0"),
    ("[1, 2]", "[1, 2]\ntraining = { max-steps = 0 }", 10, "0", "at least 1"),
    ("[1, 2]", "[1, 2]\ntraining = { max-epochs = 7, cool-down = 8 }", 10, "8", "at most max-epochs, 7"),
    ("k = 4", "range = [3, 1]", 19, "[3, 1]", "no value lies from 3 to 1"),
    ("k = 4", "range = [1, 3, 5]", 19, "[1, 3, 5]", "two ends, not 3"),
    ("k = 4", "range = [1, \"x\"]", 19, "\"x\"", "invalid type: string"),
    ("k = 4", "range = [nan, 3]", 19, "[nan, 3]", "finite ends"),
    ("k = 4", "range = [1, 3]", 17, "\"hidden\"", "full has no value to restrict"),
    ("k = 4", "cl-weight = 2", 19, "2", "cl-weight means nothing to `mas`"),
    ("k = 4", "weight = 2", 19, "weight", "unknown field `weight`"),
    ("k = 4", "k = 4\nmethod = \"stitching\"", 19, "4", "k means nothing to `stitching`"),
    ("k = 4", "variables = []", 19, "[]", "there are no variables"),
    ("k = 4", "variables = [\"full\", \"count\"]", 19, "[\"full\", \"count\"]", "beside other variables"),
    ("k = 4", "program = \"arithmetic\"", 19, "\"arithmetic\"", "does not describe multi-object"),
    // What does not go together.
    ("task = \"arithmetic\"\n", "", 11, "", "neither how to train it nor where it is"),
    ("task = \"arithmetic\"", "path = \"nowhere\"", 14, "\"gru\"", "so `architecture` says nothing"),
    ("task = \"arithmetic\"\narchitecture = \"gru\"", "path = \"nowhere\"", 13, "\"nowhere\"", "cannot read"),
    ("task = \"arithmetic\"\narchitecture = \"gru\"", "path = \"Cargo.toml\"", 13, "\"Cargo.toml\"", "network folders"),
    ("k = 4", "variables = [\"operand\"]", 19, "\"operand\"", "has no variable 'operand'"),
    ("networks = [\"gru\"]\nk = 4", "site = \"embedding\"", 17, "\"hidden\"", "full needs one program on both sides"),
    ("k = 4", "site = \"layer.0\"", 19, "\"layer.0\"", "it has `embedding`, `hidden`, `hidden.0`"),
    ("k = 4", "site = { gru = \"layer.0\" }", 19, "\"layer.0\"", "`gru-1` has no site `layer.0`"),
    ("k = 4", "site = { gru-1 = \"hidden\" }", 19, "{ gru-1 = \"hidden\" }", "`site` says nothing of `gru-2`"),
    ("k = 4", "site = { gru = \"hidden\", gru-1 = \"embedding\" }", 19, "gru-1", "given twice"),
    ("k = 4", "method = \"das\"\npairs = \"ring\"", 20, "\"ring\"", "`das` takes one network at a time"),
    ("networks = [\"gru\"]\nk = 4", "networks = []", 18, "[]", "`networks` is empty"),
    ("networks = [\"gru\"]\nk = 4", "networks = [\"gru-1\"]", 18, "[\"gru-1\"]", "there is only `gru-1`"),
    ("networks = [\"gru\"]\nk = 4", "networks = [\"gru\", \"gru-1\"]", 18, "\"gru-1\"", "is chosen already"),
    ("k = 4", "pairs = \"rings\"", 19, "\"rings\"", "no way to pair networks called `rings`"),
    ("k = 4", "pairs = [[\"gru-1\", \"gru-2\"]]", 18, "[\"gru\"]", "both `pairs` and `networks`"),
    ("networks = [\"gru\"]\nk = 4", "pairs = []", 18, "[]", "`pairs` is empty"),
    ("networks = [\"gru\"]\nk = 4", "pairs = [[\"gru-1\"]]", 18, "[\"gru-1\"]", "takes two networks or more, not 1"),
    ("networks = [\"gru\"]\nk = 4", "pairs = [[\"gru-1\", \"gru-1\"]]", 18, "\"gru-1\"", "there already"),
    ("networks = [\"gru\"]\nk = 4", "pairs = [[\"gru-1\", \"gru-4\"]]", 18, "\"gru-4\"", "did you mean `gru-1`?"),
    ("networks = [\"gru\"]\nk = 4", "pairs = [[\"gru\", \"gru-1\"]]", 18, "\"gru\"", "name one: `gru-1`, `gru-2`"),
    ("name = \"hidden\"\nnetworks = [\"gru\"]\n", "name = \"h\"\npairs = \"joint\"\nmethod = \"unidirectional-mas\"\n", 18, "\"joint\"", "not 3"),
];

#[test]
fn every_mistake_is_said_with_its_line() {
    let mut wrong = String::new();
    for &(from, to, line, passage, words) in MISTAKES {
        let error = mistake(from, to);
        let plain = error.plain();
        let pointed = passage.is_empty() || error.passage() == Some(passage);
        if !(pointed && plain.starts_with(&format!("seeds.toml:{line}:")) && plain.contains(words)) {
            wrong.push_str(&format!("{to}: pointed to {:?}\n{plain}\n\n", error.passage()));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn similarities_have_mistakes_of_their_own() {
    for (line, words) in [
        ("measures = [\"cka_lineal\"]", "did you mean `cka_linear`?"),
        ("measures = []", "there are no measures"),
        ("samples = 3", "it is at least 4"),
        ("permutations = 1000000000000000000", "it is at most 10000000"),
        ("draws = 0", "draws = 0 is impossible"),
        ("pairs = \"joint\"", "a similarity takes two networks at once, not 3"),
        ("site = \"layer.0\"", "`gru-1` has no site"),
    ] {
        let error = Study::parse(&format!("{TEN_LINES}{line}\n"), "seeds.toml").unwrap_err();
        assert_eq!(error.line(), Some(11), "{error}");
        assert!(error.plain().contains(words), "{}", error.plain());
    }
}

#[test]
fn an_empty_study_and_a_missing_file_are_mistakes() {
    let error = Study::parse("name = \"empty\"\n", "empty.toml").unwrap_err();
    assert!(error.plain().contains("the study has no networks"));
    let error = Study::read(std::path::Path::new("nowhere/study.toml")).unwrap_err();
    assert!(error.to_string().starts_with("nowhere/study.toml: cannot read the study file"), "{error}");
    assert_eq!((error.line(), error.passage()), (None, None));
}

#[test]
fn a_mistake_shows_its_passage() {
    let error = mistake("k = 4", "k = [2, 17]");
    let expected =
        "seeds.toml:19:5: k = 17 is more than the width of `gru-1`, 16\n  19 | k = [2, 17]\n  help: at most 16";
    assert_eq!(error.plain(), expected);
    assert_eq!(error.help().unwrap().to_string(), "at most 16");

    let mut shown = String::new();
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none());
    handler.render_report(&mut shown, &error).unwrap();
    assert!(shown.contains("seeds.toml:19:5") && shown.contains("k = [2, 17]"), "{shown}");
}

#[test]
fn letters_of_several_bytes_do_not_shift_the_place() {
    let text = "title = \"Äpfel\"\nname = \"é\"\n";
    let error = Study::parse(text, "t.toml").unwrap_err();
    assert_eq!((error.line(), error.passage()), (Some(2), Some("\"é\"")));
    assert!(error.to_string().starts_with("t.toml:2:8:"));
}
