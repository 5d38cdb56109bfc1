//! Transcendental functions on whole vector registers of whatever instruction set [`pulp`] finds at run time.
//!
//! All are plain f32 arithmetic without branches. Errors are given against f64; NaN stays NaN. What is left over at the
//! end of a slice goes through the same functions as [`pulp::Scalar`], a register of one lane.

use pulp::Simd;

/// `eˣ`, to 3e-7 relative, for x in ± 87; beyond that it saturates.
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Cody and Waite: x = n ln 2 + r with |r| ≤ ½ ln 2, eˣ = 2ⁿ eʳ; the polynomial is that of Cephes.
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer
    let all = |value| simd.splat_f32s(value);
    let bounded = simd.min_f32s(simd.max_f32s(x, all(-87.0)), all(87.0));
    let shifted = simd.mul_add_e_f32s(bounded, all(std::f32::consts::LOG2_E), all(ROUND));
    let n = simd.sub_f32s(shifted, all(ROUND));
    let r = simd.mul_add_e_f32s(n, all(-0.693_359_4), bounded);
    let r = simd.mul_add_e_f32s(n, all(2.121_944_4e-4), r);
    let mut e = all(1.987_569_1e-4);
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5, 1.0, 1.0] {
        e = simd.mul_add_e_f32s(e, r, all(coefficient));
    }
    // n stands in the low bits of what was shifted; moved up it is what is added to the exponent.
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let scaled = simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(e), exponent));
    // The bounds above take NaN for a number.
    simd.select_f32s(simd.equal_f32s(x, x), scaled, x)
}

/// The logistic function, to 2e-7.
#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// The hyperbolic tangent, to 3e-7.
#[inline(always)]
pub fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (one, two) = (simd.splat_f32s(1.0), simd.splat_f32s(2.0));
    let e = exp(simd, simd.mul_f32s(x, simd.splat_f32s(-2.0)));
    simd.sub_f32s(simd.div_f32s(two, simd.add_f32s(one, e)), one)
}

