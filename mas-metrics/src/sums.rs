//! Sums over the rows of two activity files, block by block, and the measures that they give.

use std::ops::Range;

use faer::{Mat, MatRef};
use mas_core::ActivityFile;
use rayon::prelude::*;

use crate::algebra::{cross, eigen, gram, inner, product, squared_norm};
use crate::cca::Kind;
use crate::compare::SVCCA;
use crate::error::Side;
use crate::moments::Moments;
use crate::predictivity::{FOLDS, best_penalty, deal};
use crate::procrustes::Scale;
use crate::{Error, Measure, Result};

/// Rows of a block. Blocks do not depend on the number of threads.
const BLOCK: usize = 4096;
/// Blocks whose sums are in memory at once.
const AT_ONCE: usize = 8;

/// Whether a measure is a function of sums over rows.
pub(crate) fn is_linear(measure: Measure) -> bool {
    moment_measure(measure).is_some()
        || matches!(measure, Measure::CkaLinearDebiased | Measure::PredictivityAToB | Measure::PredictivityBToA)
}

/// The measures that moments alone give.
pub(crate) fn moment_measure(measure: Measure) -> Option<fn(&Moments) -> Result<f64>> {
    Some(match measure {
        Measure::CkaLinear => Moments::cka,
        Measure::CcaMean => |moments| moments.canonical(Kind::Mean, None),
        Measure::Svcca => |moments| moments.canonical(Kind::Components(SVCCA), None),
        Measure::Pwcca => |moments| moments.canonical(Kind::Weighted, None),
        Measure::Procrustes => |moments| moments.procrustes(Scale::Similarity),
        Measure::ProcrustesAngular => |moments| moments.procrustes(Scale::Angle),
        Measure::ProcrustesEuclidean => |moments| moments.procrustes(Scale::Distance),
        _ => return None,
    })
}

/// All that is summed over the rows of two files.
pub(crate) struct Sums {
    pub rows: usize,
    pub widths: [usize; 2],
    all: Part,
    /// The folds of predictivity, where it is asked for.
    folds: Vec<Part>,
    norms: Norms,
    /// The rows with the largest share of either activity's variance, their shares, and their centred vectors.
    pub largest: Vec<(usize, f64, [Vec<f64>; 2])>,
}

/// Sums over some rows: about the means of all rows.
struct Part {
    rows: usize,
    sums: [Vec<f64>; 2],
    moments: Moments,
}

/// Sums of products of the squared lengths of rows.
#[derive(Clone, Copy, Default)]
struct Norms {
    a: f64,
    b: f64,
    aa: f64,
    bb: f64,
    ab: f64,
}

/// Of a block: its sums by fold, those of its rows' lengths, and of either activity the row with the largest length.
type BlockSums = (Vec<Part>, Norms, [(usize, f64); 2]);

/// Where an activity's numbers are moved and scaled to.
struct Frame {
    means: Vec<f64>,
    scale: f64,
}

