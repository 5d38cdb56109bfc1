//! What a study's settings leave out of the paper's.

use super::configuration::{AlignConfiguration, SimilarityConfiguration, TrainConfiguration};
use super::{FitSettings, defaults};

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
        let paper = FitSettings::Paper;
        less(&[
            ("steps at most", self.max_steps, paper.max_steps(self.method)),
            ("training pairs a direction", self.training_pairs, paper.training_pairs()),
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
        let all: Vec<String> = cut.into_iter().chain(steps).chain(self.otherwise()).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// What the training does in another way than that of arXiv 2501.06164, neither more nor less.
    fn otherwise(&self) -> Option<String> {
        let Self { architecture, dropout, training, .. } = self;
        let feedback = training.feedback.filter(|&feedback| feedback != architecture.feedback());
        let other = |differs: bool, text: String| differs.then_some(text);
        let all: Vec<String> = [
            dropout.filter(|&dropout| dropout != defaults::DROPOUT).map(|dropout| format!("dropout {dropout}")),
            other(
                training.learning_rate != defaults::TRAINING_LEARNING_RATE,
                format!("learning rate {}", training.learning_rate),
            ),
            other(training.warm_up != defaults::WARM_UP, format!("{} steps of warm-up", training.warm_up)),
            training.cool_down.map(|epochs| format!("{epochs} epochs of cool-down")),
            training.clip.map(|norm| format!("gradients clipped to {norm}")),
            other(training.batch != defaults::TRAINING_BATCH, format!("batches of {}", training.batch)),
            feedback.map(|feedback| feedback.id().to_owned()),
            other(training.response_only, "the loss over the response alone".into()),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!all.is_empty()).then(|| format!("trained otherwise ({})", all.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Study;
    use super::*;
    use crate::runs::UnitKind;

    const STUDY: &str = r#"
        name = "a"
        settings = "paper"
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
            UnitKind::Encoding => None,
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
    fn what_is_trained_otherwise_is_said() {
        let cut = |training: &str| {
            let text = STUDY.replace("architecture = \"gru\"", &format!("architecture = \"gru\"\n{training}"));
            cuts(&text)[0].clone()
        };
        let training = "dropout = 0.1\ntraining = { learning-rate = 0.003, cool-down = 8, clip = 1.0, batch = 32, \
                        feedback = \"teacher-forced\", response-only = true, warm-up = 7 }";
        let expected = "trained otherwise (dropout 0.1, learning rate 0.003, 7 steps of warm-up, 8 epochs of cool-down, \
                        gradients clipped to 1, batches of 32, teacher-forced, the loss over the response alone)";
        assert_eq!(cut(training).as_deref(), Some(expected));
        let papers = "dropout = 0.5\ntraining = { learning-rate = 5e-4, batch = 128, feedback = \"free-running\" }";
        assert_eq!(cut(papers), None);
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
