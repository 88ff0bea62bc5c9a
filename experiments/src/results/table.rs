//! Tables as files: a header, rows that are known by the names of their columns, and a last row that may
//! be cut.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use csv::StringRecord;

use crate::data::{AXES, TrialId};

/// A row of a table.
pub(crate) trait Row: Sized {
    /// The columns.
    fn header() -> Vec<String>;
    /// The texts in the order of the columns.
    fn fields(&self) -> Vec<String>;
    /// Reads a row.
    fn read(fields: &Fields<'_>) -> Result<Self, String>;
    /// Which trial it is of.
    fn id_mut(&mut self) -> &mut TrialId;
}

/// The fields of a row by the names of their columns.
pub(crate) struct Fields<'a> {
    columns: &'a BTreeMap<String, usize>,
    record: &'a StringRecord,
}

impl Fields<'_> {
    /// The text of a column, or another one where the table has no such column.
    pub(super) fn text_or<'s>(&'s self, column: &str, other: &'s str) -> &'s str {
        self.columns.get(column).and_then(|at| self.record.get(*at)).unwrap_or(other)
    }

    /// The text of a column that every version has.
    pub(super) fn text(&self, column: &str) -> Result<&str, String> {
        let at =
            self.columns.get(column).ok_or_else(|| format!("there is no column `{column}`"))?;
        self.record.get(*at).ok_or_else(|| format!("{column}: the field is missing"))
    }

    /// A whole number.
    pub(super) fn whole(&self, column: &str) -> Result<u64, String> {
        let text = self.text(column)?;
        text.parse().map_err(|_| format!("{column}: `{text}` is not a whole number"))
    }

    /// The trial of the row. What its table has no column for is as usual.
    pub(super) fn id(&self) -> Result<TrialId, String> {
        let mut id = TrialId::default();
        for info in AXES.iter().filter(|info| self.columns.contains_key(info.name)) {
            let told = |error| format!("{}: {error}", info.name);
            id.set(info.name, self.text(info.name)?).map_err(told)?;
        }
        let repeat = self.whole("repeat")?;
        id.repeat = u32::try_from(repeat).map_err(|_| format!("repeat: {repeat} is too large"))?;
        Ok(id)
    }
}

/// The rows of a file.
#[derive(Debug)]
pub(crate) struct Table<T> {
    pub(crate) rows: Vec<T>,
    /// A line about the last row, where it was cut and is left out.
    pub(crate) cut: Option<String>,
}

/// The rows of a file. One that is not there has none, if `may_lack` says so.
pub(super) fn read<T: Row>(path: &Path, may_lack: bool) -> Result<Table<T>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && may_lack => {
            return Ok(Table { rows: Vec::new(), cut: None });
        }
        other => other.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let (text, cut) = whole_rows(&bytes);
    let text = std::str::from_utf8(&text)
        .with_context(|| format!("cannot read {}: it is not text", path.display()))?;
    let told = || {
        format!(
            "{}: the last row is cut, as by a kill or a power failure in the middle of a write; it is left out",
            path.display()
        )
    };
    let rows = parse(text).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Table { rows, cut: cut.then(told) })
}

/// The bytes without a last row that was cut, and whether there was one. A last row that lacks its line end
/// alone is whole.
fn whole_rows(bytes: &[u8]) -> (Vec<u8>, bool) {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (whole, last) = bytes.split_at(end);
    if last.is_empty() {
        return (bytes.to_vec(), false);
    }
    let header = whole.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if is_whole(&String::from_utf8_lossy(header), &String::from_utf8_lossy(last)) {
        return ([bytes, b"\n"].concat(), false);
    }
    (whole.to_vec(), true)
}

/// Returns whether a row has as many fields as the header. The last field shows a cut where its length is known.
fn is_whole(header: &str, row: &str) -> bool {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
    let Some(Ok(fields)) = reader.records().next() else { return false };
    let build = header.ends_with(",build").then(|| fields.iter().next_back().unwrap_or_default());
    fields.len() == header.split(',').count() && build.is_none_or(|build| build.len() == 16)
}

/// The rows of a text; an error names the line and the column.
pub(super) fn parse<T: Row>(text: &str) -> Result<Vec<T>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers()?.clone();
    let columns = names.iter().enumerate().map(|(at, name)| (name.to_string(), at)).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = T::read(&Fields { columns: &columns, record: &record });
        rows.push(row.map_err(|error| anyhow!("line {line}: {error}"))?);
    }
    Ok(rows)
}

/// The rows as text, without a header.
pub(super) fn text_of<T: Row>(rows: &[T]) -> Result<String> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.fields())?;
    }
    let bytes = writer.into_inner().context("cannot format rows")?;
    String::from_utf8(bytes).context("cannot format rows")
}

/// The header as a line.
pub(super) fn header_of<T: Row>() -> String {
    T::header().join(",") + "\n"
}
