//! Tables as files: a header, rows that are known by the names of their columns, and a last row that may
//! be cut.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow};
use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use kovan_lab_base::data::{AXES, TrialId};

/// The tables of a folder.
pub(super) const SAMPLES: &str = "samples.csv";
pub(super) const SERIES: &str = "series.csv";
pub(super) const ROLES: &str = "roles.csv";
pub(super) const LATENCIES: &str = "latency.csv";

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
    path: &'a Path,
    columns: &'a BTreeMap<String, usize>,
    record: &'a StringRecord,
}

impl Fields<'_> {
    /// Reads the row; an error names the file, the line and the column.
    pub(super) fn row<T: Row>(&self) -> Result<T> {
        T::read(self).map_err(|error| self.told(&error))
    }

    /// Returns an error that names the file and the line.
    pub(super) fn told(&self, error: &str) -> Error {
        let line = self.record.position().map_or(0, csv::Position::line);
        anyhow!("line {line}: {error}").context(format!("cannot read {}", self.path.display()))
    }

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
        self.id_like(&TrialId::default())
    }

    /// The trial of the row. What its table has no column for is as in another one.
    fn id_like(&self, usual: &TrialId) -> Result<TrialId, String> {
        let mut id = usual.clone();
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
    let Some(mut reader) = Reader::open(path, may_lack)? else {
        return Ok(Table { rows: Vec::new(), cut: None });
    };
    let mut rows = Vec::new();
    while let Some(fields) = reader.next()? {
        rows.push(fields.row()?);
    }
    Ok(Table { rows, cut: reader.cut })
}

/// The rows of a text; an error names the line and the column.
#[cfg(test)]
pub(super) fn parse<T: Row>(text: &str) -> Result<Vec<T>> {
    let mut reader = Reader::of(Box::new(Cursor::new(text.to_string())), Path::new("text"))?;
    let mut rows = Vec::new();
    while let Some(fields) = reader.next()? {
        rows.push(fields.row()?);
    }
    Ok(rows)
}

/// Reads a table row by row, however long it is.
pub(super) struct Reader {
    path: PathBuf,
    records: csv::Reader<Box<dyn Read>>,
    columns: BTreeMap<String, usize>,
    record: StringRecord,
    /// A line about the last row, where it was cut and is left out.
    pub(super) cut: Option<String>,
}

impl Reader {
    /// Opens a table, or what `gzip` has made of it; `None` if neither is there and `may_lack` says that this is no error.
    pub(super) fn open(path: &Path, may_lack: bool) -> Result<Option<Self>> {
        let told = || format!("cannot read {}", path.display());
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let packed = packed(path);
                return match File::open(&packed) {
                    Ok(file) => Self::of(Box::new(MultiGzDecoder::new(file)), &packed).map(Some),
                    Err(_) if may_lack => Ok(None),
                    Err(_) => Err(error).with_context(told),
                };
            }
            other => other.with_context(told)?,
        };
        let (length, last) = last_row(&mut file).with_context(told)?;
        let is_whole = is_whole(&header(&mut file).with_context(told)?, &last);
        file.seek(SeekFrom::Start(0)).with_context(told)?;
        let rest = if is_whole { [&last[..], b"\n"].concat() } else { Vec::new() };
        let source = file.take(length).chain(Cursor::new(rest));
        let mut reader = Self::of(Box::new(source), path)?;
        reader.cut = (!is_whole && !last.is_empty()).then(|| {
            format!(
                "{}: the last row is cut, as by a kill or a power failure in the middle of a write; it is left out",
                path.display()
            )
        });
        Ok(Some(reader))
    }

    fn of(source: Box<dyn Read>, path: &Path) -> Result<Self> {
        let mut records = csv::ReaderBuilder::new().buffer_capacity(1 << 16).from_reader(source);
        let names = records.headers().map_err(|error| unreadable(path, error))?;
        let columns = names.iter().enumerate().map(|(at, name)| (name.to_string(), at)).collect();
        let record = StringRecord::new();
        Ok(Self { path: path.into(), records, columns, record, cut: None })
    }

    /// Returns the next row.
    pub(super) fn next(&mut self) -> Result<Option<Fields<'_>>> {
        let Self { path, records, columns, record, .. } = self;
        let is_there = records.read_record(record).map_err(|error| unreadable(path, error))?;
        Ok(is_there.then_some(Fields { path, columns, record }))
    }

    /// Returns the names of the columns, in their order.
    pub(super) fn header(&self) -> Vec<&str> {
        let mut names: Vec<(usize, &str)> =
            self.columns.iter().map(|(name, at)| (*at, name.as_str())).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }
}

