//! The legend: a sample of each line with its name, in columns.

use super::figure::{Figure, Kind};
use super::font;
use super::marks;
use super::page::{At, Page, Pen, Text};
use super::style::{LOOKS, Look, Looks};
use super::theme::Theme;

/// An entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    name: String,
    look: Look,
    kind: Kind,
}

/// Returns one entry for each name, in the order of the figure.
pub(super) fn entries(figure: &Figure, looks: &Looks, with_bounds: bool) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for line in figure.panels.iter().flat_map(|panel| &panel.lines) {
        let is_new = !all.iter().any(|entry| (&entry.name, entry.kind) == (&line.name, line.kind));
        if is_new && (with_bounds || line.kind == Kind::Data) {
            all.push(Entry {
                name: line.name.clone(),
                look: looks.get(&line.key),
                kind: line.kind,
            });
        }
    }
    all
}

/// A legend that is laid out.
#[derive(Clone, Debug, Default)]
pub(super) struct Legend {
    entries: Vec<Entry>,
    /// The lines of the name of each entry.
    names: Vec<Vec<String>>,
    /// How many entries are left out.
    more: usize,
    columns: usize,
    rows: usize,
    /// The type, in points.
    size: f64,
    /// The height of a row, in points.
    row: f64,
    /// The width of a column, in points.
    column: f64,
}

/// The length of a sample line, as a part of the size of the type.
const SAMPLE: f64 = 2.9;
/// The distance between a sample and its name.
const GAP: f64 = 0.5;

impl Legend {
    /// Lays out entries in a width; `height` limits it for a legend beside the panels, which has one column.
    pub(super) fn new(
        mut entries: Vec<Entry>,
        theme: &Theme,
        width: f64,
        height: Option<f64>,
    ) -> Self {
        let more = entries.len().saturating_sub(LOOKS);
        entries.truncate(LOOKS);
        if entries.is_empty() {
            return Self::default();
        }
        let count = entries.len() + usize::from(more > 0);
        let fits = height.map_or(theme.text, |height| height / (1.25 * count as f64));
        let size = if theme.height.is_some() { theme.text.min(fits).max(9.0) } else { theme.text };
        let room = width - (SAMPLE + GAP) * size;
        let names: Vec<Vec<String>> =
            entries.iter().map(|entry| font::wrap(&entry.name, size, false, room, 2)).collect();
        let all = names.iter().flatten().map(|line| font::width(line, size, false));
        let column = (SAMPLE + GAP + 1.2) * size + all.fold(0.0, f64::max);
        let tallest = names.iter().map(Vec::len).max().unwrap_or(1).max(1);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A few.
        let most = ((width + 1.2 * size) / column).floor().max(1.0) as usize;
        let columns = if height.is_some() { 1 } else { most.min(count) };
        let rows = count.div_ceil(columns);
        // As few columns as these rows need, so that the last one is not left empty.
        let columns = count.div_ceil(rows);
        let row = size * (1.3 + font::LEADING * (tallest as f64 - 1.0));
        Self { entries, names, more, columns, rows, size, row, column }
    }

    /// Returns its height in points.
    pub(super) fn height(&self) -> f64 {
        self.rows as f64 * self.row
    }

    /// Returns its width in points.
    pub(super) fn width(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.columns as f64 * self.column - 1.2 * self.size }
    }

    /// Draws it with its top left corner at a place, column by column.
    pub(super) fn draw(&self, page: &mut Page, (left, top): At, theme: &Theme) {
        let place = |at: usize| {
            let (column, row) = (at / self.rows, at % self.rows);
            (left + column as f64 * self.column, top + (row as f64 + 0.5) * self.row)
        };
        for (at, (entry, lines)) in self.entries.iter().zip(&self.names).enumerate() {
            let (x, y) = place(at);
            let to = x + SAMPLE * self.size;
            if entry.kind == Kind::Bound {
                let y = y + 0.15 * self.size;
                marks::limit(page, &[(x, y), (to, y)], entry.look.colour, 0.7 * theme.line);
            } else {
                let dashes = entry.look.dashes.iter().map(|dash| dash * theme.line).collect();
                let pen = Pen { colour: entry.look.colour, width: theme.line, dashes };
                page.stroke(vec![(x, y), (to, y)], pen);
                marks::marker(page, (f64::midpoint(x, to), y), theme.marker, entry.look);
            }
            let above = (lines.len().max(1) as f64 - 1.0) / 2.0 * font::LEADING;
            for (nth, line) in lines.iter().enumerate() {
                let down = font::MIDDLE - above + nth as f64 * font::LEADING;
                let at = (to + GAP * self.size, y + down * self.size);
                page.text(Text::new(at, line, self.size));
            }
        }
        if self.more > 0 {
            let (x, y) = place(self.entries.len());
            let text = format!("and {} more", self.more);
            page.text(Text::new((x, y + font::MIDDLE * self.size), &text, self.size));
        }
    }
}
