//! `kovan-lab doctor`: what on this machine spoils numbers, each with what to do.

use anyhow::Result;
use clap::Args;
use kovan_lab_base::support::output::{columns, print, print_report};
use kovan_lab_base::support::table;

use super::list::Format;
use crate::system::doctor::{Finding, Verdict, examine};

/// The arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Table for people, JSON for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Prints what was found.
pub(crate) fn doctor(args: &DoctorArgs) -> Result<()> {
    let findings = examine();
    match args.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&findings)?)),
        Format::Table => print_report(&text(&findings, columns().unwrap_or(100))),
    }
}

/// A table, then the advice, then the end of it in one line.
fn text(findings: &[Finding], width: usize) -> String {
    let row = |finding: &Finding| {
        vec![finding.what.into(), finding.verdict.name().into(), finding.state.clone()]
    };
    let rows: Vec<Vec<String>> = findings.iter().map(row).collect();
    let mut text = table::render(&["what", "verdict", "here"], &rows, &[]);
    for finding in findings.iter().filter(|finding| !finding.advice.is_empty()) {
        let told = format!("{} ({}): {}", finding.what, finding.state, finding.advice);
        text.push_str(&format!("\n{}\n", wrapped(&told, width)));
    }
    let spoils = findings.iter().filter(|finding| finding.verdict == Verdict::Spoils).count();
    let end = match spoils {
        0 => "nothing here spoils numbers".into(),
        1 => "1 thing spoils numbers".into(),
        many => format!("{many} things spoil numbers"),
    };
    text + &format!("\n{end}\n")
}

/// The words in lines of so many columns, all but the first one indented.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("a line");
        if !last.trim().is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("  {word}"));
        } else {
            if !last.trim().is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_stands_below_the_table_and_fits_the_terminal() {
        let of = |what, verdict, advice: &str| Finding {
            what,
            state: "here".into(),
            verdict,
            advice: advice.into(),
        };
        let long = "a word and another one ".repeat(10);
        let findings = [
            of("clock", Verdict::Good, ""),
            of("quota", Verdict::Spoils, &long),
            of("turbo", Verdict::Mind, "switch it off"),
        ];
        let told = text(&findings, 40);
        assert!(told.contains("clock  good     here\n"), "{told}");
        assert!(told.contains("\nturbo (here): switch it off\n"), "{told}");
        assert!(told.ends_with("\n1 thing spoils numbers\n"), "{told}");
        let lines = told.lines().skip_while(|line| !line.starts_with("quota (here)"));
        assert!(lines.clone().all(|line| line.chars().count() <= 40), "{told}");
        assert!(lines.count() > 5, "{told}");
        assert!(text(&findings[..1], 40).ends_with("nothing here spoils numbers\n"));
    }
}
