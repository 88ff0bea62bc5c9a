//! Where everything of a figure stands on its page.

use super::axis::{Axis, Room};
use super::figure::{Figure, Kind, Panel, Point, Scale};
use super::font::{self, LEADING};
use super::legend::{self, Legend};
use super::names;
use super::page::{At, Frame};
use super::style::Looks;
use super::theme::{Size, Theme};

/// The length of ticks, in points, on paper.
pub(super) const TICK: f64 = 2.8;

/// What panels say whose limits are their own.
const OWN: &str = "own y scale";

/// A panel on its page.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// The rectangle between the axes.
    pub(super) plot: Frame,
    /// The vertical axis.
    pub(super) y: Axis,
    /// The lines of the title.
    pub(super) title: Vec<String>,
    /// The rows of names of bands and rules above the plot.
    pub(super) strips: usize,
    /// Says whether the vertical axis has labels.
    pub(super) y_labels: bool,
    /// Says whether the horizontal axis has labels.
    pub(super) x_labels: bool,
}

/// A figure that is laid out.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The sizes.
    pub(super) theme: Theme,
    /// The looks of the lines.
    pub(super) looks: Looks,
    /// The lines of the title.
    pub(super) title: Vec<String>,
    /// The lines of the notes.
    pub(super) notes: Vec<String>,
    /// The lines of the label of the vertical axis.
    pub(super) y_text: Vec<String>,
    /// The lines of the label of the horizontal axis.
    pub(super) x_text: Vec<String>,
    /// The horizontal axis of all panels.
    pub(super) x: Axis,
    /// The panels.
    pub(super) cells: Vec<Cell>,
    /// Says whether the labels of the horizontal axis read upwards.
    pub(super) turned: bool,
    /// The height that labels of the horizontal axis take.
    pub(super) x_tick_height: f64,
    /// Says whether names stand at the ends of lines.
    pub(super) ends: bool,
    /// Says whether limits are named inside of the plots.
    pub(super) bounds_inside: bool,
    /// The legend, which may be empty.
    pub(super) legend: Legend,
    /// Says whether the legend is to the right of the panels and not below them.
    pub(super) beside: bool,
    /// The height of the page in points.
    pub(super) height: f64,
}

/// How names are shown, before it is known whether they fit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Ends,
    Below,
    Beside,
}

/// What stands above the plots: titles, and strips of names.
struct Heads {
    /// The height of the titles.
    title: f64,
    strips: usize,
    /// Names that are the same in all panels stand above those of the first row.
    all_alike: bool,
    /// The height of a line of names.
    text: f64,
}

impl Heads {
    fn strips(&self, row: usize) -> usize {
        if row > 0 && self.all_alike { 0 } else { self.strips }
    }

    fn height(&self, row: usize) -> f64 {
        let head = self.title + self.strips(row) as f64 * self.text * LEADING;
        head.max(0.5 * self.text) + 0.3 * self.text
    }
}

impl Layout {
    /// Lays out a figure.
    pub(super) fn new(figure: &Figure, size: Size) -> Self {
        let layout = (figure.panels.len() == 1).then(|| Self::with(figure, size, Way::Ends));
        if let Some(layout) = layout.filter(|layout| layout.ends_fit(figure)) {
            return layout;
        }
        let looks = Looks::of(figure);
        let count = legend::entries(figure, &looks, true).len();
        let way = match size {
            // More do not fit beside a panel under a title.
            Size::Slide if count <= 16 => Way::Beside,
            Size::Page if figure.panels.len() == 1 && count > 6 => Way::Beside,
            Size::Page | Size::Column | Size::Slide => Way::Below,
        };
        Self::with(figure, size, way)
    }

    fn ends_fit(&self, figure: &Figure) -> bool {
        let (Some(panel), Some(cell)) = (figure.panels.first(), self.cells.first()) else {
            return false;
        };
        let width = names::widest(panel, self.theme.text);
        width < 0.62 * cell.plot.width()
            && panel.lines.iter().all(|line| line.joined)
            && names::ends(panel, &cell.plot, self.theme.text, |line| self.last(cell, line))
                .is_some()
    }

