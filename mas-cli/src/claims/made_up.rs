//! Made-up results of ten networks, five of each architecture, for the tests of claims.

use super::{Evidence, Verdict, claim};
use crate::results::{
    AlignmentUnit, ClaimRow, Control, EncodingRow, OutcomeRow, SimilarityRow, UnitOutcomes, untrained_twin,
};

/// A study in the making; what comes out right is in per cent.
pub(super) struct MadeUp {
    alignment: String,
    function: String,
    site: String,
    positions: String,
    variable: String,
    similarity: Vec<SimilarityRow>,
    inaccessible: usize,
    encodings: Vec<EncodingRow>,
    controls: Vec<(Control, u64)>,
    outcomes: Vec<UnitOutcomes>,
}

impl Default for MadeUp {
    fn default() -> Self {
        Self {
            alignment: "all".to_owned(),
            function: "orthogonal".to_owned(),
            site: "hidden".to_owned(),
            positions: "individual".to_owned(),
            variable: "full".to_owned(),
            similarity: Vec::new(),
            inaccessible: 1,
            encodings: Vec::new(),
            controls: Vec::new(),
            outcomes: Vec::new(),
        }
    }
}

/// Enough to tell 0.02 from nothing.
const SEQUENCES: u64 = 1000;

fn name(network: usize) -> String {
    if network < 5 { format!("gru-{network}") } else { format!("transformer-{}", network - 5) }
}

impl MadeUp {
    /// The ring of five: every network with the next.
    pub const RING: [[usize; 2]; 5] = [[0, 1], [1, 2], [2, 3], [3, 4], [4, 0]];

    /// What is added from now on has this control beside it, with as much right in every direction.
    pub fn controlled(&mut self, control: Control, right: u64) -> &mut Self {
        self.controls.push((control, right));
        self
    }

    /// What is added from now on has no controls.
    pub fn uncontrolled(&mut self) -> &mut Self {
        self.controls.clear();
        self
    }

    /// What is added from now on is called `alignment`.
    pub fn named(&mut self, alignment: &str) -> &mut Self {
        self.alignment = alignment.to_owned();
        self
    }

    /// What is added from now on has this alignment function.
    pub fn function(&mut self, function: &str) -> &mut Self {
        self.function = function.to_owned();
        self
    }

    /// What is added from now on is at this site.
    pub fn at(&mut self, site: &str, positions: &str) -> &mut Self {
        (self.site, self.positions) = (site.to_owned(), positions.to_owned());
        self
    }

    /// What is added from now on swaps this variable.
    pub fn variable(&mut self, variable: &str) -> &mut Self {
        self.variable = variable.to_owned();
        self
    }

    /// A correlational measure of about `value` between each GRU and a transformer.
    pub fn similar(&mut self, site: &str, measure: &str, value: f64) {
        self.similar_to("gru", site, measure, value);
    }

    /// The same between each network of an architecture and a transformer.
    pub fn similar_to(&mut self, architecture: &str, site: &str, measure: &str, value: f64) {
        self.similarity.extend((0..5).map(|i| {
            let networks = [format!("{architecture}-{i}"), name(5 + i)];
            similarity(networks, site, measure, false, value + 0.01 * i as f64)
        }));
    }

    /// A correlational measure of about `value` between the networks of the ring.
    pub fn similar_around_the_ring(&mut self, site: &str, measure: &str, distinct: bool, value: f64) {
        for [a, b] in Self::RING {
            self.similarity.push(similarity([name(a), name(b)], site, measure, distinct, value + 0.001 * a as f64));
        }
    }

    /// About so much of what a read-out tells of count's remainder in five networks of a task.
    pub fn encoded(&mut self, task: &str, period: u64, decodability: f64) {
        self.encodings.extend((0..5).map(|i| EncodingRow {
            study: "made-up".into(),
            encoding: "count".into(),
            network: format!("{task}-{i}"),
            task: task.into(),
            site: "hidden".into(),
            variable: "count".into(),
            period,
            seed: 0,
            variance_share: 0.1,
            variance_share_of_a_line: 0.05,
            decodability: decodability - 0.01 * f64::from(i),
            chance: 1.0 / period as f64,
            samples: 1000,
        }));
    }

    /// Takes the alignments of this name out again.
    pub fn forget(&mut self, alignment: &str) {
        self.outcomes.retain(|of| of.unit.alignment != alignment);
    }

