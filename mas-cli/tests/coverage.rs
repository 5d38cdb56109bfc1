//! How often intervals cover the truth, by simulation on data whose truth is known: the table in `docs/method.md`.
//!
//! `cargo test --release --workspace --test coverage -- --ignored --nocapture` draws 2,000 data sets a row, which takes a
//! minute or two. Without `--ignored` a few rows of fewer data sets are tried.

use std::collections::BTreeMap;

use mas_cli::statistics::{
    Cluster, Direction, Equivalence, Interval, Score, Tie, Unit, cluster_interval, equivalence, mean_interval,
    permutation_p,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Which pairs of networks are measured.
#[derive(Clone, Copy)]
enum Design {
    Single(usize),
    Ring(usize),
    All(usize),
    /// Each of one kind with each of another.
    Between(usize, usize),
    /// Each of one kind with one of another.
    Matched(usize),
}

impl Design {
    fn name(self) -> String {
        match self {
            Self::Single(n) => format!("{n} networks"),
            Self::Ring(n) => format!("ring of {n}"),
            Self::All(n) => format!("all pairs of {n}"),
            Self::Between(a, b) => format!("{a} × {b}"),
            Self::Matched(n) => format!("{n} disjoint pairs"),
        }
    }

    fn pairs(self) -> Vec<[usize; 2]> {
        match self {
            Self::Single(n) => (0..n).map(|i| [i, i]).collect(),
            Self::Ring(n) => (0..n).map(|i| [i, (i + 1) % n]).collect(),
            Self::All(n) => (0..n).flat_map(|i| (i + 1..n).map(move |j| [i, j])).collect(),
            Self::Between(a, b) => (0..a).flat_map(|i| (0..b).map(move |j| [i, a + j])).collect(),
            Self::Matched(n) => (0..n).map(|i| [i, n + i]).collect(),
        }
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random_range(f64::MIN_POSITIVE..1.0), rng.random_range(0.0..1.0));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// The share of so many data sets for which something is so.
fn share(sets: u64, is: impl Fn(&mut ChaCha8Rng) -> bool + Sync) -> f64 {
    let so = (0..sets).into_par_iter().filter(|&set| is(&mut ChaCha8Rng::seed_from_u64(set))).count();
    so as f64 / sets as f64
}

fn covers(interval: Interval, truth: f64) -> bool {
    interval.low <= truth && truth <= interval.high
}

/// Numbers about networks, with effects of networks and of pairs of these standard deviations; the truth is 0.
fn ties(rng: &mut ChaCha8Rng, design: Design, of_networks: f64, of_pairs: f64) -> Vec<Unit> {
    let pairs = design.pairs();
    let networks = 1 + pairs.iter().flatten().max().copied().unwrap_or(0);
    let effects: Vec<f64> = (0..networks).map(|_| of_networks * normal(rng)).collect();
    let tie = |[a, b]: [usize; 2], own: f64| {
        let value = effects[a] + if a == b { 0.0 } else { effects[b] } + own;
        Unit::from(&Tie { a: a.to_string(), b: b.to_string(), value })
    };
    pairs.into_iter().map(|pair| tie(pair, of_pairs * normal(rng))).collect()
}

/// Shares right of pairs of networks, both directions of each: `chance` plus effects of networks and of pairs, each pair
/// tried on the same sequences, which have effects too. With `paired` less the same with other effects of pairs alone, so
/// that the truth is 0; else the truth is `chance`.
fn shares(
    rng: &mut ChaCha8Rng,
    design: Design,
    chance: f64,
    [of_networks, of_pairs, of_sequences]: [f64; 3],
    paired: bool,
) -> Vec<Unit> {
    let pairs = design.pairs();
    let networks = 1 + pairs.iter().flatten().max().copied().unwrap_or(0);
    // Effects of either sign, so small that every chance stays one.
    let mut sign = |size: f64| if rng.random_bool(0.5) { size } else { -size };
    let effects: Vec<f64> = (0..networks).map(|_| sign(of_networks)).collect();
    let sequences: Vec<f64> = (0..300).map(|_| sign(of_sequences)).collect();
    let of_pair = |rng: &mut ChaCha8Rng, [a, b]: [usize; 2]| {
        let own = if rng.random_bool(0.5) { of_pairs } else { -of_pairs };
        let mut direction = |source: usize, target: usize| {
            let right = |(i, effect): (usize, &f64)| {
                let chance = (chance + effects[a] + effects[b] + own + effect).clamp(0.0, 1.0);
                (i as u64, Cluster { correct: f64::from(u8::from(rng.random_bool(chance))), pairs: 1.0 })
            };
            let sequences: BTreeMap<u64, Cluster> = sequences.iter().enumerate().map(right).collect();
            Score::Share(Direction { source: source.to_string(), target: target.to_string(), sequences })
        };
        Score::Mean(vec![direction(a, b), direction(b, a)])
    };
    let unit = |pair: [usize; 2]| {
        let unit = Unit::new(pair.map(|i| i.to_string()), of_pair(rng, pair));
        if paired { unit.against(of_pair(rng, pair)) } else { unit }
    };
    pairs.into_iter().map(unit).collect()
}

/// One row of the table: what was simulated, and how often the interval covered the truth.
struct Row {
    what: String,
    covered: f64,
}

fn rows(sets: u64, designs: &[Design]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &design in designs {
        for (networks, pairs, name) in [(1.0, 0.0, "networks"), (1.0, 1.0, "networks and pairs"), (0.0, 1.0, "pairs")] {
            let covered = share(sets, |rng| {
                let interval = mean_interval(&ties(rng, design, networks, pairs), 0.95);
                interval.is_some_and(|interval| covers(interval, 0.0))
            });
            rows.push(Row { what: format!("similarities, {}, {name} differ", design.name()), covered });
        }
        for (effects, name) in
            [([0.05, 0.02, 0.1], "networks, pairs and sequences differ"), ([0.0, 0.0, 0.15], "only sequences differ")]
        {
            for (paired, kind) in [(false, "IIA"), (true, "paired difference of IIA")] {
                let truth = if paired { 0.0 } else { 0.75 };
                let covered = share(sets, |rng| {
                    let interval = mean_interval(&shares(rng, design, 0.75, effects, paired), 0.95);
                    interval.is_some_and(|interval| covers(interval, truth))
                });
                rows.push(Row { what: format!("{kind}, {}, {name}", design.name()), covered });
            }
        }
    }
    rows
}

/// One direction: sequences of four pairs that have their own chance, 0.6 or 1.
fn one_direction(sets: u64, sequences: usize) -> Row {
    let covered = share(sets, |rng| {
        let clusters: Vec<Cluster> = (0..sequences)
            .map(|_| {
                let chance = if rng.random_bool(0.5) { 0.6 } else { 1.0 };
                Cluster { correct: (0..4).filter(|_| rng.random_bool(chance)).count() as f64, pairs: 4.0 }
            })
            .collect();
        cluster_interval(&clusters, 0.95).is_some_and(|interval| covers(interval, 0.8))
    });
    Row { what: format!("IIA of one direction, {sequences} sequences of four pairs"), covered }
}

#[test]
fn intervals_cover_about_as_often_as_they_say() {
    for Row { what, covered } in rows(300, &[Design::Ring(5), Design::Between(5, 5)]) {
        assert!(covered >= 0.90, "{what}: {covered}");
    }
}

/// Equal for certain is said of what lies at the margin no more often than 5 %, and by chance labels tell groups apart no
/// more often than that.
#[test]
fn tests_reject_no_more_often_than_they_say() {
    let at_margin = share(500, |rng| {
        let units: Vec<Unit> = ties(rng, Design::Ring(5), 0.0, 0.02)
            .into_iter()
            .map(|unit| Unit { score: Score::Known(0.03 + unit.value().unwrap_or(0.0)), ..unit })
            .collect();
        mean_interval(&units, 0.90).is_some_and(|interval| equivalence(interval, 0.03) == Equivalence::Equal)
    });
    assert!(at_margin <= 0.07, "{at_margin}");
    let told = share(500, |rng| {
        let values: Vec<f64> = (0..8).map(|_| normal(rng)).collect();
        let labels = [true, true, true, true, false, false, false, false];
        let difference = |labels: &[bool]| Some(values.iter().zip(labels).filter(|(_, l)| **l).map(|(v, _)| v).sum());
        permutation_p(&labels, difference).is_some_and(|[p, _]| p <= 0.05)
    });
    assert!(told <= 0.07, "{told}");
}

#[test]
#[ignore = "a minute or two; prints the table of docs/method.md"]
fn table() {
    const SETS: u64 = 2000;
    let designs = [
        Design::Single(5),
        Design::Ring(5),
        Design::All(5),
        Design::All(10),
        Design::Between(5, 5),
        Design::Matched(5),
    ];
    let mut table = rows(SETS, &designs);
    table.extend([60, 300].map(|sequences| one_direction(SETS, sequences)));
    println!("| what is simulated | covered |\n|---|---:|");
    for Row { what, covered } in &table {
        println!("| {what} | {:.1} % |", 100.0 * covered);
    }
    let low: Vec<&str> = table.iter().filter(|row| row.covered < 0.93).map(|row| row.what.as_str()).collect();
    assert!(low.is_empty(), "too narrow: {low:?}");
}