impl Sums {
    pub fn of(a: &ActivityFile, b: &ActivityFile, measures: &[Measure], seed: u64) -> Result<Self> {
        let rows = a.rows();
        let frames = [Frame::of(a)?, Frame::of(b)?];
        let predicts =
            measures.iter().any(|measure| matches!(measure, Measure::PredictivityAToB | Measure::PredictivityBToA));
        let dealt = if predicts { deal(rows, seed) } else { Vec::new() };
        let parts = if predicts { FOLDS } else { 1 };
        let widths = [a.width(), b.width()];
        let mut folds: Vec<Part> = (0..parts).map(|_| Part::zero(widths)).collect();
        let mut norms = Norms::default();
        let mut largest = [(0, 0.0_f64); 2];
        let blocks: Vec<usize> = (0..rows).step_by(BLOCK).collect();
        for wave in blocks.chunks(AT_ONCE) {
            let sums: Vec<Result<BlockSums>> = wave
                .par_iter()
                .map(|&first| {
                    let range = first..rows.min(first + BLOCK);
                    let values = [frames[0].read(a, range.clone())?, frames[1].read(b, range.clone())?];
                    let of_row = |row: usize| if predicts { dealt[first + row] } else { 0 };
                    Ok(block(&values, widths, first, parts, of_row))
                })
                .collect();
            for sum in sums {
                let (parts, of_norms, of_largest) = sum?;
                folds.iter_mut().zip(parts).for_each(|(fold, part)| fold.add(&part, 1.0));
                norms.add(of_norms);
                for (largest, found) in largest.iter_mut().zip(of_largest) {
                    if found.1 > largest.1 {
                        *largest = found;
                    }
                }
            }
        }
        let mut all = Part::zero(widths);
        folds.iter().for_each(|fold| all.add(fold, 1.0));
        let totals = [norms.a, norms.b];
        let mut rows_of_largest: Vec<(usize, f64, [Vec<f64>; 2])> = Vec::new();
        for ((row, square), total) in largest.into_iter().zip(totals) {
            if rows_of_largest.iter().all(|(other, ..)| *other != row) {
                let vectors = [frames[0].read(a, row..row + 1)?, frames[1].read(b, row..row + 1)?];
                rows_of_largest.push((row, square / total, vectors));
            }
        }
        if !predicts {
            folds.clear();
        }
        Ok(Self { rows, widths, all, folds, norms, largest: rows_of_largest })
    }

    pub fn value(&self, measure: Measure) -> Result<f64> {
        match measure {
            Measure::CkaLinearDebiased => self.debiased(),
            Measure::PredictivityAToB => self.predictivity(false),
            Measure::PredictivityBToA => self.predictivity(true),
            // Whatever else is asked for here is a function of the moments.
            other => moment_measure(other)
                .map_or(Err(Error::undefined("no sum gives this measure")), |of| of(&self.all.moments)),
        }
    }

    /// The moments about their own means of all rows but one.
    pub fn without(&self, [a, b]: &[Vec<f64>; 2]) -> Moments {
        let factor = self.rows as f64 / (self.rows as f64 - 1.0);
        let less = |moment: &Mat<f64>, left: &[f64], right: &[f64]| {
            let entry = |row: usize, column: usize| moment[(row, column)] - factor * left[row] * right[column];
            Mat::from_fn(moment.nrows(), moment.ncols(), entry)
        };
        let Moments { aa, bb, ab } = &self.all.moments;
        Moments { aa: less(aa, a, a), bb: less(bb, b, b), ab: less(ab, a, b) }
    }

    /// For how many canonical correlations the rows leave no choice but 1.
    pub fn trivial(&self, kind: Kind) -> Result<usize> {
        self.all.moments.trivial(kind, self.rows)
    }

    /// The unbiased estimate, [`cka_linear_debiased`](crate::cka_linear_debiased), in which centred rows sum to nothing.
    fn debiased(&self) -> Result<f64> {
        let n = self.rows as f64;
        if self.rows < 4 {
            return Err(Error::TooFew { what: "debiased CKA", needed: 4, found: self.rows });
        }
        let term = |moment: &Mat<f64>, products: f64, left: f64, right: f64| {
            let pairs = squared_norm(moment.as_ref()) - products;
            let three = products - pairs;
            let four = left * right - 4.0 * three - 2.0 * pairs;
            let (two_rows, three_rows) = (n * (n - 1.0), n * (n - 1.0) * (n - 2.0));
            pairs / two_rows + four / (three_rows * (n - 3.0)) - 2.0 * three / three_rows
        };
        let Moments { aa, bb, ab } = &self.all.moments;
        let norms = self.norms;
        let own = |own: f64, side| match own > 0.0 {
            true => Ok(own.sqrt()),
            false => Err(Error::undefined(format!("the unbiased estimate of {side} with itself is not positive"))),
        };
        let scale =
            own(term(aa, norms.aa, norms.a, norms.a), Side::A)? * own(term(bb, norms.bb, norms.b, norms.b), Side::B)?;
        Ok(term(ab, norms.ab, norms.a, norms.b) / scale)
    }

