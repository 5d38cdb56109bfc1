//! What a study expands to.

use super::{TEN_LINES, study};
use crate::runs::{InputSource, Plan, Section, UnitKind};
use crate::study::{AlignConfiguration, FitControl, Method, SimilarityConfiguration, TrainConfiguration, defaults};

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
fn ten_lines_are_the_settings_of_the_paper() {
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
    assert_eq!((fit.training_pairs, fit.held_out_pairs, fit.batch), (10_000, 1000, 128));
    assert_eq!((fit.learning_rate, fit.max_steps, fit.evaluate_every), (1e-3, 20_000, 50));
    assert_eq!((fit.cl_weight, fit.free_running, fit.site_label().as_str()), (None, false, "hidden"));
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
        pairs(&format!("{text}controls = false\nk = 4\n{line}\n"))
    };
    assert_eq!(with("pairs = \"all\""), ["gru-1 gru-2", "gru-1 gru-3", "gru-2 gru-3"]);
    assert_eq!(with("pairs = \"ring\""), ["gru-1 gru-2", "gru-2 gru-3", "gru-3 gru-1"]);
    assert_eq!(with("pairs = \"joint\""), ["gru-1 gru-2 gru-3"]);
    assert_eq!(with("pairs = \"ordered\"").len(), 6);
    assert_eq!(with("pairs = [[\"gru-3\", \"gru-1\"], [\"gru-1\", \"gru-2\", \"gru-3\"]]").len(), 2);
    assert_eq!(with("networks = [\"gru-3\", \"gru-1\"]"), ["gru-3 gru-1"]);
    assert_eq!(with("pairs = \"ring\"\nnetworks = [\"gru-1\", \"gru-2\"]"), ["gru-1 gru-2"]);
    assert_eq!(with("pairs = \"ring\"\nnetworks = [\"gru-1\", \"gru-2\"]\nmethod = \"clmas\"").len(), 2);
    assert_eq!(with("method = \"das\""), ["gru-1", "gru-2", "gru-3"]);
}

#[test]
fn lists_make_a_fit_each() {
    let text = TEN_LINES.replace("name = \"hidden\"\n[[sim", "name = \"h\"\nk = [1, 2]\ncontrols = false\n[[sim");
    let plan = study(&text).plan("flex");
    assert_eq!(fits(&plan).iter().map(|fit| fit.k.unwrap()).collect::<Vec<_>>(), [1, 2, 1, 2, 1, 2]);

    let text = text.replace("k = [1, 2]", "method = \"clmas\"\ncl-weight = [0.85, 8]\nk = 2");
    let plan = study(&text).plan("flex");
    assert_eq!(fits(&plan).iter().map(|fit| fit.cl_weight.unwrap()).collect::<Vec<_>>()[..2], [0.85, 8.0]);
    assert!(names(&plan).contains(&"h: gru-1 gru-2, k = 2, cl-weight = 8"));
}

#[test]
fn methods_bring_their_own_defaults() {
    let with = |method: &str| {
        let text = TEN_LINES.replace("[[similarities]]\nname = \"hidden\"", &format!("method = \"{method}\""));
        fits(&study(&text).plan("flex"))[0].clone()
    };
    assert_eq!((with("stitching").k, with("stitching").max_steps), (None, defaults::MAX_STEPS_STITCHING));
    assert_eq!(with("low-rank-stitching").k, Some(32));
    assert_eq!(with("clmas").cl_weight, Some(defaults::CL_WEIGHT));
    assert_eq!(with("unidirectional-mas").max_steps, defaults::MAX_STEPS);
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
name = "transformer"
task = "arithmetic"
architecture = "transformer"
[[alignments]]
name = "count"
site = { transformer = "layer.0", gru = "hidden" }
positions = "stepwise"
variables = ["count:cumulative-value"]
range = [1, 20]
"#;
    let fit = &fits(&study(text).plan("flex"))[0];
    assert_eq!((fit.site_label().as_str(), fit.k), ("hidden:layer.0", Some(16)));
    assert_eq!(fit.variables, ["count:cumulative-value".parse().unwrap()]);
    assert_eq!(fit.range.map(|range| (range.min, range.max)), Some((1.0, 20.0)));
}

#[test]
fn networks_that_are_brought_are_inputs_without_units() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("networks/mine");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("network.toml"), "task = \"modulo\"\n[architecture.recurrent]\nwidth = 8\n").unwrap();
    std::fs::write(folder.join("weights.safetensors"), "weights").unwrap();
    std::fs::write(place.path().join("brain.npy"), "activity").unwrap();
    let text = r#"
name = "mine"
[[networks]]
name = "mine"
path = "networks/mine"
allow-unaccepted = true
[[networks]]
name = "brain"
path = "brain.npy"
[[similarities]]
name = "hidden"
"#;
    let plan = || crate::study::Study::parse(text, place.path().join("mine.toml")).unwrap().plan("flex");
    let [unit] = plan().units().to_vec().try_into().unwrap();
    assert_eq!(unit.kind(), UnitKind::Similarity);
    assert_eq!(unit.inputs()[0].source, InputSource::Path(folder.clone()));
    assert_eq!(unit.inputs().iter().map(|input| input.allow_unaccepted).collect::<Vec<_>>(), [true, false]);

    std::fs::write(folder.join("weights.safetensors"), "other weights").unwrap();
    assert_ne!(plan().units()[0].key(), unit.key());
}

#[test]
fn the_same_work_in_two_sections_is_one_unit() {
    let text = format!("{TEN_LINES}[[similarities]]\nname = \"again\"\n");
    let plan = study(&text).plan("flex");
    assert_eq!(plan.units().len(), 15);
    assert_eq!(plan.sections()[2].units, plan.sections()[3].units);
}
