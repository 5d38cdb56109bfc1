use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// Rotary encoding of positions, in the rotate-half form: coordinate `pair` of a head and coordinate
/// `pair + ⌈width / 2⌉` are turned together by `position · base^(−2 · pair / width)`. Su et al. 2021 (arXiv 2104.09864).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rotary {
    /// The base of the wavelengths.
    pub base: f64,
    /// How many coordinates of a head are turned, from the first, one more where that is odd; the others are left as
    /// they are.
    pub width: usize,
}

impl Rotary {
    /// How many pairs of coordinates are turned.
    pub(crate) fn pairs(self) -> usize {
        self.width.div_ceil(2)
    }

    /// Cosines and sines of the angles at some positions, `[vector, 1, ⌈width / 2⌉]` each.
    pub(super) fn waves(self, positions: &[usize], device: &Device) -> [Tensor<3>; 2] {
        let half = self.pairs();
        let frequencies: Vec<f64> =
            (0..half).map(|pair| self.base.powf(-2.0 * pair as f64 / self.width as f64)).collect();
        // Rows repeat positions, and waves are slow to compute: each position once.
        let longest = positions.iter().map(|&position| position + 1).max().unwrap_or(0);
        let mut wanted = vec![false; longest];
        positions.iter().for_each(|&position| wanted[position] = true);
        [f64::cos, f64::sin].map(|wave| {
            let mut table = vec![0.0; longest * half];
            for position in (0..longest).filter(|&position| wanted[position]) {
                let row = &mut table[position * half..][..half];
                for (value, frequency) in row.iter_mut().zip(&frequencies) {
                    *value = wave(position as f64 * frequency) as f32;
                }
            }
            let values: Vec<f32> =
                positions.iter().flat_map(|&position| &table[position * half..][..half]).copied().collect();
            Tensor::from_data(TensorData::new(values, [positions.len(), 1, half]), device)
        })
    }

    /// The vectors of all heads turned.
    ///
    /// - `packed`: `[vector, heads · head width]`
    /// - `waves`: those of the vectors' positions
    /// - returns: as `packed`
    pub(super) fn turn(self, packed: Tensor<2>, heads: usize, [cosines, sines]: [Tensor<3>; 2]) -> Tensor<2> {
        let [vectors, width] = packed.dims();
        let (head, half) = (width / heads, self.pairs());
        let packed = packed.reshape([vectors, heads, head]);
        let (first, second) = (packed.clone().narrow(2, 0, half), packed.clone().narrow(2, half, half));
        let mut turned =
            vec![first.clone() * cosines.clone() - second.clone() * sines.clone(), second * cosines + first * sines];
        if head > 2 * half {
            turned.push(packed.narrow(2, 2 * half, head - 2 * half));
        }
        Tensor::cat(turned, 2).reshape([vectors, width])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What attention sees, the product of a turned query and a turned key, depends on their distance alone; what is
    /// beyond the turned width is left as it is; at the first position nothing is turned.
    #[test]
    fn products_depend_on_the_distance_alone() {
        let (rotary, device) = (Rotary { base: 100.0, width: 4 }, Device::flex());
        let vector = |values: [f32; 6]| Tensor::<2>::from_data([values], &device);
        let (query, key) = (vector([0.3, -1.0, 0.5, 2.0, 7.0, -8.0]), vector([1.5, 0.25, -0.75, 1.0, 3.0, 4.0]));
        let at = |x: &Tensor<2>, position| rotary.turn(x.clone(), 1, rotary.waves(&[position], &device));
        let product = |q, k| (at(&query, q) * at(&key, k)).sum().into_scalar::<f32>();
        for distance in 0..5 {
            let expected = product(distance, 0);
            for key in 1..4 {
                assert!((product(key + distance, key) - expected).abs() < 1e-4, "{distance}, {key}");
            }
        }
        assert!((product(1, 0) - product(2, 0)).abs() > 0.1);
        let values = |x: Tensor<2>| x.try_into_vec_as::<f32>().unwrap();
        assert_eq!(values(at(&query, 0)), values(query.clone()));
        let turned = values(at(&query, 3));
        assert_eq!(turned[4..], [7.0, -8.0]);
        // By hand: the second pair turns by 3 / √100.
        let (cosine, sine) = (0.3_f32.cos(), 0.3_f32.sin());
        assert!((turned[1] - (-cosine - 2.0 * sine)).abs() < 1e-5);
        assert!((turned[3] - (2.0 * cosine - sine)).abs() < 1e-5);
    }
}
