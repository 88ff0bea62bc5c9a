//! Asks before a run that takes hours, or much of the memory.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail, ensure};

/// Hours of measuring that nobody is asked about.
const UNASKED: f64 = 1.0;

/// Lets a run of about so many seconds go on, if it is short, `yes` is said, or the user agrees on the
/// terminal. Its largest cell needs about so many bytes of the memory that is there.
///
/// # Errors
/// If the run is long or large and nobody agrees.
pub(crate) fn ask(seconds: f64, bytes: u64, memory: Option<u64>, yes: bool) -> Result<()> {
    let hours = seconds / 3600.0;
    let is_large = memory.is_some_and(|memory| bytes > memory / 2);
    if yes || hours <= UNASKED && !is_large {
        return Ok(());
    }
    let told = if is_large {
        let memory = memory.unwrap_or_default();
        format!(
            "the largest cell takes about {} MiB, more than half of the {} MiB of memory",
            bytes >> 20,
            memory >> 20
        )
    } else {
        format!("this takes about {hours:.1} h, more than {UNASKED:.0}")
    };
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
        assert!(ask(3600.0, 1 << 30, Some(4 << 30), false).is_ok());
        assert!(ask(1e9, u64::MAX, Some(1), true).is_ok());
        assert!(ask(1.0, 3 << 30, None, false).is_ok(), "nobody knows");
    }

    #[test]
    fn what_needs_much_memory_is_named_with_both_numbers() {
        let told = ask(1.0, 3 << 30, Some(4 << 30), false).expect_err("refused").to_string();
        assert!(told.contains("3072 MiB") && told.contains("4096 MiB"), "{told}");
        assert!(
            ask(2.0 * 3600.0, 0, None, false).expect_err("refused").to_string().contains("2.0 h")
        );
    }
}
