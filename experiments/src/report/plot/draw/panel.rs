//! Draws one panel: bands, grid, limits, lines, points, names and axes.

use super::figure::{Figure, Kind, Line, Panel, Point, Ticks};
use super::font::{self, MIDDLE};
use super::layout::{self, Cell, Layout, place};
use super::marks;
use super::names::{self, Placer};
use super::page::{Anchor, At, Colour, Frame, GREY, INK, Page, Pen, Text, WHITE};
use super::style::Look;
use super::ticks;

const GRID: Colour = Colour(0xe4, 0xe4, 0xe4);
const BAND: Colour = Colour(0xec, 0xec, 0xec);

/// A line with its places on the page.
struct Placed<'a> {
    line: &'a Line,
    look: Look,
    /// The points that can be drawn, each with its place.
    points: Vec<(&'a Point, At)>,
}

impl Placed<'_> {
    fn path(&self) -> Vec<At> {
        self.points.iter().map(|(_, at)| *at).collect()
    }
}

/// What draws a panel.
pub(super) struct Painter<'a> {
    figure: &'a Figure,
    pub(super) panel: &'a Panel,
    pub(super) layout: &'a Layout,
    pub(super) cell: &'a Cell,
}

/// Draws a panel.
pub(super) fn draw(page: &mut Page, figure: &Figure, panel: &Panel, layout: &Layout, cell: &Cell) {
    let painter = Painter { figure, panel, layout, cell };
    let placed = painter.place_lines();
    painter.draw_bands(page);
    painter.draw_grid(page);
    painter.draw_rules(page);
    let (bounds, data): (Vec<_>, Vec<_>) =
        placed.iter().partition(|placed| placed.line.kind == Kind::Bound);
    painter.draw_bounds(page, &bounds);
    // The first line is drawn last: on top.
    for placed in data.iter().rev() {
        painter.draw_spread(page, placed);
    }
    for placed in data.iter().rev() {
        painter.draw_line(page, placed, data.len());
    }
    painter.draw_axes(page);
    painter.draw_heads(page);
    painter.draw_names(page, &bounds, &data);
    if placed.iter().all(|placed| placed.points.is_empty()) {
        let text =
            if painter.is_figure_empty() { "nothing to draw: no points" } else { "no points" };
        let plot = &cell.plot;
        let size = layout.theme.text;
        let at = (f64::midpoint(plot.left, plot.right), f64::midpoint(plot.top, plot.bottom));
        let text = font::shorten(text, size, false, plot.width());
        names::over_lines(page, Text::new(at, &text, size).anchored(Anchor::Middle).coloured(GREY));
    }
}

impl<'a> Painter<'a> {
    fn is_figure_empty(&self) -> bool {
        let lines = self.figure.panels.iter().flat_map(|panel| &panel.lines);
        !lines.flat_map(|line| &line.points).any(|point| layout::is_drawable(self.figure, point))
    }

    pub(super) fn size(&self) -> f64 {
        self.layout.theme.text
    }

    fn at(&self, x: f64, y: f64) -> Option<At> {
        place(&self.cell.plot, &self.layout.x, &self.cell.y, (x, y))
    }

