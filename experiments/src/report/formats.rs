//! A table in the formats that other programs read.

use anyhow::Result;

use crate::support::table::markdown_line;

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
        let escaped =
            |text: &String| text.replace('_', "\\_").replace('%', "\\%").replace('-', "--");
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

/// Returns a value with four digits or so, as programs read it.
pub(super) fn number(value: f64) -> String {
    if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
