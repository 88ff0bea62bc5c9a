//! Draws figures: SVG, PDF and PNG files of a real size.
//!
//! ```text
//! Figure -> layout (where things are) -> paint, panel (marks on a Page) -> svg, pdf, png
//! ```
//!
//! Nothing here knows of records or schemes. The caller builds a [`Figure`] and calls [`svg()`], [`pdf()`] or [`png()`].

mod axis;
mod figure;
mod font;
mod layout;
mod legend;
mod marks;
mod names;
mod page;
mod paint;
mod panel;
mod pdf;
mod png;
mod style;
mod surround;
mod svg;
mod theme;
mod ticks;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result};

pub(crate) use figure::{
    AxisSpec, Band, Figure, Key, Kind, Line, Panel, Point, Rule, Scale, Ticks,
};
pub(crate) use theme::Size;

/// The look of a line, for those who draw a figure elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct LineLook {
    /// The colour as `#rrggbb`.
    pub(crate) colour: String,
    /// The marker, for example `circle`.
    pub(crate) shape: String,
    /// Says whether markers are filled with the colour of the paper.
    pub(crate) open: bool,
    /// The lengths of strokes and gaps, in widths of the line.
    pub(crate) dashes: &'static [f64],
}

/// Returns the looks of keys in a figure.
pub(crate) fn looks(figure: &Figure) -> impl Fn(&Key) -> LineLook {
    let looks = style::Looks::of(figure);
    move |key| {
        let style::Look { colour: page::Colour(r, g, b), shape, open, dashes } = looks.get(key);
        let (colour, shape) = (format!("#{r:02x}{g:02x}{b:02x}"), format!("{shape:?}"));
        LineLook { colour, shape: shape.to_lowercase(), open, dashes }
    }
}

/// Returns a figure as the text of an SVG file, whose text is text.
pub(crate) fn svg(figure: &Figure, size: Size) -> Result<String> {
    svg::svg(&paint::page(figure, size), &description(figure))
        .with_context(|| format!("the figure of {}", figure.y.label))
}

/// Returns a figure as a PDF file, whose text is text in an embedded font.
pub(crate) fn pdf(figure: &Figure, size: Size) -> Vec<u8> {
    pdf::pdf(&paint::page(figure, size), &description(figure))
}

/// Returns a figure as a PNG file: of 300 pixels per inch, or of 1920 by 1083 for a slide.
pub(crate) fn png(figure: &Figure, size: Size) -> Result<Vec<u8>> {
    png::png(&paint::page(figure, size), size.dpi())
        .with_context(|| format!("the figure of {}", figure.y.label))
}

/// What the figure shows, in words.
fn description(figure: &Figure) -> String {
    let mut parts = vec![format!("{} against {}", figure.y.text(), figure.x.text())];
    parts.extend(figure.title.clone());
    let titles = figure.panels.iter().map(|panel| panel.title.clone());
    parts.extend(titles.filter(|title| !title.is_empty()));
    parts.extend(figure.notes.iter().cloned());
    parts.join(". ")
}
