//! A page of marks at exact places, before it becomes a file.
//!
//! All lengths are in points, 72 to the inch. The origin is at the top left.

use super::font;

/// A place: x to the right and y downwards, in points.
pub(super) type At = (f64, f64);

/// Red, green and blue. There is no opacity: lighter colours stand for it, so that every format draws the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

/// Text and axes.
pub(super) const INK: Colour = Colour(0x22, 0x22, 0x22);
/// Notes and names of bands.
pub(super) const GREY: Colour = Colour(0x55, 0x55, 0x55);
/// The paper.
pub(super) const WHITE: Colour = Colour(0xff, 0xff, 0xff);

impl Colour {
    /// Returns the colour mixed with another; a `part` of 0 leaves it as it is.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and 255.
    pub(super) fn mix(self, other: Self, part: f64) -> Self {
        let one = |a: u8, b: u8| {
            (f64::from(a) * (1.0 - part) + f64::from(b) * part).round().clamp(0.0, 255.0) as u8
        };
        Self(one(self.0, other.0), one(self.1, other.1), one(self.2, other.2))
    }
}

/// How a line is stroked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pen {
    /// The colour.
    pub(super) colour: Colour,
    /// In points.
    pub(super) width: f64,
    /// The lengths of strokes and gaps in turn, in points; empty for a solid line.
    pub(super) dashes: Vec<f64>,
}

impl Pen {
    /// Returns a pen for solid lines.
    pub(super) fn solid(colour: Colour, width: f64) -> Self {
        Self { colour, width, dashes: Vec::new() }
    }
}

/// Which part of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The beginning.
    Start,
    /// The middle.
    Middle,
    /// The end.
    End,
}

/// A line of text.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// The anchor on the base line.
    pub(super) at: At,
    /// The text, without control characters.
    pub(super) text: String,
    /// The size of the type, in points.
    pub(super) size: f64,
    /// What is at the place.
    pub(super) anchor: Anchor,
    /// Says whether it reads upwards and not to the right.
    pub(super) turned: bool,
    /// Says whether it is bold.
    pub(super) bold: bool,
    /// The colour.
    pub(super) colour: Colour,
}

impl Text {
    /// Returns text in ink that begins at a place.
    pub(super) fn new(at: At, text: &str, size: f64) -> Self {
        let text = font::plain(text);
        let anchor = Anchor::Start;
        Self { at, text, size, anchor, turned: false, bold: false, colour: INK }
    }

    /// Returns it with another anchor.
    pub(super) fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// Returns it in another colour.
    pub(super) fn coloured(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    /// Returns the distance from the anchor to the beginning, in the direction of reading: 0 or negative.
    pub(super) fn begin(&self) -> f64 {
        let width = font::width(&self.text, self.size, self.bold);
        match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        }
    }

    /// Returns the rectangle that the text covers.
    pub(super) fn frame(&self) -> Frame {
        let width = font::width(&self.text, self.size, self.bold);
        let (begin, (x, y)) = (self.begin(), self.at);
        let (up, down) = (font::ASCENT * self.size, font::DESCENT * self.size);
        if self.turned {
            return Frame {
                left: x - up,
                right: x + down,
                top: y - begin - width,
                bottom: y - begin,
            };
        }
        Frame { left: x + begin, right: x + begin + width, top: y - up, bottom: y + down }
    }
}

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    /// The smallest x.
    pub(super) left: f64,
    /// The largest x.
    pub(super) right: f64,
    /// The smallest y.
    pub(super) top: f64,
    /// The largest y.
    pub(super) bottom: f64,
}

impl Frame {
    /// Returns its width.
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Returns its height.
    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Returns whether two rectangles have a common part.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// Returns whether a place is inside.
    pub(super) fn holds(&self, (x, y): At) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }

    /// Returns whether all of another rectangle is inside.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.holds((other.left, other.top)) && self.holds((other.right, other.bottom))
    }

    /// Returns the corners, clockwise.
    pub(super) fn corners(&self) -> Vec<At> {
        vec![
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        ]
    }
}

/// A mark on the page.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// An open line.
    Stroke(Vec<At>, Pen),
    /// A filled area.
    Area(Vec<At>, Colour),
    /// A line of text.
    Text(Text),
}

/// The marks in the order in which they are drawn, on white.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// In points.
    pub(super) width: f64,
    /// In points.
    pub(super) height: f64,
    /// The marks; later ones cover earlier ones.
    pub(super) marks: Vec<Mark>,
}

impl Page {
    /// Adds a line; one without a length is left out.
    pub(super) fn stroke(&mut self, points: Vec<At>, pen: Pen) {
        if points.len() > 1 {
            self.marks.push(Mark::Stroke(points, pen));
        }
    }

    /// Adds an area.
    pub(super) fn area(&mut self, points: Vec<At>, colour: Colour) {
        self.marks.push(Mark::Area(points, colour));
    }

    /// Adds text; an empty one is left out.
    pub(super) fn text(&mut self, text: Text) {
        if !text.text.is_empty() {
            self.marks.push(Mark::Text(text));
        }
    }

    /// Returns all texts.
    #[cfg(test)]
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.marks.iter().filter_map(|mark| match mark {
            Mark::Text(text) => Some(text),
            _ => None,
        })
    }
}
