//! A page as a PDF file with its fonts: text can be selected and searched.

use std::collections::BTreeMap;

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::font;
use super::page::{Colour, Mark, Page, Text};

/// The objects of the file, in their order.
const CATALOG: i32 = 1;
const PAGES: i32 = 2;
const PAGE: i32 = 3;
const CONTENT: i32 = 4;
const INFO: i32 = 5;
/// The objects of the regular font begin here; the bold one's follow them.
const FONTS: i32 = 6;
/// The objects of a font: itself, its glyphs, their description, the file and the map to characters.
const EACH: i32 = 5;

const NAMES: [Name<'static>; 2] = [Name(b"F0"), Name(b"F1")];
/// The identity of glyphs: their numbers in the font.
const IDENTITY: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Returns the page as a PDF file of its real size. Two calls give the same bytes.
pub(super) fn pdf(page: &Page, title: &str) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.catalog(Ref::new(CATALOG)).pages(Ref::new(PAGES));
    pdf.pages(Ref::new(PAGES)).kids([Ref::new(PAGE)]).count(1);
    let mut sheet = pdf.page(Ref::new(PAGE));
    sheet.media_box(Rect::new(0.0, 0.0, real(page.width), real(page.height)));
    sheet.parent(Ref::new(PAGES)).contents(Ref::new(CONTENT));
    let mut resources = sheet.resources();
    let mut fonts = resources.fonts();
    let in_use = [false, true].into_iter().filter(|bold| !used(page, *bold).is_empty());
    for bold in in_use.clone() {
        fonts.pair(NAMES[usize::from(bold)], font_ref(bold, 0));
    }
    fonts.finish();
    resources.finish();
    sheet.finish();
    let content = compress_to_vec_zlib(&content(page), 6);
    pdf.stream(Ref::new(CONTENT), &content).filter(Filter::FlateDecode);
    pdf.document_info(Ref::new(INFO)).title(TextStr(&font::plain(title)));
    for bold in in_use {
        write_font(&mut pdf, page, bold);
    }
    pdf.finish()
}

fn font_ref(bold: bool, object: i32) -> Ref {
    Ref::new(FONTS + EACH * i32::from(bold) + object)
}

#[allow(clippy::cast_possible_truncation)] // More exact than print.
fn real(value: f64) -> f32 {
    value as f32
}

/// The marks; the origin of a PDF page is at the bottom.
fn content(page: &Page) -> Vec<u8> {
    let mut content = Content::new();
    let place = |(x, y): (f64, f64)| (real(x), real(page.height - y));
    for mark in &page.marks {
        match mark {
            Mark::Stroke(points, pen) => {
                let (r, g, b) = parts(pen.colour);
                content.set_stroke_rgb(r, g, b).set_line_width(real(pen.width));
                content.set_dash_pattern(pen.dashes.iter().copied().map(real), 0.0);
                path(&mut content, points.iter().copied().map(place));
                content.stroke();
            }
            Mark::Area(points, colour) => {
                let (r, g, b) = parts(*colour);
                content.set_fill_rgb(r, g, b);
                path(&mut content, points.iter().copied().map(place));
                content.close_path().fill_nonzero();
            }
            Mark::Text(text) => {
                let (r, g, b) = parts(text.colour);
                let (x, y) = place(text.at);
                let begin = real(text.begin());
                let matrix = if text.turned {
                    [0.0, 1.0, -1.0, 0.0, x, y + begin]
                } else {
                    [1.0, 0.0, 0.0, 1.0, x + begin, y]
                };
                content.set_fill_rgb(r, g, b).begin_text();
                content.set_font(NAMES[usize::from(text.bold)], real(text.size));
                content.set_text_matrix(matrix).show(Str(&glyphs(text))).end_text();
            }
        }
    }
    content.finish().into_vec()
}

fn parts(Colour(r, g, b): Colour) -> (f32, f32, f32) {
    (f32::from(r) / 255.0, f32::from(g) / 255.0, f32::from(b) / 255.0)
}

fn path(content: &mut Content, points: impl Iterator<Item = (f32, f32)>) {
    for (at, (x, y)) in points.enumerate() {
        if at == 0 {
            content.move_to(x, y);
        } else {
            content.line_to(x, y);
        }
    }
}

/// The numbers of the glyphs of a text, two bytes each.
fn glyphs(text: &Text) -> Vec<u8> {
    let face = font::face(text.bold);
    text.text.chars().flat_map(|c| font::glyph(face, c).0.to_be_bytes()).collect()
}

/// The glyphs that the page shows in a font, each with its character.
fn used(page: &Page, bold: bool) -> BTreeMap<u16, char> {
    let face = font::face(bold);
    let texts = page.marks.iter().filter_map(|mark| match mark {
        Mark::Text(text) if text.bold == bold => Some(text),
        _ => None,
    });
    texts.flat_map(|text| text.text.chars()).map(|c| (font::glyph(face, c).0, c)).collect()
}

fn write_font(pdf: &mut Pdf, page: &Page, bold: bool) {
    let [own, glyphs, about, file, to_unicode] = [0, 1, 2, 3, 4].map(|at| font_ref(bold, at));
    let used = used(page, bold);
    let (base, bytes): (Name<'_>, _) = if bold {
        (Name(b"LABFIG+Arimo-Bold"), font::BOLD)
    } else {
        (Name(b"LABFIG+Arimo"), font::REGULAR)
    };
    let face = font::face(bold);
    let thousandth = |units: f32| units * 1000.0 / f32::from(face.units_per_em());
    let mut font = pdf.type0_font(own);
    font.base_font(base).encoding_predefined(Name(b"Identity-H"));
    font.descendant_font(glyphs).to_unicode(to_unicode);
    font.finish();
    let mut font = pdf.cid_font(glyphs);
    font.subtype(CidFontType::Type2).base_font(base).system_info(IDENTITY);
    font.font_descriptor(about).default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = font.widths();
    for glyph in used.keys() {
        let advance = face.glyph_hor_advance(ttf_parser::GlyphId(*glyph)).unwrap_or(0);
        widths.consecutive(*glyph, [thousandth(f32::from(advance))]);
    }
    widths.finish();
    font.finish();
    let box_ = face.global_bounding_box();
    let [left, bottom, right, top] =
        [box_.x_min, box_.y_min, box_.x_max, box_.y_max].map(|units| thousandth(f32::from(units)));
    let mut descriptor = pdf.font_descriptor(about);
    descriptor.name(base).flags(FontFlags::NON_SYMBOLIC).bbox(Rect::new(left, bottom, right, top));
    descriptor.italic_angle(0.0).ascent(thousandth(f32::from(face.ascender())));
    descriptor.descent(thousandth(f32::from(face.descender())));
    descriptor.cap_height(thousandth(f32::from(face.capital_height().unwrap_or(0))));
    descriptor.stem_v(if bold { 140.0 } else { 80.0 }).font_file2(file);
    descriptor.finish();
    let packed = compress_to_vec_zlib(bytes, 6);
    let mut stream = pdf.stream(file, &packed);
    stream.filter(Filter::FlateDecode);
    stream.pair(Name(b"Length1"), i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    stream.finish();
    let mut map = UnicodeCmap::new(Name(b"Custom"), IDENTITY);
    for (glyph, character) in used {
        map.pair(glyph, character);
    }
    pdf.stream(to_unicode, map.finish().as_slice());
}
