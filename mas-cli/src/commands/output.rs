use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::{Error, Result};

/// Where a command's words go: its result to standard output, everything else to standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Prints the result: `text`, or with `--json` the document.
    pub fn result(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        let mut out = if self.json {
            serde_json::to_string_pretty(document).map_err(|error| Error::Internal(error.to_string()))?
        } else {
            text()
        };
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush()) {
            // Whoever read the other end has what they wanted.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|error| Error::io("standard output", error)),
        }
    }

    /// Says something beside the result.
    pub fn warn(self, message: impl std::fmt::Display) {
        if !self.quiet {
            // Nobody to tell if standard error is closed.
            writeln!(std::io::stderr(), "warning: {message}").unwrap_or(());
        }
    }

    /// A bar for long work; off when standard error is no terminal.
    pub fn bar(self, what: &str, total: usize) -> ProgressBar {
        if self.quiet || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg} ({eta} left)")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total as u64).with_style(style).with_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(500));
        bar
    }
}

/// Shows an error: what, where and what to do.
pub(super) fn report(error: &Error) {
    let text = match error {
        // A study file's mistakes are shown with the line.
        Error::Study(error) => format!("{:?}", miette::Report::new(error.clone())),
        other => {
            let mut text = format!("error: {other}");
            let mut source = std::error::Error::source(other);
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                if !text.contains(&cause_text) {
                    text.push_str(&format!("\n  because: {cause_text}"));
                }
                source = cause.source();
            }
            text
        }
    };
    writeln!(std::io::stderr(), "{}", text.trim_end()).unwrap_or(());
}
