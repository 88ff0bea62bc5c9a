//! Draws a figure on a page.

use super::figure::Figure;
use super::font::LEADING;
use super::layout::Layout;
use super::page::{Anchor, GREY, Page, Text};
use super::panel;
use super::theme::Size;

/// Returns the page of a figure.
pub(super) fn page(figure: &Figure, size: Size) -> Page {
    // A figure without panels is an empty panel: it says so.
    let empty;
    let figure = if figure.panels.is_empty() {
        empty = Figure { panels: vec![super::figure::Panel::default()], ..figure.clone() };
        &empty
    } else {
        figure
    };
    let layout = Layout::new(figure, size);
    let theme = layout.theme;
    let mut page = Page { width: theme.width, height: layout.height, marks: Vec::new() };
    for (row, line) in layout.title.iter().enumerate() {
        let y = theme.margin + (0.8 + row as f64 * LEADING) * theme.title;
        page.text(Text { bold: true, ..Text::new((theme.margin, y), line, theme.title) });
    }
    for (panel, cell) in figure.panels.iter().zip(&layout.cells) {
        panel::draw(&mut page, figure, panel, &layout, cell);
    }
    draw_outside(&mut page, &layout);
    page
}

/// Draws what stands once for all panels: the labels of the axes, the legend and the notes.
fn draw_outside(page: &mut Page, layout: &Layout) {
    let theme = &layout.theme;
    let plots = || layout.cells.iter().map(|cell| cell.plot);
    let left = plots().map(|plot| plot.left).fold(f64::INFINITY, f64::min);
    let right = plots().map(|plot| plot.right).fold(0.0, f64::max);
    let top = plots().map(|plot| plot.top).fold(f64::INFINITY, f64::min);
    let bottom = plots().map(|plot| plot.bottom).fold(0.0, f64::max);
    let middle = f64::midpoint(top, bottom);
    for (row, line) in layout.y_text.iter().enumerate() {
        let x = theme.margin + (0.8 + row as f64 * LEADING) * theme.label;
        // A label longer than the plots stays on the page.
        let half = super::font::width(line, theme.label, false) / 2.0;
        let y = middle.clamp(
            theme.margin + half,
            (page.height - theme.margin - half).max(theme.margin + half),
        );
        let text = Text::new((x, y), line, theme.label).anchored(Anchor::Middle);
        page.text(Text { turned: true, ..text });
    }
    let mut y = bottom + layout.tick() + 0.45 * theme.text + layout.x_tick_height;
    for line in &layout.x_text {
        let at = (f64::midpoint(left, right), y + theme.label);
        page.text(Text::new(at, line, theme.label).anchored(Anchor::Middle));
        y += theme.label * LEADING;
    }
    y += 0.2 * theme.text;
    if layout.beside {
        let at = (right + 1.8 * theme.text, top);
        layout.legend.draw(page, at, theme);
    } else if layout.legend.height() > 0.0 {
        y += 0.5 * theme.text;
        let widest = theme.width - 2.0 * theme.margin;
        let wanted = f64::midpoint(left, right) - layout.legend.width() / 2.0;
        let most = theme.margin + (widest - layout.legend.width()).max(0.0);
        layout.legend.draw(page, (wanted.clamp(theme.margin, most), y), theme);
        y += layout.legend.height();
    }
    // A legend beside the panels may be longer than they are.
    let legend_end = if layout.beside { top + layout.legend.height() } else { 0.0 };
    let mut y = y.max(legend_end) + 0.5 * theme.text;
    for line in &layout.notes {
        let at = (theme.margin, y + 0.8 * theme.note);
        page.text(Text::new(at, line, theme.note).coloured(GREY));
        y += theme.note * LEADING;
    }
    if theme.height.is_none() && legend_end > 0.0 {
        page.height = page.height.max(y + theme.margin);
    }
}
