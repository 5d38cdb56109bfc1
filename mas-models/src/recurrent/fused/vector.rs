//! Transcendental functions over slices, written so that the compiler vectorises them for whatever instruction set
//! [`pulp`] finds at run time. All are plain f32 arithmetic without branches; errors are given against f64.

/// `eˣ`, to 2e-7 relative, for x in ± 87; beyond that it saturates.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Cody and Waite: x = n ln 2 + r with |r| ≤ ½ ln 2, eˣ = 2ⁿ eʳ; the polynomial is that of Cephes.
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p =
        ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 1.666_666_5e-1) * r + 0.5;
    let e = p * r * r + r + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    e * scale
}

/// The logistic function, to 2e-7.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, to 3e-7.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    2.0 / (1.0 + exp(-2.0 * x)) - 1.0
}

/// The exact GELU `x Φ(x)` and its derivative `Φ(x) + x φ(x)`, to 1e-6.
#[inline(always)]
pub fn gelu(x: f32) -> (f32, f32) {
    // erf by Abramowitz and Stegun, 7.1.26 (error 1.5e-7); its e^(−x²/2) is also what φ needs.
    let gauss = exp(-0.5 * x * x);
    let t = 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let tail = ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6) * t * gauss;
    let upper = 0.5 * tail;
    let cumulative = if x < 0.0 { upper } else { 1.0 - upper };
    (x * cumulative, cumulative + x * 0.398_942_3 * gauss)
}

/// Replaces logits by `weight × (softmax − one-hot of target)` and returns the cross-entropy.
pub fn cross_entropy(logits: &mut [f32], target: usize, weight: f32) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let own = logits[target] - largest;
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = exp(*logit - largest);
        sum += *logit;
    }
    for logit in logits.iter_mut() {
        *logit *= weight / sum;
    }
    logits[target] -= weight;
    f64::from(sum.ln() - own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> impl Iterator<Item = f32> {
        (-4000..=4000).map(|i| i as f32 * 0.005)
    }

    #[test]
    fn they_agree_with_the_standard_library() {
        for x in grid() {
            let wide = f64::from(x);
            assert!((f64::from(exp(x)) / wide.exp() - 1.0).abs() < 3e-7, "exp {x}");
            assert!((f64::from(sigmoid(x)) - 1.0 / (1.0 + (-wide).exp())).abs() < 2e-7, "sigmoid {x}");
            assert!((f64::from(tanh(x)) - wide.tanh()).abs() < 3e-7, "tanh {x}");
        }
        assert!(exp(-1e30) >= 0.0 && exp(1e30).is_finite());
    }

    #[test]
    fn gelu_agrees_with_an_integral_of_the_normal_density() {
        // Φ by Simpson's rule from −12, an independent route.
        let density = |t: f64| (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
        for x in (-60..=60).map(|i| f64::from(i) * 0.1) {
            let n = 20_000;
            let h = (x + 12.0) / f64::from(n);
            let inner: f64 =
                (1..n).map(|i| density(-12.0 + f64::from(i) * h) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
            let cumulative = h / 3.0 * (density(-12.0) + inner + density(x));
            let (value, slope) = gelu(x as f32);
            assert!((f64::from(value) - x * cumulative).abs() < 1.5e-6, "value at {x}");
            assert!((f64::from(slope) - (cumulative + x * density(x))).abs() < 1e-6, "slope at {x}");
        }
    }

    #[test]
    fn cross_entropy_of_known_logits() {
        let mut logits = [0.0, 2.0_f32.ln()];
        assert!((cross_entropy(&mut logits, 1, 0.5) - 1.5_f64.ln()).abs() < 1e-6);
        assert!((logits[0] - 0.5 / 3.0).abs() < 1e-6 && (logits[1] - 0.5 * (2.0 / 3.0 - 1.0)).abs() < 1e-6);
    }
}
