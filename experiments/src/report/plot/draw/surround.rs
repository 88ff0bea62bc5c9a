//! Draws what surrounds a plot: its axes, its title, and the names of bands and rules.

use super::font::{self, LEADING, MIDDLE};
use super::page::{Anchor, At, Colour, GREY, Page, Pen, Text, WHITE};
use super::panel::Painter;

const FRAME: Colour = Colour(0x66, 0x66, 0x66);

impl Painter<'_> {
    /// Draws the axes with their ticks and labels.
    pub(super) fn draw_axes(&self, page: &mut Page) {
        let (plot, size) = (&self.cell.plot, self.size());
        let pen = Pen::solid(FRAME, 0.08 * size);
        let corner = (plot.left, plot.bottom);
        page.stroke(vec![(plot.left, plot.top), corner, (plot.right, plot.bottom)], pen.clone());
        for tick in &self.cell.y.ticks {
            let y = plot.bottom - tick.at * plot.height();
            let long = if tick.minor { 0.55 } else { 1.0 } * self.layout.tick();
            page.stroke(vec![(plot.left - long, y), (plot.left, y)], pen.clone());
            if self.cell.y_labels {
                let at = (plot.left - self.layout.tick() - 0.25 * size, y + MIDDLE * size);
                page.text(Text::new(at, &tick.label, size).anchored(Anchor::End));
            }
        }
        for tick in &self.layout.x.ticks {
            let x = plot.left + tick.at * plot.width();
            let long = if tick.minor { 0.55 } else { 1.0 } * self.layout.tick();
            page.stroke(vec![(x, plot.bottom), (x, plot.bottom + long)], pen.clone());
            if self.cell.x_labels {
                let top = plot.bottom + self.layout.tick() + 0.2 * size;
                if self.layout.turned {
                    let label = font::shorten(&tick.label, size, false, self.layout.x_tick_height);
                    let text = Text::new((x + MIDDLE * size, top), &label, size);
                    page.text(Text { turned: true, ..text.anchored(Anchor::End) });
                } else {
                    let text = Text::new((x, top + 0.78 * size), &tick.label, size);
                    page.text(text.anchored(Anchor::Middle));
                }
            }
        }
        self.draw_gaps(page, &pen);
    }

    /// Marks where an axis of factors is interrupted between 0 and its smallest value.
    fn draw_gaps(&self, page: &mut Page, pen: &Pen) {
        let (plot, half) = (&self.cell.plot, 0.3 * self.size());
        let cut = |page: &mut Page, middle: At, (dx, dy): At| {
            let blank = Pen::solid(WHITE, 0.5 * half);
            page.stroke(
                vec![(middle.0 - dx, middle.1 - dy), (middle.0 + dx, middle.1 + dy)],
                blank,
            );
            for side in [-0.25, 0.25] {
                let (x, y) = (middle.0 + side * dy.abs(), middle.1 + side * dx.abs());
                page.stroke(vec![(x - dx, y - dy), (x + dx, y + dy)], pen.clone());
            }
        };
        if let Some(at) = self.cell.y.gap() {
            let y = plot.bottom - at * plot.height();
            cut(page, (plot.left, y), (half, -0.45 * half));
        }
        if let Some(at) = self.layout.x.gap() {
            let x = plot.left + at * plot.width();
            cut(page, (x, plot.bottom), (-0.45 * half, half));
        }
    }

    /// Draws what stands above the plot: the title, and the names of bands and rules.
    pub(super) fn draw_heads(&self, page: &mut Page) {
        let (plot, size) = (&self.cell.plot, self.size());
        let strip = |nth: f64| plot.top - 0.35 * size - nth * LEADING * size;
        let mut nth = 0.0;
        let named = self.cell.strips > 0;
        let bands = self.panel.bands.iter().filter(|_| named).filter_map(|band| {
            let (left, right) = self.band(band.from, band.to)?;
            Some((f64::midpoint(left, right), &band.name))
        });
        let rules = self
            .panel
            .rules
            .iter()
            .filter(|_| named)
            .filter_map(|rule| Some((self.rule(rule.at)?, &rule.name)));
        for row in [bands.collect::<Vec<_>>(), rules.collect()] {
            let mut free = f64::NEG_INFINITY;
            let row: Vec<_> = row.into_iter().filter(|(_, name)| !name.is_empty()).collect();
            for (x, name) in &row {
                let name = font::shorten(&font::plain(name), size, false, plot.width());
                let half = font::width(&name, size, false) / 2.0;
                let x = x.clamp(plot.left + half, (plot.right - half).max(plot.left + half));
                if x - half >= free {
                    let text = Text::new((x, strip(nth)), &name, size);
                    page.text(text.anchored(Anchor::Middle).coloured(GREY));
                    free = x + half + 0.5 * size;
                }
            }
            nth += if row.is_empty() { 0.0 } else { 1.0 };
        }
        let size = self.layout.theme.label;
        let base = strip(self.cell.strips as f64) - 0.05 * size;
        for (above, line) in self.cell.title.iter().rev().enumerate() {
            let at = (plot.left, base - above as f64 * LEADING * size);
            page.text(Text { bold: true, ..Text::new(at, line, size) });
        }
    }
}
