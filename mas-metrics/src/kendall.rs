use crate::Result;
use crate::correlation::all_equal;
use crate::error::Side;
use crate::ranking::Ranking;

/// Kendall's τ-b of `x` with what `place` makes of `y`: entry i of `x` goes with entry `place(i).0` of `y`, and the pair
/// is there `place(i).1` times; `None` leaves it out.
pub(crate) fn kendall(x: &Ranking, y: &Ranking, place: impl Fn(usize) -> Option<(usize, u32)>) -> Result<f64> {
    let mut entries = sorted_by_x(x, y, place);
    let [mut all, mut tied_x, mut tied_both] = [0_u128; 3];
    let [mut run_x, mut run_both] = [0_u128; 2];
    let mut totals_y = vec![0_u64; y.groups];
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
        totals_y[entry.y as usize] += u64::from(entry.weight);
    }
    tied_x += pairs(run_x);
    tied_both += pairs(run_both);
    let all = pairs(all);
    let tied_y: u128 = totals_y.into_iter().map(|total| pairs(total.into())).sum();
    if all == tied_x {
        return Err(all_equal(Side::A));
    }
    if all == tied_y {
        return Err(all_equal(Side::B));
    }
    let discordant = count_inversions(&mut entries);
    let untied = (all - tied_x) as f64 - (tied_y - tied_both) as f64;
    let tau = (untied - 2.0 * discordant as f64) / (((all - tied_x) as f64).sqrt() * ((all - tied_y) as f64).sqrt());
    Ok(tau.clamp(-1.0, 1.0))
}

#[derive(Clone, Copy, Default)]
struct Entry {
    x: u32,
    y: u32,
    weight: u32,
}

fn pairs(count: u128) -> u128 {
    count * count.saturating_sub(1) / 2
}

/// A counting sort by x; entries with equal x are then sorted by y, so that ties are no inversions.
fn sorted_by_x(x: &Ranking, y: &Ranking, place: impl Fn(usize) -> Option<(usize, u32)>) -> Vec<Entry> {
    let entry = |index: usize| {
        let (other, weight) = place(index).filter(|(_, weight)| *weight > 0)?;
        Some(Entry { x: x.dense[index], y: y.dense[other], weight })
    };
    let mut starts = vec![0_usize; x.groups + 1];
    for entry in (0..x.dense.len()).filter_map(entry) {
        starts[entry.x as usize + 1] += 1;
    }
    for group in 0..x.groups {
        starts[group + 1] += starts[group];
    }
    let mut next = starts.clone();
    let mut entries = vec![Entry::default(); starts[x.groups]];
    for entry in (0..x.dense.len()).filter_map(entry) {
        entries[next[entry.x as usize]] = entry;
        next[entry.x as usize] += 1;
    }
    for bounds in starts.windows(2) {
        entries[bounds[0]..bounds[1]].sort_unstable_by_key(|entry| entry.y);
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

/// Merges two sorted runs and counts what the right one overtakes. Which run is next cannot be predicted, so the inner
/// loop has no branch on it. Fewer than 2³² pairs of rows keep the count within 64 bits.
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
