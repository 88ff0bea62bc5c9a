//! A table in the formats that other programs read.

use anyhow::Result;
use kovan_lab_base::support::table::markdown_line;

/// A table: its header, and rows of as many cells.
pub(crate) struct Grid {
    /// The names of the columns. One without a name says how cells differ otherwise.
    pub(crate) header: &'static [&'static str],
    /// The rows.
    pub(crate) rows: Vec<Vec<String>>,
    /// The columns that are numbers.
    pub(crate) numbers: &'static [usize],
}

impl Grid {
    /// Returns comma-separated values.
    ///
    /// # Errors
    /// Never, as they are written to memory.
    pub(crate) fn csv(&self) -> Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let name = |name: &&'static str| if name.is_empty() { "others" } else { *name };
        writer.write_record(self.header.iter().map(name))?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        Ok(String::from_utf8_lossy(&writer.into_inner()?).into_owned())
    }

    /// Returns a table of Markdown.
    pub(crate) fn markdown(&self) -> String {
        let rule = vec!["---".to_string(); self.header.len()];
        let head = [self.names(), rule];
        head.iter().chain(&self.rows).map(|row| markdown_line(row)).collect()
    }

    /// Returns a table of LaTeX.
    pub(crate) fn latex(&self) -> String {
        let escaped = |text: &String| dashes(text).replace('_', "\\_").replace('%', "\\%");
        let line = |cells: &[String]| {
            format!("{} \\\\\n", cells.iter().map(escaped).collect::<Vec<_>>().join(" & "))
        };
        let side = |column| if self.numbers.contains(&column) { 'r' } else { 'l' };
        let columns: String = (0..self.header.len()).map(side).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!(
            "\\begin{{tabular}}{{{columns}}}\n\\hline\n{}\\hline\n{rows}\\hline\n\\end{{tabular}}\n",
            line(&self.names())
        )
    }

    fn names(&self) -> Vec<String> {
        self.header.iter().map(ToString::to_string).collect()
    }
}

/// Returns the text with the dash of LaTeX between two numbers; names keep their hyphens.
fn dashes(text: &str) -> String {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let mut dashed = String::new();
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        dashed.push(c);
        if c == '-' && is_digit(before) && is_digit(chars.peek().copied()) {
            dashed.push('-');
        }
        before = Some(c);
    }
    dashed
}

/// Returns a value with four digits or so, as programs read it.
pub(super) fn number(value: f64) -> String {
    if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latex_has_dashes_between_numbers_and_hyphens_in_names() {
        let row = ["hp-asym", "0.445-0.618", "hyaline-1s", "a_b", "95 %", "é-1"];
        let grid = Grid {
            header: &["places"; 6],
            rows: vec![row.map(str::to_string).to_vec()],
            numbers: &[],
        };
        let line = "hp-asym & 0.445--0.618 & hyaline-1s & a\\_b & 95 \\% & é-1 \\\\\n";
        assert!(grid.latex().contains(line), "{}", grid.latex());
    }
}
