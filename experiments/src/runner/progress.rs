//! How far a command is: a bar with the time left on a terminal, lines elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use kovan_lab_base::support::output::{is_quiet, is_verbose, note};

pub(crate) enum Progress {
    Bar(ProgressBar),
    /// So many steps in all.
    Lines(usize),
}

impl Progress {
    /// Returns the progress of so many `steps`, a noun in the plural.
    pub(crate) fn new(count: usize, steps: &str) -> Self {
        // A bar and lines between its steps would overwrite each other.
        if is_quiet() || is_verbose() || !std::io::stderr().is_terminal() {
            return Self::Lines(count);
        }
        let bar = ProgressBar::new(count as u64);
        let template = format!("{{bar:30}} {{pos}}/{{len}} {steps}, {{eta}} left  {{msg}}");
        let style = ProgressStyle::with_template(&template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self::Bar(bar)
    }

    /// Says beside the bar what it is at.
    pub(crate) fn at(&self, what: impl FnOnce() -> String) {
        if let Self::Bar(bar) = self {
            bar.set_message(what());
            bar.tick();
        }
    }

    /// A step has ended, the `done`th. Beside a bar only failures have a line.
    pub(crate) fn end(&self, done: usize, failed: bool, line: &str) {
        match self {
            Self::Bar(bar) => {
                if failed {
                    bar.suspend(|| note(line));
                }
                bar.inc(1);
            }
            Self::Lines(count) => note(&format!("[{done}/{count}] {line}")),
        }
    }

    pub(crate) fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
