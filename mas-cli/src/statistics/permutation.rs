//! Exact permutation of group labels.

/// The most networks whose labels are permuted: a million ways to give half of them one label.
pub const MOST_PERMUTED: usize = 22;

/// How often a statistic comes out at least as high as it did, and at least as low, over all ways to give the same number
/// of networks the label that `labelled` of them have (Fisher's permutation of labels, all of them and not a sample).
///
/// `statistic` is of one labelling, one element a network; the way that the labels really are is among them, so that
/// neither share is below one by the number of ways. Values within 1e-12 of each other count as equal. `None` where
/// everything has one label, where there are more than [`MOST_PERMUTED`] networks, or where the statistic of any labelling
/// does not exist.
#[must_use]
pub fn permutation_p(labelled: &[bool], statistic: impl Fn(&[bool]) -> Option<f64>) -> Option<[f64; 2]> {
    let networks = labelled.len();
    let count = labelled.iter().filter(|&&label| label).count();
    if count == 0 || count == networks || networks > MOST_PERMUTED {
        return None;
    }
    let found = statistic(labelled)?;
    let (mut ways, mut above, mut below) = (0_u64, 0_u64, 0_u64);
    for chosen in (0_u32..1 << networks).filter(|chosen| chosen.count_ones() as usize == count) {
        let labels: Vec<bool> = (0..networks).map(|network| chosen >> network & 1 == 1).collect();
        let value = statistic(&labels)?;
        ways += 1;
        above += u64::from(value >= found - 1e-12);
        below += u64::from(value <= found + 1e-12);
    }
    Some([above, below].map(|count| count as f64 / ways as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(values: &[f64]) -> impl Fn(&[bool]) -> Option<f64> + '_ {
        |labels| {
            let sum = |label| values.iter().zip(labels).filter(|(_, l)| **l == label).map(|(v, _)| v).sum::<f64>();
            Some(sum(true) - sum(false))
        }
    }

    #[test]
    fn the_most_extreme_of_all_ways() {
        let values = [5.0, 6.0, 7.0, 1.0, 2.0, 3.0];
        let labels = [true, true, true, false, false, false];
        assert_eq!(permutation_p(&labels, difference(&values)), Some([1.0 / 20.0, 1.0]));
        let turned: Vec<bool> = labels.iter().map(|label| !label).collect();
        assert_eq!(permutation_p(&turned, difference(&values)), Some([1.0, 1.0 / 20.0]));
    }

    #[test]
    fn ties_count_on_both_sides_and_one_label_says_nothing() {
        assert_eq!(permutation_p(&[true, false, false], difference(&[1.0; 3])), Some([1.0, 1.0]));
        assert_eq!(permutation_p(&[true; 3], difference(&[1.0; 3])), None);
    }
}
