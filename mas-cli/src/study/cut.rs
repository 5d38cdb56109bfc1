//! What a study's settings leave out of the paper's.

use super::configuration::{AlignConfiguration, SimilarityConfiguration, TrainConfiguration};
use super::defaults;

/// What is less than in the paper, `what: here instead of there`; nothing where nothing is.
fn less(settings: &[(&str, usize, usize)]) -> Option<String> {
    let cut: Vec<String> = settings
        .iter()
        .filter(|(_, here, there)| here < there)
        .map(|(what, here, there)| format!("{here} instead of {there} {what}"))
        .collect();
    (!cut.is_empty()).then(|| cut.join(", "))
}

impl AlignConfiguration {
    /// What the fit leaves out of the settings of arXiv 2501.06164, in words.
    pub fn cut(&self) -> Option<String> {
        less(&[
            ("steps at most", self.max_steps, defaults::max_steps(self.method)),
            ("training pairs a direction", self.training_pairs, defaults::TRAINING_PAIRS),
            ("held-out pairs a direction", self.held_out_pairs, defaults::HELD_OUT_PAIRS),
            ("pairs a direction in a step", self.batch, defaults::BATCH),
        ])
    }
}

impl SimilarityConfiguration {
    /// What the comparison leaves out of the settings of arXiv 2501.06164, in words.
    pub fn cut(&self) -> Option<String> {
        let sequences = ("sequences a count", self.sequences_per_count, defaults::SEQUENCES_PER_COUNT);
        match self.distinct {
            true => less(&[sequences]),
            false => less(&[
                sequences,
                ("vectors a draw", self.samples, defaults::SAMPLES),
                ("draws", self.draws, defaults::DRAWS),
            ]),
        }
    }
}

impl TrainConfiguration {
    /// What the training leaves out of the settings of arXiv 2501.06164, in words.
    pub fn cut(&self) -> Option<String> {
        let Self { width, training, .. } = self;
        let cut = less(&[
            ("units", *width, defaults::WIDTH),
            ("epochs at most", training.max_epochs, defaults::MAX_EPOCHS),
            ("training trials", training.samples, defaults::TRAINING_SAMPLES),
            ("validation trials", training.validation_samples, defaults::VALIDATION_SAMPLES),
        ]);
        let steps = training.max_steps.map(|steps| format!("{steps} steps at most"));
        let all: Vec<String> = cut.into_iter().chain(steps).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Study;
    use super::*;
    use crate::runs::UnitKind;

    const STUDY: &str = r#"
        name = "a"
        [[networks]]
        name = "gru"
        task = "multi-object"
        architecture = "gru"
        [[alignments]]
        name = "hidden"
        method = "das"
    "#;

    fn cuts(text: &str) -> Vec<Option<String>> {
        let plan = Study::parse(text, std::path::Path::new("a.toml")).unwrap().plan("flex");
        let of = |unit: &crate::runs::Unit| match unit.kind() {
            UnitKind::Train => unit.configuration_as::<TrainConfiguration>().unwrap().cut(),
            UnitKind::Align => unit.configuration_as::<AlignConfiguration>().unwrap().cut(),
            UnitKind::Similarity => unit.configuration_as::<SimilarityConfiguration>().unwrap().cut(),
        };
        plan.units().iter().map(of).collect()
    }

    #[test]
    fn the_papers_settings_cut_nothing() {
        assert!(cuts(STUDY).iter().all(Option::is_none));
    }

    #[test]
    fn what_is_less_is_said_and_what_is_more_is_not() {
        let text = STUDY
            .replace(
                "method = \"das\"",
                "method = \"das\"\ncontrols = false\nmax-steps = 800\nbatch = 64\nheld-out-pairs = 5000",
            )
            .replace("architecture = \"gru\"", "architecture = \"gru\"\ntraining = { samples = 40, max-steps = 9 }");
        let expected = [
            "40 instead of 1000 training trials, 9 steps at most",
            "800 instead of 20000 steps at most, 64 instead of 128 pairs a direction in a step",
        ];
        assert_eq!(cuts(&text), expected.map(|text| Some(text.to_owned())));
    }

    #[test]
    fn distinct_vectors_are_in_one_draw() {
        let configuration = SimilarityConfiguration {
            sites: vec!["hidden".into()],
            measures: vec![],
            samples: 50,
            draws: 1,
            sequences_per_count: 15,
            distinct: true,
            permutations: 0,
            bootstraps: 0,
            seed: 0,
        };
        assert_eq!(configuration.cut(), None);
        let drawn = SimilarityConfiguration { distinct: false, ..configuration };
        assert_eq!(drawn.cut().unwrap(), "50 instead of 1000 vectors a draw, 1 instead of 10 draws");
    }
}