    /// Takes a correlational measure out again.
    pub fn forget_measure(&mut self, measure: &str) {
        self.similarity.retain(|row| row.measure != measure);
    }

    /// Which place in the fits by CLMAS that are added from now on is that of the network that cannot be run.
    pub fn inaccessible(&mut self, place: usize) -> &mut Self {
        self.inaccessible = place;
        self
    }

    /// One fit within each network.
    pub fn within(&mut self, method: &str, k: u64, right: u64) {
        (0..5).for_each(|network| self.fit(method, k, &[network], |_, _| right));
    }

    /// Fits around the ring; `right` of (source, target), as places in the fit.
    pub fn ring(&mut self, method: &str, k: u64, right: impl Fn(usize, usize) -> u64) {
        Self::RING.iter().for_each(|networks| self.fit(method, k, networks, &right));
    }

    /// As [`ring`](Self::ring), the other way round: the last network of each fit comes first.
    pub fn backward_ring(&mut self, method: &str, k: u64, right: impl Fn(usize, usize) -> u64) {
        Self::RING.iter().for_each(|&[a, b]| self.fit(method, k, &[b, a], &right));
    }

    /// One MAS fit of several networks.
    pub fn joint(&mut self, networks: &[usize], right: impl Fn(usize, usize) -> u64) {
        self.joint_by("mas", networks, right);
    }

    /// One fit of several networks.
    pub fn joint_by(&mut self, method: &str, networks: &[usize], right: impl Fn(usize, usize) -> u64) {
        self.fit(method, 32, networks, right);
    }

    /// One fit of several networks with a subspace of this size.
    pub fn fit(&mut self, method: &str, k: u64, networks: &[usize], right: impl Fn(usize, usize) -> u64) {
        let mut rows = Vec::new();
        let n = networks.len();
        let controls: Vec<(Control, Option<u64>)> = std::iter::once((Control::None, None))
            .chain(self.controls.iter().map(|&(control, right)| (control, Some(right))))
            .collect();
        for (s, t) in (0..n).flat_map(|s| (0..n).map(move |t| (s, t))) {
            for &(control, given) in &controls {
                let right = given.unwrap_or_else(|| right(s, t));
                let source = name(networks[s]);
                let source = if control == Control::RandomNetwork { untrained_twin(&source) } else { source };
                rows.extend((0..SEQUENCES).map(|i| OutcomeRow {
                    source: source.clone(),
                    target: name(networks[t]),
                    variable: self.variable.clone(),
                    control,
                    pair: i,
                    source_sequence: i,
                    target_sequence: i,
                    changed: true,
                    held_out_count: false,
                    correct: 100 * i < right * SEQUENCES,
                    tokens_correct: u64::from(100 * i < right * SEQUENCES),
                    tokens: 1,
                }));
            }
        }
        let unit = AlignmentUnit {
            study: "made-up".into(),
            alignment: self.alignment.clone(),
            method: method.into(),
            function: self.function.clone(),
            positions: self.positions.clone(),
            site: self.site.clone(),
            variable: self.variable.clone(),
            k,
            seed: 0,
        };
        let inaccessible = networks.get(self.inaccessible).filter(|_| method == "clmas");
        self.outcomes.push(UnitOutcomes {
            unit,
            networks: networks.iter().copied().map(name).collect(),
            inaccessible: inaccessible.copied().map(name).into_iter().collect(),
            rows,
        });
    }

    /// The verdict on a claim.
    pub fn decide(&self, id: &str) -> Vec<ClaimRow> {
        let evidence = Evidence { outcomes: &self.outcomes, similarity: &self.similarity, encodings: &self.encodings };
        claim(id).unwrap().decide(&evidence)
    }
}

fn similarity([a, b]: [String; 2], site: &str, measure: &str, distinct: bool, value: f64) -> SimilarityRow {
    SimilarityRow {
        study: "made-up".into(),
        similarity: "all".into(),
        a,
        b,
        site: site.into(),
        measure: measure.into(),
        distinct,
        seed: 0,
        value,
        low: None,
        high: None,
        null_mean: None,
        p: None,
        samples: 1000,
        draws: 10,
    }
}

/// The verdict on one part.
pub(super) fn verdict(rows: &[ClaimRow], part: &str) -> Verdict {
    rows.iter().find(|row| row.part == part).unwrap().verdict
}