    /// Returns the last point of a line inside of a plot.
    pub(super) fn last(&self, cell: &Cell, line: &super::figure::Line) -> Option<(f64, f64)> {
        let place = |point: &Point| {
            let at = place(&cell.plot, &self.x, &cell.y, (point.x, point.y))?;
            cell.plot.holds(at).then_some(at)
        };
        line.points.iter().rev().filter(|point| point.is_finite()).find_map(place)
    }

    fn with(figure: &Figure, size: Size, way: Way) -> Self {
        let theme = size.theme(figure.panels.len());
        let looks = Looks::of(figure);
        let width = theme.width - 2.0 * theme.margin;
        let wrap = |text: &str, size: f64, bold: bool| font::wrap(text, size, bold, width, 30);
        let title =
            figure.title.as_ref().map_or_else(Vec::new, |text| wrap(text, theme.title, true));
        let notes = figure.notes.iter().filter(|_| figure.caption);
        let notes: Vec<String> = notes.flat_map(|note| wrap(note, theme.note, false)).collect();
        let columns = figure.columns.unwrap_or_else(|| size.columns(figure.panels.len())).max(1);
        let bounds = |panel: &Panel| panel.lines.iter().filter(|l| l.kind == Kind::Bound).count();
        let few = figure.panels.iter().all(|panel| bounds(panel) <= 4);
        let bounds_inside = way == Way::Ends || few && width / columns as f64 > 15.0 * theme.text;
        let entries = match way {
            Way::Ends => Vec::new(),
            Way::Below | Way::Beside => legend::entries(figure, &looks, !bounds_inside),
        };
        let title_height = title.len() as f64 * theme.title * LEADING;
        let notes_height = notes.len() as f64 * theme.note * LEADING;
        let legend = if way == Way::Beside {
            let height = theme.height.map_or(1e9, |all| {
                all - 2.0 * theme.margin - title_height - notes_height - 2.0 * theme.text
            });
            Legend::new(entries, &theme, 0.3 * width, Some(height))
        } else {
            Legend::new(entries, &theme, width, None)
        };
        let x = Axis::new(&figure.x, &[], Room { length: 1.0, size: theme.text, upright: false });
        let mut layout = Self {
            theme,
            looks,
            title,
            notes,
            y_text: Vec::new(),
            x_text: Vec::new(),
            x,
            cells: Vec::new(),
            turned: false,
            x_tick_height: 0.0,
            ends: way == Way::Ends,
            bounds_inside,
            legend,
            beside: way == Way::Beside,
            height: 0.0,
        };
        // The first time gives the width of the plots, which the titles of panels are cut to.
        layout.place_panels(figure, size, columns);
        layout.place_panels(figure, size, columns);
        layout
    }

