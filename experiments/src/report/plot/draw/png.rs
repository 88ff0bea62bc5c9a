//! A page as a PNG file.

use anyhow::{Context, Result};
use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};
use tiny_skia::{FillRule, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};
use ttf_parser::OutlineBuilder;

use super::font;
use super::page::{At, Colour, Mark, Page, Text};

/// Returns the page as a PNG file with this many pixels per inch.
pub(super) fn png(page: &Page, dpi: f64) -> Result<Vec<u8>> {
    let scale = dpi / 72.0;
    let (width, height) = (pixels(page.width * scale), pixels(page.height * scale));
    let mut picture = Pixmap::new(width, height).context("a picture without pixels")?;
    picture.fill(tiny_skia::Color::WHITE);
    let zoom = Transform::from_scale(real(scale), real(scale));
    for mark in &page.marks {
        match mark {
            Mark::Stroke(points, pen) => {
                let dashes: Vec<f32> = pen.dashes.iter().copied().map(real).collect();
                let stroke = Stroke {
                    width: real(pen.width),
                    dash: if dashes.is_empty() { None } else { StrokeDash::new(dashes, 0.0) },
                    ..Stroke::default()
                };
                if let Some(path) = path(points, false) {
                    picture.stroke_path(&path, &paint(pen.colour), &stroke, zoom, None);
                }
            }
            Mark::Area(points, colour) => {
                if let Some(path) = path(points, true) {
                    picture.fill_path(&path, &paint(*colour), FillRule::Winding, zoom, None);
                }
            }
            Mark::Text(text) => {
                if let Some(path) = outline(text) {
                    picture.fill_path(&path, &paint(text.colour), FillRule::Winding, zoom, None);
                }
            }
        }
    }
    encode(&picture, dpi)
}

/// Three bytes for each pixel: nothing of the page is transparent.
fn encode(picture: &Pixmap, dpi: f64) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width(), picture.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let per_metre = pixels(dpi / 0.0254);
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: Unit::Meter,
    }));
    let colours: Vec<u8> =
        picture.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    let mut writer = encoder.write_header().context("cannot write a PNG file")?;
    writer.write_image_data(&colours).context("cannot write a PNG file")?;
    writer.finish().context("cannot write a PNG file")?;
    Ok(file)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A page is below 20,000 pixels.
fn pixels(length: f64) -> u32 {
    length.round() as u32
}

#[allow(clippy::cast_possible_truncation)] // More exact than a pixel.
fn real(value: f64) -> f32 {
    value as f32
}

fn paint(Colour(r, g, b): Colour) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(r, g, b, 255);
    paint
}

fn path(points: &[At], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (at, (x, y)) in points.iter().enumerate() {
        let (x, y) = (real(*x), real(*y));
        if at == 0 { builder.move_to(x, y) } else { builder.line_to(x, y) }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

/// The outlines of the glyphs of a text, at its place.
fn outline(text: &Text) -> Option<Path> {
    let face = font::face(text.bold);
    let scale = text.size / f64::from(face.units_per_em());
    let mut builder = Glyphs { path: PathBuilder::new(), right: text.begin(), text, scale };
    for character in text.text.chars() {
        let glyph = font::glyph(face, character);
        face.outline_glyph(glyph, &mut builder);
        builder.right += font::width(character.encode_utf8(&mut [0; 4]), text.size, text.bold);
    }
    builder.path.finish()
}

/// Moves glyphs to their places.
struct Glyphs<'a> {
    path: PathBuilder,
    /// The distance from the anchor, in points.
    right: f64,
    text: &'a Text,
    /// The points in a unit of the font.
    scale: f64,
}

impl Glyphs<'_> {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (self.right + f64::from(x) * self.scale, f64::from(y) * self.scale);
        let (left, base) = self.text.at;
        let (x, y) = if self.text.turned { (left - y, base - x) } else { (left + x, base - y) };
        (real(x), real(y))
    }
}

impl OutlineBuilder for Glyphs<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
