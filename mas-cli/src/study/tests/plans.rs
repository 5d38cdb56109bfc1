//! What a study expands to.

use mas_core::{Method, Start};
use mas_models::{CellKind, NetworkDescription, RecurrentConfig, Vocabulary};

use super::{TEN_LINES, study};
use crate::runs::{InputSource, Plan, Section, UnitKind};
use crate::study::{AlignConfiguration, FitControl, SimilarityConfiguration, TrainConfiguration};

fn names(plan: &Plan) -> Vec<&str> {
    plan.units().iter().map(|unit| unit.name()).collect()
}

fn fits(plan: &Plan) -> Vec<AlignConfiguration> {
    let align = plan.units().iter().filter(|unit| unit.kind() == UnitKind::Align);
    align.map(|unit| unit.configuration_as().unwrap()).collect()
}

fn pairs(text: &str) -> Vec<String> {
    let plan = study(text).plan("flex");
    let align = plan.units().iter().filter(|unit| unit.kind() == UnitKind::Align);
    align.map(|unit| unit.inputs().iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn ten_lines_are_all_that_has_to_be_said() {
    let study = study(TEN_LINES);
    assert_eq!((study.name.as_str(), study.title.as_str(), study.seed), ("seeds", "seeds", 1));
    assert_eq!(study.networks().collect::<Vec<_>>(), ["gru-1", "gru-2", "gru-3"]);
    let plan = study.plan("flex");
    assert_eq!(
        names(&plan),
        [
            "gru-1",
            "gru-2",
            "gru-3",
            "hidden: gru-1 gru-2, k = 32",
            "hidden: gru-1 gru-2, k = 32, random-network",
            "hidden: gru-1 gru-2, k = 32, shuffled",
            "hidden: gru-1 gru-3, k = 32",
            "hidden: gru-1 gru-3, k = 32, random-network",
            "hidden: gru-1 gru-3, k = 32, shuffled",
            "hidden: gru-2 gru-3, k = 32",
            "hidden: gru-2 gru-3, k = 32, random-network",
            "hidden: gru-2 gru-3, k = 32, shuffled",
            "hidden: gru-1 gru-2",
            "hidden: gru-1 gru-3",
            "hidden: gru-2 gru-3",
        ]
    );

    let recipe: TrainConfiguration = plan.units()[1].configuration_as().unwrap();
    assert_eq!((recipe.width, recipe.layers, recipe.seed), (128, 1, 2));
    let training = recipe.training;
    assert_eq!((training.max_epochs, training.batch, training.samples, training.warm_up), (2500, 128, 1000, 100));
    assert_eq!((training.learning_rate, training.validation_samples, training.max_steps), (5e-4, 500, None));

    let fit = &fits(&plan)[0];
    assert_eq!((fit.method, fit.control, fit.k, fit.seed), (Method::Mas, FitControl::None, Some(32), 1));
    assert_eq!((fit.training_pairs, fit.held_out_pairs, fit.batch), (3000, 1000, 128));
    assert_eq!((fit.learning_rate, fit.max_steps, fit.evaluate_every), (0.01, 50, 50));
    assert_eq!((fit.free_running, fit.site_label().as_str()), (false, "hidden"));
    assert_eq!(fit.variables, ["full".parse().unwrap()]);

    let similarity: SimilarityConfiguration = plan.units()[12].configuration_as().unwrap();
    assert_eq!(similarity.measures, ["cka_linear_debiased", "rsa_euclidean_spearman"]);
    assert_eq!((similarity.samples, similarity.draws, similarity.sequences_per_count), (1000, 10, 15));

    let section = |section: &Section| (section.name.clone(), section.kind, section.units.len());
    let expected = [("gru", UnitKind::Train, 3), ("hidden", UnitKind::Align, 9), ("hidden", UnitKind::Similarity, 3)];
    let expected = expected.map(|(name, kind, units)| (name.to_string(), kind, units));
    assert_eq!(plan.sections().iter().map(section).collect::<Vec<_>>(), expected);
}

#[test]
fn every_way_of_pairing() {
    let with = |line: &str| {
        let text = TEN_LINES.split("[[similarities]]").next().unwrap();
        pairs(&format!("{text}controls = false\n{line}\n"))
    };
    assert_eq!(with("pairs = \"all\""), ["gru-1 gru-2", "gru-1 gru-3", "gru-2 gru-3"]);
    assert_eq!(with("pairs = \"ring\""), ["gru-1 gru-2", "gru-2 gru-3", "gru-3 gru-1"]);
    assert_eq!(with("pairs = \"joint\""), ["gru-1 gru-2 gru-3"]);
    assert_eq!(with("pairs = \"ordered\"").len(), 6);
    assert_eq!(with("pairs = [[\"gru-3\", \"gru-1\"], [\"gru-1\", \"gru-2\", \"gru-3\"]]").len(), 2);
    assert_eq!(with("networks = [\"gru-3\", \"gru-1\"]"), ["gru-3 gru-1"]);
    assert_eq!(with("pairs = \"ring\"\nnetworks = [\"gru-1\", \"gru-2\"]"), ["gru-1 gru-2"]);
    assert_eq!(with("pairs = \"ring\"\nnetworks = [\"gru-1\", \"gru-2\"]\nmethod = \"stitching\"").len(), 2);
    assert_eq!(with("method = \"das\""), ["gru-1", "gru-2", "gru-3"]);
}

#[test]
fn lists_make_a_fit_each() {
    let text = TEN_LINES.replace("name = \"hidden\"\n[[sim", "name = \"h\"\nk = [1, 2]\ncontrols = false\n[[sim");
    let plan = study(&text).plan("flex");
    assert_eq!(fits(&plan).iter().map(|fit| fit.k.unwrap()).collect::<Vec<_>>(), [1, 2, 1, 2, 1, 2]);
}

#[test]
fn methods_bring_their_own_defaults() {
    let with_lines = |lines: &str, top: &str| {
        let text = TEN_LINES.replace("[[similarities]]\nname = \"hidden\"", lines);
        fits(&study(&format!("{top}\n{text}")).plan("flex"))[0].clone()
    };
    let with = |method: &str| with_lines(&format!("method = \"{method}\""), "");
    let paper = |method: &str| with_lines(&format!("method = \"{method}\""), "settings = \"paper\"");
    assert_eq!((with("stitching").k, paper("stitching").max_steps), (None, 2500));
    assert_eq!(with("low-rank-stitching").k, Some(32));
    assert_eq!((paper("unidirectional-mas").max_steps, paper("unidirectional-mas").cool_down), (20_000, None));
    assert_eq!((paper("mas").start, paper("mas").learning_rate), (Start::Random, 1e-3));
    assert_eq!((with("mas").start, with("mas").learning_rate), (Start::Matched, 0.01));
    assert_eq!(with("mas").cool_down, Some(with("mas").max_steps));
    assert_eq!(with_lines("max-steps = 7", "").cool_down, Some(7));
    assert_eq!(with_lines("cool-down = 0", "").cool_down, None);
    // Where nothing turns axes there is nothing to match.
    assert_eq!(with_lines("function = \"linear\"", "").start, Start::Random);
    assert_eq!(with("clmas").k, Some(32));
    assert_eq!((with("clmas").inaccessible, with("clmas").cl_weight), (vec![1], Some(8.0)));
    assert_eq!((with("latent-stitching").k, with("latent-stitching").inaccessible), (None, vec![1]));
    assert_eq!(with("latent-stitching").cl_weight, None);
    assert_eq!((with("mas").inaccessible, with("mas").cl_weight, with("mas").null), (vec![], None, false));
}

/// By name, whatever place a network has in a fit.
#[test]
fn inaccessible_networks_are_found_in_every_fit() {
    let with = |lines: &str| {
        let text = TEN_LINES.split("[[similarities]]").next().unwrap();
        let text = format!("{text}controls = false\nmethod = \"clmas\"\n{lines}\n");
        fits(&study(&text).plan("flex")).into_iter().map(|fit| fit.inaccessible).collect::<Vec<_>>()
    };
    assert_eq!(with(""), [[1], [1], [1]]);
    assert_eq!(with("pairs = \"ring\"\nnetworks = [\"gru-1\", \"gru-2\"]").len(), 2, "each way round");
    assert_eq!(
        with("pairs = [[\"gru-1\", \"gru-2\"], [\"gru-2\", \"gru-1\"]]\ninaccessible = [\"gru-1\"]"),
        [[0], [1]]
    );
    assert_eq!(with("pairs = \"joint\"\ninaccessible = [\"gru-3\", \"gru-1\"]"), [[0, 2]]);
    assert_eq!(with("pairs = \"joint\""), [[2]]);
}

#[test]
fn networks_can_have_different_sites_widths_and_variables() {
    let text = r#"
name = "across"
[[networks]]
name = "gru"
task = "multi-object"
architecture = "gru"
width = 16
[[networks]]
name = "sums"
task = "arithmetic"
architecture = "gru"
layers = 2
[[alignments]]
name = "count"
site = { sums = "hidden.0", gru = "hidden" }
positions = "stepwise"
variables = ["count:cumulative-value"]
range = [1, 20]
"#;
    let fit = &fits(&study(text).plan("flex"))[0];
    assert_eq!((fit.site_label().as_str(), fit.k), ("hidden:hidden.0", Some(16)));
    assert_eq!(fit.variables, ["count:cumulative-value".parse().unwrap()]);
    assert_eq!(fit.range.map(|range| (range.min, range.max)), Some((1.0, 20.0)));
}

#[test]
fn networks_that_are_brought_are_inputs_without_units() {
    let place = tempfile::tempdir().unwrap();
    let vocabulary = Vocabulary::new(["P", "B", "E"].map(String::from).to_vec());
    let config = RecurrentConfig { layers: 2, ..RecurrentConfig::new(CellKind::Gru, 8, 3) };
    let description =
        NetworkDescription { task: Some("modulo".into()), ..NetworkDescription::initialised(&config, vocabulary, 1) };
    for name in ["mine", "theirs"] {
        let folder = place.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("network.toml"), toml::to_string(&description).unwrap()).unwrap();
        std::fs::write(folder.join("weights.safetensors"), format!("weights of {name}")).unwrap();
    }
    let text = r#"
name = "mine"
[[networks]]
name = "mine"
path = "mine"
allow-unaccepted = true
[[networks]]
name = "theirs"
path = "theirs"
[[similarities]]
name = "hidden"
site = { mine = "hidden.1", theirs = "hidden" }
"#;
    let parse = |text: &str| crate::study::Study::parse(text, place.path().join("mine.toml"));
    let plan = || parse(text).unwrap().plan("flex");
    let [unit] = plan().units().to_vec().try_into().unwrap();
    assert_eq!(unit.kind(), UnitKind::Similarity);
    assert_eq!(unit.inputs()[0].source, InputSource::Path(place.path().join("mine")));
    assert_eq!(unit.inputs().iter().map(|input| input.allow_unaccepted).collect::<Vec<_>>(), [true, false]);

    // Task, width and sites are those of the description.
    let complaint = parse(&text.replace("hidden.1", "hidden.2")).unwrap_err().plain();
    assert!(complaint.contains("it has `embedding`, `hidden`, `hidden.0`, `hidden.1`"), "{complaint}");
    let aligned = format!("{text}[[alignments]]\nname = \"a\"\nk = 9\n");
    assert!(parse(&aligned).unwrap_err().plain().contains("more than the width of `mine`, 8"));
    let other = toml::to_string(&description).unwrap().replace("\"gru\"", "\"perceptron\"");
    std::fs::write(place.path().join("theirs/network.toml"), other).unwrap();
    let complaint = parse(text).unwrap_err();
    assert_eq!(complaint.line(), Some(9));
    assert!(complaint.plain().contains("perceptron") && complaint.plain().contains("gru"), "{}", complaint.plain());

    std::fs::write(place.path().join("theirs/network.toml"), toml::to_string(&description).unwrap()).unwrap();
    std::fs::write(place.path().join("mine/weights.safetensors"), "other weights").unwrap();
    assert_ne!(plan().units()[0].key(), unit.key());
}

#[test]
fn the_same_work_in_two_sections_is_one_unit() {
    let text = format!("{TEN_LINES}[[similarities]]\nname = \"again\"\n");
    let plan = study(&text).plan("flex");
    assert_eq!(plan.units().len(), 15);
    assert_eq!(plan.sections()[2].units, plan.sections()[3].units);
}

#[test]
fn maps_that_are_not_linear_are_warned_of() {
    assert_eq!(study(TEN_LINES).warnings(), Vec::<String>::new());
    let with =
        |line: &str| study(&TEN_LINES.replace("[[similarities]]", &format!("{line}\n[[similarities]]"))).warnings();
    assert_eq!(with("function = \"linear\"").len(), 0);
    let warnings = with("function = \"revnet\"");
    assert!(warnings.len() == 1 && warnings[0].contains("hidden") && warnings[0].contains("Sutter"), "{warnings:?}");
}
