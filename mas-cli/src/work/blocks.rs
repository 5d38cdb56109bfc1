//! The same block of the same network in different fits.

use faer::Mat;
use mas_core::{Alignment, FunctionKind};
use mas_metrics::principal_angles;

use crate::{
    Error, Result,
    results::{AlignmentUnit, Quantity, QuantityRow},
};

/// The frames of blocks that several fits found in one network, to be held against each other. Fits differ in their seed,
/// or in the network that they align with.
#[derive(Default)]
pub struct Blocks {
    found: Vec<Block>,
}

/// What fits of the same thing found in one network.
struct Block {
    unit: AlignmentUnit,
    network: String,
    /// `[width, k]`, one for each fit.
    frames: Vec<Mat<f64>>,
}

impl Blocks {
    /// Takes the blocks of `unit`'s variable from all networks of a fit that have rotations; `name` gives a network's name
    /// here. Of another map, the subspace that it reads is not the one that it writes.
    ///
    /// # Errors
    /// A device that cannot be read.
    pub fn add(&mut self, unit: &AlignmentUnit, alignment: &Alignment, name: impl Fn(&str) -> String) -> Result<()> {
        let Some(index) = alignment.subspaces().iter().position(|block| block.name == unit.variable) else {
            return Ok(());
        };
        let block = alignment.subspaces().range(index)?;
        for (member, evaluated) in alignment.members().iter().zip(alignment.evaluate()?) {
            let (FunctionKind::Orthogonal, Some(frame)) = (member.function.map().kind(), evaluated.frame()) else {
                continue;
            };
            let frame = frame.clone();
            let [width, columns] = frame.dims();
            let values = frame.try_into_vec_as::<f32>().map_err(|error| Error::Internal(error.to_string()))?;
            let frame =
                Mat::from_fn(width, block.len(), |row, column| f64::from(values[row * columns + block.start + column]));
            let (network, is_same) = (name(&member.network), |known: &AlignmentUnit| {
                // One network may be read at several sites; the label tells all of an alignment's.
                AlignmentUnit { seed: unit.seed, ..known.clone() } == *unit
            });
            match self.found.iter_mut().find(|known| known.network == network && is_same(&known.unit)) {
                Some(known) => known.frames.push(frame),
                None => self.found.push(Block { unit: unit.clone(), network, frames: vec![frame] }),
            }
        }
        Ok(())
    }

    /// The principal angles of every two fits' blocks, summed up for each network that is in several fits. Blocks that are
    /// as wide as the network leave nothing to compare.
    ///
    /// # Errors
    /// A decomposition that does not converge.
    pub fn rows(&self) -> Result<Vec<QuantityRow>> {
        let mut rows = Vec::new();
        for Block { unit, network, frames } in &self.found {
            let (width, size) = frames.first().map_or((0, 0), |frame| frame.shape());
            if frames.len() < 2 || size == width {
                continue;
            }
            let mut angles = Vec::new();
            for (index, a) in frames.iter().enumerate() {
                for b in &frames[..index] {
                    angles.extend(principal_angles(a.as_ref(), b.as_ref())?);
                }
            }
            let mean = |value: &dyn Fn(f64) -> f64| angles.iter().map(|&a| value(a)).sum::<f64>() / angles.len() as f64;
            let numbers = [
                (Quantity::SubspaceOverlap, mean(&|angle| angle.cos().powi(2))),
                (Quantity::RandomSubspaceOverlap, size as f64 / width as f64),
                (Quantity::MeanPrincipalAngle, mean(&f64::to_degrees)),
                (Quantity::LargestPrincipalAngle, angles.iter().copied().fold(0.0, f64::max).to_degrees()),
            ];
            rows.extend(numbers.map(|(quantity, value)| QuantityRow::new(unit, network, network, quantity, value)));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use burn::{prelude::*, tensor::Device};
    use mas_core::{AlignmentFunction, FunctionConfig, Member, Site, Start, Subspaces, alignment::Orthogonal};

    use super::*;

    fn unit(seed: u64) -> AlignmentUnit {
        AlignmentUnit {
            study: "s".into(),
            alignment: "a".into(),
            method: "mas".into(),
            function: "orthogonal".into(),
            positions: "individual".into(),
            site: "hidden".into(),
            variable: "count".into(),
            k: 2,
            seed,
        }
    }

    fn with(function: AlignmentFunction) -> Alignment {
        let member = Member { network: "gru".into(), site: Site::new("hidden", 4), function };
        Alignment::new(vec![member], Subspaces::new([("phase", 1), ("count", 2)]).unwrap()).unwrap()
    }

    /// A fit of one network of width 4, whose block `count` takes coordinates `axes`.
    fn fit(axes: [usize; 2]) -> Alignment {
        let mut order: Vec<usize> = (0..4).filter(|axis| !axes.contains(axis)).collect();
        // The block stands behind one of a single coordinate.
        order.splice(1..1, axes);
        let values: Vec<f32> = (0..16).map(|cell| if order[cell % 4] == cell / 4 { 1.0 } else { 0.0 }).collect();
        let base = Tensor::<2>::from_data(TensorData::new(values, [4, 4]), &Device::flex());
        with(AlignmentFunction::new(Orthogonal::from_parts(base.clone(), base.zeros_like()).unwrap()))
    }

    fn rows(fits: &[[usize; 2]]) -> Vec<(Quantity, f64)> {
        let mut blocks = Blocks::default();
        for (seed, &axes) in (1..).zip(fits) {
            blocks.add(&unit(seed), &fit(axes), |name| format!("{name}-1")).unwrap();
        }
        let rows = blocks.rows().unwrap();
        assert!(rows.iter().all(|row| row.source == "gru-1" && row.target == "gru-1" && row.seed == 1));
        rows.into_iter().map(|row| (row.quantity, row.value)).collect()
    }

    #[test]
    fn blocks_that_share_an_axis_overlap_by_half() {
        let found = rows(&[[0, 1], [1, 2]]);
        let expected = [
            (Quantity::SubspaceOverlap, 0.5),
            (Quantity::RandomSubspaceOverlap, 0.5),
            (Quantity::MeanPrincipalAngle, 45.0),
            (Quantity::LargestPrincipalAngle, 90.0),
        ];
        for ((quantity, value), (expected_quantity, expected)) in found.into_iter().zip(expected) {
            assert_eq!(quantity, expected_quantity);
            assert!((value - expected).abs() < 1e-4, "{quantity}: {value}");
        }
    }

    #[test]
    fn maps_that_are_no_rotations_have_no_angles() {
        for kind in FunctionKind::ALL.into_iter().filter(|kind| *kind != FunctionKind::Orthogonal) {
            let config = FunctionConfig::new(kind, Start::Random);
            let mut blocks = Blocks::default();
            for seed in [1, 2] {
                let function = config.init(4, 3, seed, None, &Device::flex()).unwrap();
                blocks.add(&unit(seed), &with(function), str::to_owned).unwrap();
            }
            assert!(blocks.rows().unwrap().is_empty(), "{kind}");
        }
    }

    #[test]
    fn every_two_fits_count() {
        // The first two are equal, the third is at right angles to both.
        let overlap = rows(&[[0, 1], [1, 0], [2, 3]])[0];
        assert_eq!(overlap.0, Quantity::SubspaceOverlap);
        assert!((overlap.1 - 1.0 / 3.0).abs() < 1e-6, "{overlap:?}");
        assert!(rows(&[[0, 1]]).is_empty(), "one fit has nothing to be compared with");
    }
}