    fn place_lines(&self) -> Vec<Placed<'a>> {
        let data = self.panel.lines.iter().filter(|line| line.kind == Kind::Data);
        let asides = self.asides(&data.collect::<Vec<_>>());
        let mut asides = asides.into_iter();
        let lines = self.panel.lines.iter().map(|line| {
            let aside = if line.kind == Kind::Data { asides.next().unwrap_or(0.0) } else { 0.0 };
            let drawable = line.points.iter().filter(|p| layout::is_drawable(self.figure, p));
            let points = drawable.filter_map(|point| {
                let (x, y) = self.at(point.x, point.y)?;
                Some((point, (x + aside, y)))
            });
            let look = self.layout.looks.get(&line.key);
            Placed { line, look, points: points.collect() }
        });
        lines.collect()
    }

    /// How far each line is moved to the right: not at all, unless intervals at measured settings would
    /// cover each other.
    fn asides(&self, data: &[&Line]) -> Vec<f64> {
        let is_discrete = self.figure.x.ticks != Ticks::Round
            || matches!(self.figure.x.scale, super::figure::Scale::Categories(_));
        let has_spread =
            |line: &&Line| line.points.iter().any(|p| p.low.is_some() || !p.repeats.is_empty());
        if !is_discrete || data.len() < 2 || !data.iter().any(has_spread) {
            return vec![0.0; data.len()];
        }
        let width = self.cell.plot.width();
        let places: Vec<f64> = self.layout.x.ticks.iter().map(|tick| tick.at * width).collect();
        let narrowest = places.windows(2).map(|pair| pair[1] - pair[0]).fold(width, f64::min);
        let count = data.len() as f64;
        let each = (0.5 * narrowest / count).min(1.8 * self.layout.theme.marker);
        (0..data.len()).map(|at| (at as f64 - (count - 1.0) / 2.0) * each).collect()
    }

    fn draw_bands(&self, page: &mut Page) {
        let plot = &self.cell.plot;
        for band in &self.panel.bands {
            if let Some((left, right)) = self.band(band.from, band.to) {
                let frame = Frame { left, right, ..*plot };
                page.area(frame.corners(), BAND);
            }
        }
    }

    /// The part of a band that is in the plot.
    pub(super) fn band(&self, from: f64, to: f64) -> Option<(f64, f64)> {
        let plot = &self.cell.plot;
        let x = |value: f64| {
            let part = self.layout.x.place(value)?;
            Some((plot.left + part * plot.width()).clamp(plot.left, plot.right))
        };
        let (left, right) = (x(from)?, x(to)?);
        (left < right).then_some((left, right))
    }

    fn draw_grid(&self, page: &mut Page) {
        let plot = &self.cell.plot;
        for tick in self.cell.y.ticks.iter().filter(|tick| !tick.minor) {
            let y = plot.bottom - tick.at * plot.height();
            page.stroke(
                vec![(plot.left, y), (plot.right, y)],
                Pen::solid(GRID, 0.05 * self.size()),
            );
        }
    }

    fn draw_rules(&self, page: &mut Page) {
        let plot = &self.cell.plot;
        let width = 0.5 * self.layout.theme.line;
        for rule in &self.panel.rules {
            if let Some(x) = self.rule(rule.at) {
                let dashes = vec![0.4 * self.size(), 0.3 * self.size()];
                let pen = Pen { colour: GREY, width, dashes };
                page.stroke(vec![(x, plot.bottom), (x, plot.top)], pen);
            }
        }
    }

    pub(super) fn rule(&self, at: f64) -> Option<f64> {
        let part = self.layout.x.place(at).filter(|part| (0.0..=1.0).contains(part))?;
        Some(self.cell.plot.left + part * self.cell.plot.width())
    }

    fn draw_bounds(&self, page: &mut Page, bounds: &[&Placed<'_>]) {
        let plot = &self.cell.plot;
        let width = 0.7 * self.layout.theme.line;
        for placed in bounds {
            let mut path = placed.path();
            // A limit at one x is as wide as its name is short.
            if let [(x, y)] = path[..] {
                path = vec![(x - 1.5 * self.size(), y), (x + 1.5 * self.size(), y)];
            }
            if bounds.len() == 1 && placed.points.len() > 1 {
                let tint = placed.look.colour.mix(WHITE, 0.9);
                for part in marks::clip(&path, plot) {
                    let ends = [part.last(), part.first()];
                    let top = ends.into_iter().flatten().map(|(x, _)| (*x, plot.top));
                    page.area(part.iter().copied().chain(top).collect(), tint);
                }
            }
            for part in marks::clip(&path, plot) {
                marks::limit(page, &part, placed.look.colour, width);
            }
        }
    }

    /// Draws repeats and intervals, or a band of intervals along a line of many points.
    fn draw_spread(&self, page: &mut Page, placed: &Placed<'_>) {
        let theme = &self.layout.theme;
        let pale = placed.look.colour.mix(WHITE, 0.45);
        let plot = &self.cell.plot;
        let y_of = |value: f64| self.cell.y.place(value).map(|up| plot.bottom - up * plot.height());
        let inside = |y: f64| y.clamp(plot.top, plot.bottom);
        let mut edges = Vec::new();
        for (point, (x, _)) in &placed.points {
            if let (Some(low), Some(high)) = (point.low.and_then(y_of), point.high.and_then(y_of)) {
                edges.push((*x, inside(low), inside(high)));
            }
        }
        if edges.len() > 60 {
            let lows = edges.iter().rev().map(|(x, low, _)| (*x, *low));
            let area = edges.iter().map(|(x, _, high)| (*x, *high)).chain(lows);
            page.area(area.collect(), placed.look.colour.mix(WHITE, 0.75));
        } else {
            let pen = Pen::solid(placed.look.colour, 0.6 * theme.line);
            for (x, low, high) in edges {
                marks::interval(page, x, (low, high), 0.8 * theme.marker, &pen);
            }
        }
        for (point, (x, _)) in &placed.points {
            for y in point.repeats.iter().copied().filter(|y| y.is_finite()).filter_map(y_of) {
                let look = Look {
                    colour: pale,
                    shape: super::style::Shape::Circle,
                    open: false,
                    ..placed.look
                };
                if plot.holds((*x, y)) {
                    marks::marker(page, (*x, y), 0.5 * theme.marker, look);
                }
            }
        }
    }

    fn draw_line(&self, page: &mut Page, placed: &Placed<'_>, count: usize) {
        let theme = &self.layout.theme;
        let plot = &self.cell.plot;
        let path = placed.path();
        if placed.line.joined {
            let dashes = placed.look.dashes.iter().map(|dash| dash * theme.line).collect();
            let pen = Pen { colour: placed.look.colour, width: theme.line, dashes };
            for part in marks::clip(&marks::simplify(&path), plot) {
                page.stroke(part, pen.clone());
            }
        }
        // Along many points, markers stand at some: at other ones than those of the next line.
        let is_long = placed.line.joined && path.len() > 40;
        let every = if is_long { path.len() / 6 } else { 1 };
        let rank = self.panel.lines.iter().position(|line| std::ptr::eq(line, placed.line));
        let first =
            if is_long { every * (rank.unwrap_or(0) % count.max(1)) / count.max(1) } else { 0 };
        for at in
            path.iter().skip(first + if is_long { every / 4 } else { 0 }).step_by(every.max(1))
        {
            if plot.holds(*at) {
                if is_long {
                    marks::halo(page, *at, theme.marker, placed.look);
                }
                marks::marker(page, *at, theme.marker, placed.look);
            }
        }
        let doubtful = placed.points.iter().filter(|(point, _)| point.is_doubtful);
        for (_, at) in doubtful.filter(|(_, at)| plot.holds(*at)) {
            marks::doubt(page, *at, theme.marker);
        }
    }

    fn draw_names(&self, page: &mut Page, bounds: &[&Placed<'_>], data: &[&Placed<'_>]) {
        let paths: Vec<Vec<At>> =
            data.iter().map(|placed| marks::simplify(&placed.path())).collect();
        let mut placer = Placer::new(self.cell.plot, &paths);
        self.name_points(page, &mut placer, data);
        if self.layout.ends {
            self.name_ends(page, bounds, data);
        }
        if self.layout.bounds_inside {
            self.name_bounds(page, &mut placer, bounds);
        }
    }

    fn name_ends(&self, page: &mut Page, bounds: &[&Placed<'_>], data: &[&Placed<'_>]) {
        let (plot, size) = (&self.cell.plot, self.size());
        let last = |line: &Line| {
            let placed =
                bounds.iter().chain(data).find(|placed| std::ptr::eq(placed.line, line))?;
            placed.points.iter().rev().map(|(_, at)| *at).find(|at| plot.holds(*at))
        };
        for end in names::ends(self.panel, plot, size, last).unwrap_or_default() {
            let colour = self.layout.looks.get(&end.line.key).colour.mix(INK, 0.25);
            let left = plot.right + 0.9 * size;
            let pen = Pen::solid(colour.mix(WHITE, 0.4), 0.06 * size);
            let from = (end.from.0 + self.layout.theme.marker + 0.15 * size, end.from.1);
            if from.0 < left - 0.4 * size {
                page.stroke(vec![from, (left - 0.2 * size, end.y)], pen);
            }
            page.text(
                Text::new((left, end.y + MIDDLE * size), &end.line.name, size).coloured(colour),
            );
        }
    }

    fn name_points(&self, page: &mut Page, placer: &mut Placer, data: &[&Placed<'_>]) {
        let (size, r) = (self.size(), self.layout.theme.marker);
        let all = || data.iter().flat_map(|placed| &placed.points);
        if all().all(|(point, _)| point.label.is_none()) {
            return;
        }
        for (_, (x, y)) in all() {
            placer.take(Frame { left: x - r, right: x + r, top: y - r, bottom: y + r });
        }
        for (point, (x, y)) in all() {
            let Some(label) = &point.label else { continue };
            let one = |dx: f64, dy: f64, anchor| {
                Text::new((x + dx, y + dy), label, size).anchored(anchor).coloured(GREY)
            };
            let (near, high, low) = (1.5 * r, -1.3 * r - 0.25 * size, 1.3 * r + 0.78 * size);
            let candidates = vec![
                one(near, high + 0.4 * size, Anchor::Start),
                one(-near, high + 0.4 * size, Anchor::End),
                one(0.0, high, Anchor::Middle),
                one(0.0, low, Anchor::Middle),
                one(near, low - 0.3 * size, Anchor::Start),
                one(-near, low - 0.3 * size, Anchor::End),
            ];
            if let Some(text) = placer.best(candidates) {
                page.text(text);
            }
        }
    }

    /// Names the limits at their lines, and those beyond the plot at its upper edge with their values.
    fn name_bounds(&self, page: &mut Page, placer: &mut Placer, bounds: &[&Placed<'_>]) {
        let (plot, size) = (&self.cell.plot, self.size());
        for placed in bounds.iter().filter(|placed| !placed.points.is_empty()) {
            let colour = placed.look.colour.mix(INK, 0.25);
            let text = |at: At, text: &str, anchor| {
                Text::new(at, text, size).anchored(anchor).coloured(colour)
            };
            let parts = marks::clip(&placed.path(), plot);
            let inside: Vec<At> = match &placed.path()[..] {
                [one] if plot.holds(*one) => vec![*one],
                _ => parts.concat(),
            };
            let mut candidates = Vec::new();
            let name =
                font::shorten(&font::plain(&placed.line.name), size, false, 0.9 * plot.width());
            if inside.is_empty() {
                let lowest = placed.points.iter().map(|(p, _)| p.y).fold(f64::INFINITY, f64::min);
                let name = format!("↑ {name}: {}", ticks::number(lowest));
                for row in 0..6 {
                    let y = plot.top + (0.85 + 1.15 * f64::from(row)) * size;
                    candidates.push(text((plot.right - 0.2 * size, y), &name, Anchor::End));
                    candidates.push(text((plot.left + 0.3 * size, y), &name, Anchor::Start));
                }
            } else if !self.layout.ends {
                let half = font::width(&name, size, false) / 2.0 + 0.2 * size;
                for (x, y) in [inside.len() - 1, 0, inside.len() / 2].map(|at| inside[at]) {
                    let x = x.clamp(plot.left + half, (plot.right - half).max(plot.left + half));
                    for down in [-0.55, 1.0] {
                        candidates.push(text((x, y + down * size), &name, Anchor::Middle));
                    }
                }
            }
            if let Some(text) = placer.best(candidates) {
                names::over_lines(page, text);
            }
        }
    }
}