    /// [`predictivity`](crate::predictivity) from the moments of its folds.
    fn predictivity(&self, backwards: bool) -> Result<f64> {
        let [mut residual, mut total] = [0.0; 2];
        for fold in &self.folds {
            let mut train = Part::zero(self.widths);
            train.add(&self.all, 1.0);
            train.add(fold, -1.0);
            let means = train.means();
            let (train, test) = (train.about(&means), fold.about(&means));
            let (xx, yy, xy) = oriented(&train, backwards);
            let (values, vectors) = eigen(xx)?;
            let roots: Vec<f64> = values.iter().map(|value| value.max(0.0).sqrt()).collect();
            let mut coefficients = cross(vectors.as_ref(), xy.as_ref());
            let explained: Vec<f64> = (0..roots.len())
                .map(|index| {
                    let along: f64 = coefficients.row(index).iter().map(|value| value * value).sum();
                    if values[index] > 0.0 { along / values[index] } else { 0.0 }
                })
                .collect();
            let rows = self.rows - fold.rows;
            let penalty = best_penalty(&roots, &explained, trace(yy), rows);
            for (index, value) in values.iter().enumerate() {
                let size = value.max(0.0) + penalty;
                let factor = if size > 0.0 { 1.0 / size } else { 0.0 };
                coefficients.row_mut(index).iter_mut().for_each(|coefficient| *coefficient *= factor);
            }
            let map = product(vectors.as_ref(), coefficients.as_ref());
            let (xx, yy, xy) = oriented(&test, backwards);
            let predicted = product(xx, map.as_ref());
            residual += trace(yy) - 2.0 * inner(map.as_ref(), xy.as_ref()) + inner(map.as_ref(), predicted.as_ref());
            total += trace(yy);
        }
        if total > 0.0 {
            Ok(1.0 - residual / total)
        } else {
            Err(Error::undefined("all rows of the predicted activity are equal"))
        }
    }
}

/// The moments as those of source, target and both.
fn oriented(moments: &Moments, backwards: bool) -> (MatRef<'_, f64>, MatRef<'_, f64>, Mat<f64>) {
    let Moments { aa, bb, ab } = moments;
    match backwards {
        false => (aa.as_ref(), bb.as_ref(), ab.clone()),
        true => (bb.as_ref(), aa.as_ref(), ab.transpose().to_owned()),
    }
}

fn trace(matrix: MatRef<'_, f64>) -> f64 {
    (0..matrix.nrows()).map(|index| matrix[(index, index)]).sum()
}

impl Part {
    fn zero([a, b]: [usize; 2]) -> Self {
        let moments = Moments { aa: Mat::zeros(a, a), bb: Mat::zeros(b, b), ab: Mat::zeros(a, b) };
        Self { rows: 0, sums: [vec![0.0; a], vec![0.0; b]], moments }
    }

    fn add(&mut self, other: &Self, sign: f64) {
        self.rows = if sign > 0.0 { self.rows + other.rows } else { self.rows - other.rows };
        for (sums, others) in self.sums.iter_mut().zip(&other.sums) {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += sign * other);
        }
        let pairs = [
            (&mut self.moments.aa, &other.moments.aa),
            (&mut self.moments.bb, &other.moments.bb),
            (&mut self.moments.ab, &other.moments.ab),
        ];
        for (moment, other) in pairs {
            for (column, others) in moment.col_iter_mut().zip(other.col_iter()) {
                column.iter_mut().zip(others.iter()).for_each(|(value, other)| *value += sign * other);
            }
        }
    }

    fn means(&self) -> [Vec<f64>; 2] {
        self.sums.each_ref().map(|sums| sums.iter().map(|sum| sum / self.rows as f64).collect())
    }

    /// The moments about other means.
    fn about(&self, means: &[Vec<f64>; 2]) -> Moments {
        let rows = self.rows as f64;
        let moved = |moment: &Mat<f64>, left: usize, right: usize| {
            let ((sum_left, mean_left), (sum_right, mean_right)) =
                ((&self.sums[left], &means[left]), (&self.sums[right], &means[right]));
            Mat::from_fn(moment.nrows(), moment.ncols(), |row, column| {
                moment[(row, column)] - sum_left[row] * mean_right[column] - mean_left[row] * sum_right[column]
                    + rows * mean_left[row] * mean_right[column]
            })
        };
        let Moments { aa, bb, ab } = &self.moments;
        Moments { aa: moved(aa, 0, 0), bb: moved(bb, 1, 1), ab: moved(ab, 0, 1) }
    }
}