    /// Places the panels between title and legend, and sets the height of the page.
    fn place_panels(&mut self, figure: &Figure, size: Size, columns: usize) {
        let theme = self.theme;
        let count = figure.panels.len().max(1);
        let columns = columns.min(count);
        let rows = count.div_ceil(columns);
        let above = theme.margin + self.title.len() as f64 * theme.title * LEADING;
        let top = above + 0.3 * theme.text;
        let legend_width = if self.beside { self.legend.width() + 1.2 * theme.text } else { 0.0 };
        let end_gutter = match figure.panels.first() {
            Some(panel) if self.ends => names::widest(panel, theme.text) + 1.3 * theme.text,
            _ => 0.6 * theme.text,
        };
        let across = theme.width - 2.0 * theme.margin - legend_width - end_gutter;
        self.x_text = font::wrap(&figure.x.text(), theme.label, false, 0.85 * across, 2);
        self.set_turned(figure, across / columns as f64);
        let panels = &figure.panels;
        let cell_room =
            self.cells.first().map_or(across / columns as f64, |cell| cell.plot.width());
        let titles: Vec<Vec<String>> =
            panels.iter().map(|panel| self.panel_title(figure, panel, cell_room)).collect();
        let heads = self.heads(figure, &titles);
        let row_gap = if rows > 1 { 0.55 * theme.text } else { 0.0 };
        let below = self.below(figure);
        let fixed =
            (0..rows).map(|row| heads.height(row)).sum::<f64>() + row_gap * (rows as f64 - 1.0);
        let high = match theme.height {
            Some(height) => ((height - top - below - fixed) / rows as f64).max(2.0 * theme.text),
            None => (across / columns as f64 * size.ratio(count)).clamp(48.0, 245.0),
        };
        let grid = fixed + high * rows as f64;
        self.height = theme.height.unwrap_or(top + grid + below);
        self.y_text = font::wrap(&figure.y.text(), theme.label, false, grid, 2);
        let y_label = self.y_text.len() as f64 * theme.label * LEADING + 0.3 * theme.text;
        let y_label = if self.y_text.is_empty() { 0.0 } else { y_label };

        let room = Room { length: high, size: theme.text, upright: true };
        let axes = y_axes(figure, room);
        let widest = axes.iter().map(|axis| axis.widest(theme.text)).fold(0.0, f64::max);
        let gutter = widest + self.tick() + 0.35 * theme.text;
        let gutters = if figure.shared_y { 1.0 } else { columns as f64 };
        let column_gap = if figure.shared_y { 1.1 } else { 0.9 } * theme.text;
        let wide = (across - y_label - gutters * gutter - (columns as f64 - 1.0) * column_gap)
            / columns as f64;
        let wide = wide.max(10.0);
        let x_room = Room { length: wide, size: theme.text, upright: false };
        self.x = Axis::new(&figure.x, &x_values(figure), x_room);
        let places = axes.into_iter().zip(titles).enumerate().map(|(at, (y, title))| {
            let (row, column) = (at / columns, at % columns);
            let before = if figure.shared_y { 1.0 } else { column as f64 + 1.0 };
            let left =
                theme.margin + y_label + before * gutter + column as f64 * (wide + column_gap);
            let above: f64 = (0..=row).map(|row| heads.height(row)).sum();
            let plot_top = top + above + row as f64 * (high + row_gap);
            let plot = Frame { left, right: left + wide, top: plot_top, bottom: plot_top + high };
            let y_labels = column == 0 || !figure.shared_y;
            Cell {
                plot,
                y,
                title,
                strips: heads.strips(row),
                y_labels,
                x_labels: at + columns >= count,
            }
        });
        self.cells = places.collect();
    }

    /// What stands above the plots of each row.
    fn heads(&self, figure: &Figure, titles: &[Vec<String>]) -> Heads {
        let lines = titles.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let mut pairs = figure.panels.windows(2);
        Heads {
            title: lines * self.theme.label * LEADING,
            strips: strips(figure),
            all_alike: pairs
                .all(|pair| (&pair[0].bands, &pair[0].rules) == (&pair[1].bands, &pair[1].rules)),
            text: self.theme.text,
        }
    }

    /// The height of everything below the last row of plots.
    fn below(&self, figure: &Figure) -> f64 {
        let theme = &self.theme;
        let label = self.x_text.len() as f64 * theme.label * LEADING;
        let label = if figure.x.text().is_empty() { 0.0 } else { label + 0.2 * theme.text };
        let mut below = self.tick() + 0.45 * theme.text + self.x_tick_height + label + theme.margin;
        if !self.beside && self.legend.height() > 0.0 {
            below += self.legend.height() + 0.5 * theme.text;
        }
        if !self.notes.is_empty() {
            below += self.notes.len() as f64 * theme.note * LEADING + 0.5 * theme.text;
        }
        below
    }

    /// The length of ticks.
    pub(super) fn tick(&self) -> f64 {
        TICK * self.theme.text / 8.0
    }

