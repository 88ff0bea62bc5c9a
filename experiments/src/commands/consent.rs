//! Asks before a run that takes many hours.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail, ensure};

/// Hours of measuring that nobody is asked about.
const UNASKED: f64 = 4.0;

/// Lets a run of about so many seconds go on, if it is short, `yes` is said, or the user agrees on the
/// terminal.
///
/// # Errors
/// If the run is long and nobody agrees.
pub(crate) fn ask(seconds: f64, yes: bool) -> Result<()> {
    let hours = seconds / 3600.0;
    if yes || hours <= UNASKED {
        return Ok(());
    }
    let told = format!("this takes about {hours:.1} h, more than {UNASKED:.0}");
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        bail!("{told}; to run it give --yes, to see its cells --dry-run");
    }
    let agrees = agrees(&told, &mut io::stdin().lock(), &mut io::stderr().lock());
    ensure!(agrees.context("cannot ask on the terminal")?, "{told}, and was not agreed to");
    Ok(())
}

/// Asks, and returns whether the answer is a yes; none is a no.
fn agrees(told: &str, input: &mut impl BufRead, out: &mut impl Write) -> io::Result<bool> {
    write!(out, "kovan-lab: {told}. Go on? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for (answer, yes) in
            [("y\n", true), (" YES \n", true), ("\n", false), ("", false), ("no", false)]
        {
            let mut out = Vec::new();
            let agreed = agrees("this takes about 5.0 h", &mut answer.as_bytes(), &mut out);
            assert_eq!(agreed.expect("asked"), yes, "{answer:?}");
            assert!(String::from_utf8_lossy(&out).contains("about 5.0 h. Go on? [y/N]"));
        }
    }

    #[test]
    fn a_short_run_is_not_asked_about() {
        assert!(ask(4.0 * 3600.0, false).is_ok() && ask(1e9, true).is_ok());
    }
}