impl Norms {
    fn add(&mut self, other: Self) {
        self.a += other.a;
        self.b += other.b;
        self.aa += other.aa;
        self.bb += other.bb;
        self.ab += other.ab;
    }
}

impl Frame {
    fn of(file: &ActivityFile) -> Result<Self> {
        let (rows, width) = (file.rows(), file.width());
        // From the first row, so that what never changes has that as its mean, and no rounding.
        let first = file.read(0..1).map_err(Error::file)?;
        let mut sums = vec![0.0; width];
        let mut largest = 0.0_f64;
        let blocks: Vec<usize> = (0..rows).step_by(BLOCK).collect();
        for wave in blocks.chunks(AT_ONCE) {
            let found: Vec<Result<(Vec<f64>, f64)>> = wave
                .par_iter()
                .map(|&start| {
                    let values = file.read(start..rows.min(start + BLOCK)).map_err(Error::file)?;
                    let mut sums = vec![0.0; width];
                    let mut largest = 0.0_f64;
                    for row in values.chunks_exact(width) {
                        for ((sum, value), first) in sums.iter_mut().zip(row).zip(&first) {
                            *sum += value - first;
                            largest = largest.max((value - first).abs());
                        }
                    }
                    Ok((sums, largest))
                })
                .collect();
            for block in found {
                let (of_block, size) = block?;
                sums.iter_mut().zip(of_block).for_each(|(sum, value)| *sum += value);
                largest = largest.max(size);
            }
        }
        let means = first.iter().zip(sums).map(|(first, sum)| first + sum / rows as f64).collect();
        // Activity that never changes is zero about its mean: each measure says what that means for it.
        Ok(Self { means, scale: if largest > 0.0 { largest.recip() } else { 1.0 } })
    }

    fn read(&self, file: &ActivityFile, rows: Range<usize>) -> Result<Vec<f64>> {
        let mut values = file.read(rows).map_err(Error::file)?;
        for row in values.chunks_exact_mut(self.means.len()) {
            row.iter_mut().zip(&self.means).for_each(|(value, mean)| *value = (*value - mean) * self.scale);
        }
        Ok(values)
    }
}

/// What a block adds: to each part, to the norms, and the rows of the largest norms.
fn block(
    values: &[Vec<f64>; 2],
    widths: [usize; 2],
    first: usize,
    parts: usize,
    part_of: impl Fn(usize) -> usize,
) -> BlockSums {
    let rows = values[0].len() / widths[0];
    let mut norms = Norms::default();
    let mut largest = [(first, 0.0); 2];
    let vector = |side: usize, row: usize| &values[side][row * widths[side]..][..widths[side]];
    for row in 0..rows {
        let [a, b] = [0, 1].map(|side| vector(side, row).iter().map(|value| value * value).sum::<f64>());
        norms.add(Norms { a, b, aa: a * a, bb: b * b, ab: a * b });
        for (largest, square) in largest.iter_mut().zip([a, b]) {
            if square > largest.1 {
                *largest = (first + row, square);
            }
        }
    }
    let parts = (0..parts)
        .map(|part| {
            let own: Vec<usize> = (0..rows).filter(|&row| part_of(row) == part).collect();
            let taken = [0, 1]
                .map(|side| -> Vec<f64> { own.iter().flat_map(|&row| vector(side, row).iter().copied()).collect() });
            let sums = [0, 1].map(|side| {
                let mut sums = vec![0.0; widths[side]];
                for row in taken[side].chunks_exact(widths[side]) {
                    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                }
                sums
            });
            let [a, b] = [0, 1].map(|side| MatRef::from_row_major_slice(&taken[side], own.len(), widths[side]));
            Part { rows: own.len(), sums, moments: Moments { aa: gram(a), bb: gram(b), ab: cross(a, b) } }
        })
        .collect();
    (parts, norms, largest)
}