/// The exact GELU `x Φ(x)` and its derivative `Φ(x) + x φ(x)`, to 1e-6; at −∞ they are 0 and 0, at ∞ they are ∞ and 1.
#[inline(always)]
pub fn gelu<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let all = |value| simd.splat_f32s(value);
    // erf by Abramowitz and Stegun, 7.1.26 (error 1.5e-7); its e^(−x²/2) is also what φ needs.
    let gauss = exp(simd, simd.mul_f32s(simd.mul_f32s(x, x), all(-0.5)));
    let scaled = all(0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2);
    let t = simd.div_f32s(all(1.0), simd.mul_add_e_f32s(simd.abs_f32s(x), scaled, all(1.0)));
    let mut tail = all(0.5 * 1.061_405_4);
    for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        tail = simd.mul_add_e_f32s(tail, t, all(0.5 * coefficient));
    }
    let upper = simd.mul_f32s(simd.mul_f32s(tail, t), gauss);
    let is_negative = simd.less_than_f32s(x, all(0.0));
    let cumulative = simd.select_f32s(is_negative, upper, simd.sub_f32s(all(1.0), upper));
    // φ and Φ vanish there, and ∞ times nothing would be NaN.
    let above = simd.max_f32s(x, all(-12.0));
    let within = simd.min_f32s(above, all(12.0));
    let slope = simd.mul_add_e_f32s(simd.mul_f32s(within, all(0.398_942_3)), gauss, cumulative);
    (simd.mul_f32s(above, cumulative), slope)
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Scalar, WithSimd};

    use super::*;

    /// Every function of every number, by the widest registers there are; by single lanes where they do not fill one.
    struct All<'a>(&'a [f32], Vec<[f32; 5]>);

    impl WithSimd for All<'_> {
        type Output = Vec<[f32; 5]>;

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, simd: S) -> Vec<[f32; 5]> {
            let of = |x: S::f32s| {
                let (value, slope) = gelu(simd, x);
                [exp(simd, x), sigmoid(simd, x), tanh(simd, x), value, slope]
            };
            let (vectors, rest) = S::as_simd_f32s(self.0);
            for &x in vectors {
                let results = of(x);
                for lane in 0..S::F32_LANES {
                    self.1.push(results.map(|result| {
                        let mut values = [0.0; 64];
                        simd.partial_store_f32s(&mut values[..S::F32_LANES], result);
                        values[lane]
                    }));
                }
            }
            if !rest.is_empty() {
                self.1 = All(rest, self.1).with_simd(Scalar);
            }
            self.1
        }
    }

    fn all(x: &[f32]) -> Vec<[f32; 5]> {
        let wide = Arch::new().dispatch(All(x, Vec::new()));
        let narrow = All(x, Vec::new()).with_simd(Scalar);
        for (x, (wide, narrow)) in x.iter().zip(wide.iter().zip(&narrow)) {
            for (wide, narrow) in wide.iter().zip(narrow) {
                let (wide, narrow) = (f64::from(*wide), f64::from(*narrow));
                let alike = wide == narrow || (wide - narrow).abs() <= 1e-6 * (1.0 + wide.abs());
                assert!(alike || wide.is_nan() && narrow.is_nan(), "{x}: {wide} in registers, {narrow} in lanes");
            }
        }
        wide
    }

    #[test]
    fn they_agree_with_the_standard_library() {
        let grid: Vec<f32> = (-16_000..=16_003).map(|i| i as f32 * 0.005).collect();
        for (&x, [exp, sigmoid, tanh, ..]) in grid.iter().zip(all(&grid)) {
            let wide = f64::from(x);
            assert!((f64::from(exp) / wide.exp() - 1.0).abs() < 3e-7, "exp {x}: {exp}");
            assert!((f64::from(sigmoid) - 1.0 / (1.0 + (-wide).exp())).abs() < 2e-7, "sigmoid {x}: {sigmoid}");
            assert!((f64::from(tanh) - wide.tanh()).abs() < 3e-7, "tanh {x}: {tanh}");
        }
    }

    #[test]
    fn gelu_agrees_with_an_integral_of_the_normal_density() {
        // Φ by Simpson's rule from −12, an independent route.
        let density = |t: f64| (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let grid: Vec<f32> = (-120..=120).map(|i| i as f32 * 0.05).collect();
        for (&x, [.., value, slope]) in grid.iter().zip(all(&grid)) {
            let x = f64::from(x);
            let n = 20_000;
            let h = (x + 12.0) / f64::from(n);
            let inner: f64 =
                (1..n).map(|i| density(-12.0 + f64::from(i) * h) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
            let cumulative = h / 3.0 * (density(-12.0) + inner + density(x));
            assert!((f64::from(value) - x * cumulative).abs() < 1.5e-6, "value at {x}: {value}");
            assert!((f64::from(slope) - (cumulative + x * density(x))).abs() < 1e-6, "slope at {x}: {slope}");
        }
    }

    #[test]
    fn they_are_bounded_where_numbers_end() {
        let huge = [f32::INFINITY, f32::MAX, 1e30, 100.0];
        for (x, [exp, sigmoid, tanh, value, slope]) in huge.into_iter().zip(all(&huge)) {
            assert!(exp > 6e37 && exp.is_finite(), "exp {x}: {exp}");
            assert_eq!((sigmoid, tanh, value, slope), (1.0, 1.0, x, 1.0), "{x}");
        }
        let tiny = huge.map(|x| -x);
        for (x, [exp, sigmoid, tanh, value, slope]) in tiny.into_iter().zip(all(&tiny)) {
            assert!((0.0..2e-38).contains(&exp) && (0.0..2e-38).contains(&sigmoid), "{x}: {exp}, {sigmoid}");
            assert_eq!((tanh, value.abs() < 1e-30, slope.abs() < 1e-30), (-1.0, true, true), "{x}: {value}, {slope}");
        }
        for results in all(&[f32::NAN; 17]) {
            assert!(results.iter().all(|result| result.is_nan()), "{results:?}");
        }
        for [exp, sigmoid, tanh, value, slope] in all(&[0.0, -0.0]) {
            assert_eq!((exp, sigmoid, tanh, value), (1.0, 0.5, 0.0, 0.0));
            assert!((slope - 0.5).abs() < 1e-6, "{slope}");
        }
    }
}
