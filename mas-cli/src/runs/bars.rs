//! Progress bars for an executor.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::key::Key;
use super::progress::{Event, Progress};
use super::unit::Unit;

/// One bar for the whole and one for each unit at work, on standard error. Nothing is drawn where that is no terminal.
#[derive(Debug)]
pub struct Bars {
    screen: MultiProgress,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    whole: Option<ProgressBar>,
    units: HashMap<Key, ProgressBar>,
}

const WHOLE: &str = "{bar:30} {pos}/{len} results  {elapsed}  {wide_msg}";
const UNIT: &str = "  {prefix:<44!} {bar:24} {pos:>6}/{len:<6} {elapsed:>5}  {wide_msg}";

impl Bars {
    /// Bars, or with `quiet` none.
    pub fn new(quiet: bool) -> Self {
        // indicatif itself draws nothing where standard error is no terminal.
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self { screen: MultiProgress::with_draw_target(target), state: Mutex::default() }
    }

    /// The screen that the bars share: what is written through its `println` or `suspend` does not disturb them.
    pub fn screen(&self) -> &MultiProgress {
        &self.screen
    }

    fn bar(&self, length: u64, template: &str) -> ProgressBar {
        let bar = self.screen.add(ProgressBar::new(length));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        // Only a bar that is seen needs the thread that keeps its clock going.
        if !self.screen.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        bar
    }

    fn start(&self, state: &mut State, unit: &Unit) {
        let bar = state.units.entry(unit.key()).or_insert_with(|| self.bar(1, UNIT));
        bar.set_prefix(format!("{} {}", unit.kind(), unit.name()));
    }
}

impl Progress for Bars {
    fn event(&self, event: Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Planned { total, finished } => {
                let bar = self.bar(total as u64, WHOLE);
                bar.set_position(finished as u64);
                bar.reset_eta();
                state.whole = Some(bar);
            }
            Event::Started { unit, resumed } => {
                self.start(&mut state, unit);
                if let (true, Some(bar)) = (resumed, state.units.get(&unit.key())) {
                    bar.set_message("resumed");
                }
            }
            Event::Advanced { unit, done, total } => {
                if let Some(bar) = state.units.get(&unit.key()) {
                    bar.set_length(total);
                    bar.set_position(done);
                }
            }
            Event::Said { unit, message } => {
                if let Some(bar) = state.units.get(&unit.key()) {
                    bar.set_message(message.to_string());
                }
            }
            Event::Waiting { unit } => {
                self.start(&mut state, unit);
                if let Some(bar) = state.units.get(&unit.key()) {
                    bar.set_message("waiting for another process");
                }
            }
            Event::Finished { unit } | Event::FinishedElsewhere { unit } => {
                clear(&mut state, unit);
                if let Some(whole) = &state.whole {
                    whole.inc(1);
                }
            }
            Event::Failed { unit } => {
                clear(&mut state, unit);
                if let Some(whole) = &state.whole {
                    whole.set_message(format!("`{}` failed; finishing what is under way", unit.name()));
                }
            }
            Event::Ended => {
                state.units.drain().for_each(|(_, bar)| bar.finish_and_clear());
                if let Some(whole) = state.whole.take() {
                    whole.finish_and_clear();
                }
                // A listener can serve several runs; the next one starts with an empty screen.
                let _ = self.screen.clear();
            }
        }
    }
}

fn clear(state: &mut State, unit: &Unit) {
    if let Some(bar) = state.units.remove(&unit.key()) {
        bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bars_are_as_written() {
        for template in [WHOLE, UNIT] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