    /// Turns the names of an axis of categories where they are wider than their places.
    fn set_turned(&mut self, figure: &Figure, cell: f64) {
        let size = self.theme.text;
        self.x_tick_height = size * 0.95;
        let Scale::Categories(names) = &figure.x.scale else { return };
        let widest = names.iter().map(|name| font::width(&font::plain(name), size, false));
        let widest = widest.fold(0.0, f64::max);
        self.turned = widest > (cell - 4.0 * size).max(1.0) / names.len().max(1) as f64 * 0.93;
        if self.turned {
            self.x_tick_height = widest.min(9.0 * size);
        }
    }

    fn panel_title(&self, figure: &Figure, panel: &Panel, room: f64) -> Vec<String> {
        let has_own = !figure.shared_y && figure.panels.len() > 1 && figure.y.limits.is_none();
        let size = self.theme.label;
        let mut lines = font::wrap(&panel.title, size, true, room, 2);
        if has_own {
            let joined = lines.last().map(|line| format!("{line} · {OWN}"));
            match joined.filter(|line| font::width(line, size, true) <= room) {
                Some(line) => _ = lines.pop().map(|_| lines.push(line)),
                None => lines.push(OWN.into()),
            }
        }
        lines
    }
}

/// How many rows the names of bands and rules need above a plot: one each, as they may be close to each other.
fn strips(figure: &Figure) -> usize {
    let rows = |panel: &Panel| {
        let bands = panel.bands.iter().filter(|band| !band.name.is_empty()).count();
        let rules = panel.rules.iter().filter(|rule| !rule.name.is_empty()).count();
        usize::from(bands > 0) + usize::from(rules > 0)
    };
    figure.panels.iter().map(rows).max().unwrap_or(0)
}

/// Returns where a value is on the page.
pub(super) fn place(plot: &Frame, x: &Axis, y: &Axis, (across, up): (f64, f64)) -> Option<At> {
    let (across, up) = (x.place(across)?, y.place(up)?);
    Some((plot.left + across * plot.width(), plot.bottom - up * plot.height()))
}

/// Returns whether an axis has a place for a value.
fn has_place(scale: &Scale, value: f64) -> bool {
    match scale {
        Scale::Log10 | Scale::Log2 => value >= 0.0,
        Scale::Linear | Scale::Categories(_) => true,
    }
}

/// Returns whether a point can be drawn.
pub(super) fn is_drawable(figure: &Figure, point: &Point) -> bool {
    point.is_finite() && has_place(&figure.x.scale, point.x) && has_place(&figure.y.scale, point.y)
}

fn x_values(figure: &Figure) -> Vec<f64> {
    let lines = figure.panels.iter().flat_map(|panel| &panel.lines);
    let points = lines.flat_map(|line| &line.points).filter(|point| is_drawable(figure, point));
    points.map(|point| point.x).collect()
}

/// The vertical axis of each panel.
fn y_axes(figure: &Figure, room: Room) -> Vec<Axis> {
    let shared = y_values(figure, &figure.panels);
    let axis = |panel| {
        let own = || y_values(figure, std::slice::from_ref(panel));
        Axis::new(&figure.y, &if figure.shared_y { shared.clone() } else { own() }, room)
    };
    figure.panels.iter().map(axis).collect()
}

/// The values that decide the vertical limits: the data, and those bounds that do not press it to the bottom.
fn y_values(figure: &Figure, panels: &[Panel]) -> Vec<f64> {
    let heights = |kind: Kind| {
        let lines = panels.iter().flat_map(|panel| &panel.lines).filter(move |l| l.kind == kind);
        let points = lines.flat_map(|line| &line.points);
        points.filter(|point| is_drawable(figure, point)).flat_map(Point::heights)
    };
    let mut values: Vec<f64> = heights(Kind::Data).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let far = if matches!(figure.y.scale, Scale::Log10 | Scale::Log2) { 300.0 } else { 2.5 };
    let is_alone = values.is_empty();
    values.extend(heights(Kind::Bound).filter(|bound| is_alone || *bound <= far * most));
    values
}
