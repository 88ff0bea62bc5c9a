//! The embedded fonts: the widths of texts, and how texts are cut into lines.
//!
//! Arimo has the widths of Arial, Helvetica and Liberation Sans, one of which is on nearly every machine.
//! An SVG file names all of them, so that its text takes the room that is measured here. PDF and PNG files
//! are drawn with the embedded subset and do not depend on the fonts of the machine.

use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId};

/// The file of the regular font.
pub(super) const REGULAR: &[u8] = include_bytes!("font/Arimo-Regular-subset.ttf");
/// The file of the bold font.
pub(super) const BOLD: &[u8] = include_bytes!("font/Arimo-Bold-subset.ttf");

/// The families that an SVG file asks for, all of the same widths but the last.
pub(super) const FAMILIES: &str = "Arimo, Liberation Sans, Helvetica, Arial, sans-serif";

/// The height of capitals and ascenders, as a part of the size.
pub(super) const ASCENT: f64 = 0.74;
/// The depth of descenders, as a part of the size.
pub(super) const DESCENT: f64 = 0.21;
/// Half the height of a digit: what centres a line of text, as a part of the size.
pub(super) const MIDDLE: f64 = 0.345;
/// The distance of lines of text, as a part of the size.
pub(super) const LEADING: f64 = 1.2;

static FACES: LazyLock<[Face<'static>; 2]> = LazyLock::new(|| {
    [REGULAR, BOLD].map(|file| Face::parse(file, 0).expect("the embedded font is well-formed"))
});

/// Returns the font.
pub(super) fn face(bold: bool) -> &'static Face<'static> {
    &FACES[usize::from(bold)]
}

/// Returns the glyph of a character: the one for "missing" where the font has none.
pub(super) fn glyph(face: &Face<'_>, character: char) -> GlyphId {
    face.glyph_index(character).unwrap_or(GlyphId(0))
}

/// Returns the text with a space for each run of white space and control characters.
pub(super) fn plain(text: &str) -> String {
    let is_odd = |c: char| c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c);
    let spaced: String = text.chars().map(|c| if is_odd(c) { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the width of a text in points.
pub(super) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let face = face(bold);
    let advance =
        |c| f64::from(face.glyph_hor_advance(glyph(face, c)).unwrap_or(face.units_per_em()));
    text.chars().map(advance).sum::<f64>() * size / f64::from(face.units_per_em())
}

/// Returns the text, or as much of its beginning and its end as fits around an ellipsis: names that begin alike
/// often end in what differs.
pub(super) fn shorten(text: &str, size: f64, bold: bool, room: f64) -> String {
    if width(text, size, bold) <= room {
        return text.into();
    }
    let all: Vec<char> = text.chars().collect();
    let string = |part: &[char]| part.iter().collect::<String>();
    // No letter is narrower than a fifth of the size, so that the search in a very long text is short.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // Positive, and below the length.
    let most = (room.max(0.0) / (0.2 * size)).min(all.len() as f64) as usize;
    for kept in (1..all.len().min(most + 1)).rev() {
        let end = kept * 2 / 5;
        let (first, last) = (string(&all[..kept - end]), string(&all[all.len() - end..]));
        let short = format!("{}…{}", first.trim_end(), last.trim_start());
        if width(&short, size, bold) <= room {
            return short;
        }
    }
    "…".into()
}

/// Cuts a text into at most `most` lines at spaces. Words that are too wide, and the last line, are shortened.
pub(super) fn wrap(text: &str, size: f64, bold: bool, room: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let text = plain(text);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, bold) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    if lines.len() > most {
        let rest = lines.split_off(most.max(1) - 1).join(" ");
        lines.push(rest);
    }
    lines.iter().map(|line| shorten(line, size, bold, room)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_words() {
        assert_eq!(wrap("one  two\nthree", 10.0, false, 45.0, 9), ["one two", "three"]);
        assert_eq!(wrap("one two three four five", 10.0, false, 45.0, 2), ["one two", "three…ve"]);
        assert_eq!(shorten("a very long name", 10.0, false, 40.0), "a v…me");
        assert!(shorten(&"i".repeat(100_000), 8.0, false, 90.0).chars().count() > 40);
        assert!(wrap(" \u{7} ", 10.0, false, 40.0, 2).is_empty());
    }

    #[test]
    fn labels_have_glyphs() {
        for character in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻µ×·–…↑−≤≥%(),AZaz09".chars()
        {
            assert!(
                face(false).glyph_index(character).is_some(),
                "`{character}` is not in the font"
            );
        }
    }
}
