//! A page as an SVG file, through plotters.
//!
//! The backend has integer coordinates. The page is drawn in units of a hundredth of a point, and the `viewBox`
//! scales them to the size of the page, so that places are exact to 0.0002 inches.

use anyhow::{Context, Result, anyhow};
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle, TextStyle,
};

use super::font;
use super::marks;
use super::page::{Anchor, At, Colour, Mark, Page, Text};

/// The units in a point.
const UNITS: f64 = 100.0;

#[allow(clippy::cast_possible_truncation)] // A page is below 10,000 points.
fn units(points: f64) -> i32 {
    (points * UNITS).round() as i32
}

fn place((x, y): At) -> (i32, i32) {
    (units(x), units(y))
}

/// Returns the page as the text of an SVG file of its real size. Readers of screens are told the `description`.
pub(super) fn svg(page: &Page, description: &str) -> Result<String> {
    let size = (units(page.width).unsigned_abs(), units(page.height).unsigned_abs());
    let mut text = String::new();
    draw(page, size, &mut text).map_err(|error| anyhow!("cannot draw: {error}"))?;
    let (_, marks) = text.split_once("xmlns=\"http://www.w3.org/2000/svg\">").context("no SVG")?;
    let header = format!(
        "<svg width=\"{}pt\" height=\"{}pt\" viewBox=\"0 0 {} {}\" role=\"img\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<desc>{}</desc>",
        page.width,
        page.height,
        size.0,
        size.1,
        escaped(&font::plain(description)),
    );
    // Half of a file would be this attribute, which says nothing. No text has quotes that are not escaped.
    Ok(header + &with_widths(&marks.replace(" opacity=\"1\"", ""), page))
}

/// Adds to each text the width that it has in the embedded font: where a viewer has none of the families, it
/// draws a wider font narrower, so that nothing is covered or cut.
fn with_widths(marks: &str, page: &Page) -> String {
    let texts = page.marks.iter().filter_map(|mark| match mark {
        Mark::Text(text) => Some(text),
        _ => None,
    });
    let mut parts = marks.split("<text ");
    let mut all = String::from(parts.next().unwrap_or_default());
    for (part, text) in parts.zip(texts) {
        let width = units(font::width(&text.text, text.size, text.bold));
        let adjust = "lengthAdjust=\"spacingAndGlyphs\"";
        all.push_str(&format!("<text textLength=\"{width}\" {adjust} {part}"));
    }
    all
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(page: &Page, size: (u32, u32), text: &mut String) -> Drawn {
    let mut backend = SVGBackend::with_string(text, size);
    let corner = (units(page.width), units(page.height));
    let paper = style(super::page::WHITE, 0.0);
    backend.draw_rect((0, 0), corner, &paper, true)?;
    for mark in &page.marks {
        match mark {
            Mark::Stroke(points, pen) => {
                let style = style(pen.colour, pen.width);
                for stroke in marks::strokes(points, &pen.dashes) {
                    backend.draw_path(stroke.into_iter().map(place), &style)?;
                }
            }
            Mark::Area(points, colour) => {
                let style = style(*colour, 0.0);
                backend.fill_polygon(points.iter().copied().map(place), &style)?;
            }
            Mark::Text(text) => {
                // The backend moves the base line down by this much.
                let down = 0.76 * text.size;
                let (x, y) = text.at;
                let top = if text.turned { (x - down, y) } else { (x, y - down) };
                backend.draw_text(&text.text, &text_style(text), place(top))?;
            }
        }
    }
    backend.present()?;
    Ok(())
}

fn style(Colour(r, g, b): Colour, width: f64) -> ShapeStyle {
    ShapeStyle {
        color: RGBColor(r, g, b).into(),
        filled: true,
        stroke_width: units(width).unsigned_abs(),
    }
}

fn text_style(text: &Text) -> TextStyle<'static> {
    let weight = if text.bold { FontStyle::Bold } else { FontStyle::Normal };
    // The backend divides sizes by 1.24.
    let font = FontDesc::new(FontFamily::Name(font::FAMILIES), 1.24 * UNITS * text.size, weight);
    let turn = if text.turned { FontTransform::Rotate270 } else { FontTransform::None };
    let across = match text.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let Colour(r, g, b) = text.colour;
    let style = TextStyle::from(font.transform(turn)).pos(Pos::new(across, VPos::Top));
    TextStyle { color: RGBColor(r, g, b).to_backend_color(), ..style }
}
