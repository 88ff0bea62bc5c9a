//! Colours of words that say how something went, on terminals.

use std::io::{self, Stderr, Stdout};
use std::sync::OnceLock;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use regex_lite::{Captures, Regex};

/// What failed.
const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is in doubt, or was not done.
const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
const HEADER: Style = Style::new().bold();

/// Returns the text for stdout, with colours where it is a terminal that has some (and `NO_COLOR` is not set).
pub(super) fn for_stdout(text: &str) -> String {
    let choice = AutoStream::<Stdout>::choice(&io::stdout());
    if choice == ColorChoice::Never { text.into() } else { paint(text) }
}

/// Returns the text for stderr, in the same way.
pub(super) fn for_stderr(text: &str) -> String {
    let choice = AutoStream::<Stderr>::choice(&io::stderr());
    if choice == ColorChoice::Never { text.into() } else { paint(text) }
}

/// Colours the words of verdicts and the headers of tables, which have a line of dashes below.
fn paint(text: &str) -> String {
    let is_rule = |line: &str| line.starts_with("--") && line.chars().all(|c| c == '-' || c == ' ');
    let lines: Vec<&str> = text.split('\n').collect();
    let painted = lines.iter().enumerate().map(|(at, line)| {
        if lines.get(at + 1).is_some_and(|next| is_rule(next)) {
            format!("{HEADER}{line}{HEADER:#}")
        } else {
            words(line)
        }
    });
    painted.collect::<Vec<_>>().join("\n")
}

fn words(line: &str) -> String {
    static WORDS: OnceLock<Regex> = OnceLock::new();
    let pattern = r"\b(?:(BROKEN BOUND|failed|error|timeout|refuted)|disturbed|refused|not resolved|not testable here|could not run)\b";
    let words = WORDS.get_or_init(|| Regex::new(pattern).expect("a regular expression"));
    let painted = words.replace_all(line, |found: &Captures<'_>| {
        let word = &found[0];
        let before = found.get(0).map_or("", |whole| &line[..whole.start()]);
        // The names of columns and options are no verdicts.
        if before.ends_with(['`', '/', '-', '_']) || before.ends_with("--redo ") {
            return word.to_string();
        }
        let style = if found.get(1).is_some() { BAD } else { DOUBTFUL };
        format!("{style}{word}{style:#}")
    });
    painted.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_and_headers_have_colours_and_names_have_none() {
        let painted = paint("scheme  state\n------  -----\nibr     failed\n");
        let expected =
            format!("{HEADER}scheme  state{HEADER:#}\n------  -----\nibr     {BAD}failed{BAD:#}\n");
        assert_eq!(painted, expected);
        let told = "1 of 2 was disturbed; `disturbed` says more, run --redo disturbed";
        assert_eq!(
            paint(told),
            told.replacen("disturbed", &format!("{DOUBTFUL}disturbed{DOUBTFUL:#}"), 1)
        );
        assert_eq!(paint("unfailed errors"), "unfailed errors");
    }
}
