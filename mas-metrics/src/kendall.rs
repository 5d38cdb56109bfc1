use crate::Result;
use crate::correlation::all_equal;
use crate::error::Side;
use crate::ranking::Ranking;

/// Below this many values a run is sorted on one thread.
const ONE_THREAD: usize = 1 << 15;

/// Kendall's τ-b of `x` with `y` in another order.
///
/// - `visit`: calls what it is given for every entry once, with its place in `x` and the place in `y` of what it goes
///   with.
pub(crate) fn kendall(x: &Ranking, y: &Ranking, visit: impl Fn(&mut dyn FnMut(usize, usize))) -> Result<f64> {
    let mut next = vec![0_u32; x.groups];
    // A counting sort by x. Where no values of x are equal, a group is a place.
    let mut sorted = vec![0_u32; x.dense.len()];
    let mut tied_both = 0;
    if x.is_untied() {
        visit(&mut |of_x, of_y| sorted[x.dense[of_x] as usize] = y.dense[of_y]);
    } else {
        x.dense.iter().for_each(|&group| next[group as usize] += 1);
        let mut start = 0;
        for count in &mut next {
            start += std::mem::replace(count, start);
        }
        visit(&mut |of_x, of_y| {
            let place = &mut next[x.dense[of_x] as usize];
            sorted[*place as usize] = y.dense[of_y];
            *place += 1;
        });
        // Entries with equal x are sorted by y, so that ties are no inversions.
        let mut start = 0;
        for &end in &next {
            let run = &mut sorted[start..end as usize];
            run.sort_unstable();
            tied_both +=
                run.chunk_by(|left, right| left == right).map(|equal| pairs(equal.len() as u128)).sum::<u128>();
            start = end as usize;
        }
    }
    drop(next);
    let all = pairs(sorted.len() as u128);
    let discordant = {
        let mut buffer = vec![0; sorted.len()];
        sort_and_count(&mut sorted, &mut buffer)
    };
    tau(all, x.tied_pairs().into(), y.tied_pairs().into(), tied_both, discordant.into())
}

fn tau(all: u128, tied_x: u128, tied_y: u128, tied_both: u128, discordant: u128) -> Result<f64> {
    if all == tied_x {
        return Err(all_equal(Side::A));
    }
    if all == tied_y {
        return Err(all_equal(Side::B));
    }
    let untied = (all - tied_x) as f64 - (tied_y - tied_both) as f64;
    let tau = (untied - 2.0 * discordant as f64) / (((all - tied_x) as f64).sqrt() * ((all - tied_y) as f64).sqrt());
    Ok(tau.clamp(-1.0, 1.0))
}

fn pairs(count: u128) -> u128 {
    count * count.saturating_sub(1) / 2
}

/// How many pairs stand in the wrong order. Sorts.
fn sort_and_count(values: &mut [u32], buffer: &mut [u32]) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let middle = values.len() / 2;
    let inversions = {
        let (left, right) = values.split_at_mut(middle);
        let (left_buffer, right_buffer) = buffer.split_at_mut(middle);
        let (left, right) = if middle < ONE_THREAD {
            (sort_and_count(left, left_buffer), sort_and_count(right, right_buffer))
        } else {
            rayon::join(|| sort_and_count(left, left_buffer), || sort_and_count(right, right_buffer))
        };
        left + right
    };
    let (left, right) = values.split_at(middle);
    let overtaken = merge_and_count(left, right, buffer);
    values.copy_from_slice(buffer);
    inversions + overtaken
}

/// Merges two sorted runs and counts what the right one overtakes. Which run is next cannot be predicted, so the inner
/// loop has no branch on it.
fn merge_and_count(left: &[u32], right: &[u32], target: &mut [u32]) -> u64 {
    let mut inversions = 0;
    let (mut from_left, mut from_right) = (0, 0);
    while from_left < left.len() && from_right < right.len() {
        let (first, second) = (left[from_left], right[from_right]);
        let overtakes = second < first;
        target[from_left + from_right] = if overtakes { second } else { first };
        inversions += (left.len() - from_left) as u64 * u64::from(overtakes);
        from_right += usize::from(overtakes);
        from_left += usize::from(!overtakes);
    }
    let rest = &mut target[from_left + from_right..];
    let (last_left, last_right) = rest.split_at_mut(left.len() - from_left);
    last_left.copy_from_slice(&left[from_left..]);
    last_right.copy_from_slice(&right[from_right..]);
    inversions
}