/// Returns whether a table is there, as it is or compressed.
pub(super) fn is_there(path: &Path) -> bool {
    path.exists() || packed(path).exists()
}

/// Returns the path of a table that is compressed.
fn packed(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".gz");
    name.into()
}

fn unreadable(path: &Path, error: csv::Error) -> Error {
    let told = format!("cannot read {}", path.display());
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => anyhow!("{told}: it is not text"),
        _ => Error::new(error).context(told),
    }
}

/// Returns where the last row ends that has its line end, and what stands after it.
fn last_row(file: &mut File) -> std::io::Result<(u64, Vec<u8>)> {
    /// Bytes that are read at once.
    const STEP: u64 = 1 << 16;
    let (mut at, mut last) = (file.seek(SeekFrom::End(0))?, Vec::new());
    while at > 0 {
        let from = at.saturating_sub(STEP);
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        Read::by_ref(file).take(at - from).read_to_end(&mut part)?;
        part.append(&mut last);
        if let Some(end) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok((from + end as u64 + 1, part.split_off(end + 1)));
        }
        (at, last) = (from, part);
    }
    Ok((0, last))
}

/// Returns the first line of a file.
fn header(file: &mut File) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut line = Vec::new();
    BufReader::new(file).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// Returns whether a row that lacks its line end has as many fields as the header. The last field shows a cut where its
/// length is known.
fn is_whole(header: &[u8], row: &[u8]) -> bool {
    /// Columns of hashes.
    const HASHES: [&str; 2] = ["build", "machine"];
    if row.is_empty() {
        return false;
    }
    let header = String::from_utf8_lossy(header);
    let columns: Vec<&str> = header.trim_end().split(',').collect();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row);
    let Some(Ok(fields)) = reader.records().next() else { return false };
    let is_hash = columns.last().is_some_and(|name| HASHES.contains(name));
    let last = fields.iter().next_back().unwrap_or_default();
    fields.len() == columns.len() && (!is_hash || last.len() == 16)
}

/// Reads which trial a row is of. The rows of a trial stand together in a table, so most are of the trial of the row
/// before, and only their texts are compared.
pub(super) struct Identity {
    /// A trial of the table. What it has no column for is as there.
    usual: TrialId,
    /// The columns of axes and of the repeat.
    at: Vec<usize>,
    before: Vec<String>,
    id: TrialId,
}

impl Identity {
    /// Returns a reader for the rows of a table.
    pub(super) fn of(reader: &Reader, usual: TrialId) -> Self {
        let names = AXES.iter().map(|info| info.name).chain(["repeat"]);
        let at = names.filter_map(|name| reader.columns.get(name).copied()).collect();
        Self { usual, at, before: Vec::new(), id: TrialId::default() }
    }

    /// Returns the trial of a row, and whether the row before was of another one.
    pub(super) fn read(&mut self, fields: &Fields<'_>) -> Result<(&TrialId, bool)> {
        let texts = self.at.iter().map(|at| fields.record.get(*at).unwrap_or_default());
        if texts.clone().eq(self.before.iter().map(String::as_str)) {
            return Ok((&self.id, false));
        }
        self.before = texts.map(String::from).collect();
        self.id = fields.id_like(&self.usual).map_err(|error| fields.told(&error))?;
        Ok((&self.id, true))
    }
}

/// Copies the rows of those trials that are kept, with the columns of this version.
pub(super) fn copy<T: Row>(
    reader: &mut Reader,
    usual: TrialId,
    to: &mut csv::Writer<impl Write>,
    is_kept: impl Fn(&TrialId) -> bool,
) -> Result<()> {
    let mut identity = Identity::of(reader, usual);
    let is_of_this_version = reader.header() == T::header();
    let mut keeps = false;
    while let Some(fields) = reader.next()? {
        let (id, is_another) = identity.read(&fields)?;
        if is_another {
            keeps = is_kept(id);
        }
        if !keeps {
            continue;
        }
        if is_of_this_version {
            to.write_record(fields.record)?;
        } else {
            let mut row: T = fields.row()?;
            row.id_mut().clone_from(id);
            to.write_record(row.fields())?;
        }
    }
    Ok(())
}

/// Begins a table of this version.
pub(super) fn begin<T: Row, W: Write>(to: W) -> Result<csv::Writer<W>> {
    let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(to);
    writer.write_record(T::header())?;
    Ok(writer)
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