/// Kendall's τ-b of `x` and `y` in a sample that holds entry i `weights[i]` times; the weights' sum fits 32 bits.
pub(crate) fn weighted_kendall(x: &Ranking, y: &Ranking, weights: &[u32]) -> Result<f64> {
    let mut entries = sorted_by_x(x, y, weights);
    let [mut all, mut tied_x, mut tied_both] = [0_u128; 3];
    let [mut run_x, mut run_both] = [0_u128; 2];
    let mut totals_y = vec![0_u32; y.groups];
    for (index, entry) in entries.iter().enumerate() {
        let previous = index.checked_sub(1).map(|index| &entries[index]);
        if previous.is_none_or(|previous| previous.x != entry.x) {
            tied_x += pairs(run_x);
            run_x = 0;
        }
        if previous.is_none_or(|previous| (previous.x, previous.y) != (entry.x, entry.y)) {
            tied_both += pairs(run_both);
            run_both = 0;
        }
        let weight = u128::from(entry.weight);
        run_x += weight;
        run_both += weight;
        all += weight;
        totals_y[entry.y as usize] += entry.weight;
    }
    tied_x += pairs(run_x);
    tied_both += pairs(run_both);
    let tied_y = totals_y.into_iter().map(|total| pairs(total.into())).sum();
    let discordant = count_inversions(&mut entries);
    tau(pairs(all), tied_x, tied_y, tied_both, discordant)
}

#[derive(Clone, Copy, Default)]
struct Entry {
    x: u32,
    y: u32,
    weight: u32,
}

/// A counting sort by x; entries with equal x are then sorted by y, so that ties are no inversions.
fn sorted_by_x(x: &Ranking, y: &Ranking, weights: &[u32]) -> Vec<Entry> {
    let present = || (0..x.dense.len()).filter(|&index| weights[index] > 0);
    let mut next = vec![0_u32; x.groups];
    present().for_each(|index| next[x.dense[index] as usize] += 1);
    let mut total = 0;
    for count in &mut next {
        total += std::mem::replace(count, total);
    }
    let mut entries = vec![Entry::default(); total as usize];
    for index in present() {
        let entry = Entry { x: x.dense[index], y: y.dense[index], weight: weights[index] };
        let place = &mut next[entry.x as usize];
        entries[*place as usize] = entry;
        *place += 1;
    }
    let mut start = 0;
    for end in next {
        entries[start..end as usize].sort_unstable_by_key(|entry| entry.y);
        start = end as usize;
    }
    entries
}

/// How many pairs stand in the wrong order of y, each counted with the product of its weights. Sorts by y.
fn count_inversions(entries: &mut Vec<Entry>) -> u128 {
    let mut inversions = 0;
    let mut merged = vec![Entry::default(); entries.len()];
    let mut width = 1;
    while width < entries.len() {
        for (block, target) in entries.chunks(2 * width).zip(merged.chunks_mut(2 * width)) {
            let (left, right) = block.split_at(width.min(block.len()));
            inversions += u128::from(merge(left, right, target));
        }
        std::mem::swap(entries, &mut merged);
        width *= 2;
    }
    inversions
}

/// As [`merge_and_count`], each entry as often as it is there. Fewer than 2³² pairs of rows keep the count within 64
/// bits.
fn merge(left: &[Entry], right: &[Entry], target: &mut [Entry]) -> u64 {
    let mut remaining: u64 = left.iter().map(|entry| u64::from(entry.weight)).sum();
    let mut inversions = 0;
    let (mut from_left, mut from_right) = (0, 0);
    while from_left < left.len() && from_right < right.len() {
        let (first, second) = (left[from_left], right[from_right]);
        let overtakes = second.y < first.y;
        target[from_left + from_right] = if overtakes { second } else { first };
        inversions += remaining * u64::from(second.weight) * u64::from(overtakes);
        remaining -= u64::from(first.weight) * u64::from(!overtakes);
        from_right += usize::from(overtakes);
        from_left += usize::from(!overtakes);
    }
    let rest = &mut target[from_left + from_right..];
    let (last_left, last_right) = rest.split_at_mut(left.len() - from_left);
    last_left.copy_from_slice(&left[from_left..]);
    last_right.copy_from_slice(&right[from_right..]);
    inversions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both counts against each other and against all pairs one by one, with ties and over more than one thread's run.
    #[test]
    fn counting_by_merging_is_counting_pairs() {
        let list = |seed: u64, count: u64, values: u64| -> Vec<f64> {
            (0..count).map(|index| ((index * 7919 + seed) * 104_729 % 1_000_003 % values) as f64).collect()
        };
        for (count, values) in [(60, 7), (90, 1000), (3 * ONE_THREAD as u64, 500)] {
            let (x, y) = (list(3, count, values), list(11, count, values + 3));
            let (of_x, of_y) = (Ranking::new(&x), Ranking::new(&y));
            let found = kendall(&of_x, &of_y, |visit| (0..x.len()).for_each(|index| visit(index, index))).unwrap();
            let weighted = weighted_kendall(&of_x, &of_y, &vec![1; x.len()]).unwrap();
            assert_eq!(found, weighted);
            if count < 100 {
                let [mut sum, mut untied_x, mut untied_y] = [0.0; 3];
                for i in 0..x.len() {
                    for j in 0..i {
                        let sign = |list: &[f64]| (list[i] - list[j]).partial_cmp(&0.0).unwrap() as i8;
                        sum += f64::from(sign(&x) * sign(&y));
                        untied_x += f64::from(sign(&x).abs());
                        untied_y += f64::from(sign(&y).abs());
                    }
                }
                assert!((found - sum / (untied_x * untied_y).sqrt()).abs() < 1e-12);
            }
        }
    }
}
