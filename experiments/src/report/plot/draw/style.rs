//! The looks of the lines of one figure, given out in the order of their keys.
//!
//! Looks are told apart without colour: in a figure of one dimension each line has its own pair of marker and
//! dashes, up to [`LOOKS`] lines. In a figure of two dimensions the first key decides colour and marker,
//! and the second decides dashes and whether the marker is open.

use super::figure::{Figure, Key, Kind};
use super::page::{Colour, INK, WHITE};

/// The number of lines of a figure that are told apart in grey.
pub(super) const LOOKS: usize = 24;

/// Okabe and Ito's colours. Their yellow is too light for lines on white.
const COLOURS: [Colour; 7] = [
    Colour(0x00, 0x72, 0xb2),
    Colour(0xd5, 0x5e, 0x00),
    Colour(0x00, 0x9e, 0x73),
    Colour(0x00, 0x00, 0x00),
    Colour(0xe6, 0x9f, 0x00),
    Colour(0xcc, 0x79, 0xa7),
    Colour(0x56, 0xb4, 0xe9),
];

/// The lengths of strokes and gaps, in widths of the line.
const DASHES: [&[f64]; 6] = [
    &[],
    &[6.0, 2.2],
    &[2.2, 1.6],
    &[8.0, 2.0, 1.6, 2.0],
    &[4.0, 1.6, 1.4, 1.6, 1.4, 1.6],
    &[12.0, 3.0],
];

/// The shape of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A disc.
    Circle,
    /// A square on its side.
    Square,
    /// A triangle, tip up.
    Up,
    /// A square on its corner.
    Diamond,
    /// Two crossed diagonals.
    Cross,
    /// A triangle, tip down.
    Down,
    /// A star with five tips.
    Star,
    /// A horizontal and a vertical stroke.
    Plus,
}

const SHAPES: [Shape; 8] = [
    Shape::Circle,
    Shape::Square,
    Shape::Up,
    Shape::Diamond,
    Shape::Cross,
    Shape::Down,
    Shape::Star,
    Shape::Plus,
];

/// The look of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    /// The colour of line and markers.
    pub(super) colour: Colour,
    /// The markers at the points.
    pub(super) shape: Shape,
    /// Says whether markers are filled with the paper's colour.
    pub(super) open: bool,
    /// The lengths of strokes and gaps, in widths of the line.
    pub(super) dashes: &'static [f64],
}

/// The keys of a figure in the order in which they appear.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    firsts: Vec<String>,
    seconds: Vec<String>,
    /// Says whether a line has so many points that its dashes would be lost in its bends. Markers tell lines apart.
    solid: bool,
}

/// The most points of a line with dashes.
const DASHED: usize = 150;

impl Looks {
    /// Gives looks to the lines of a figure.
    pub(super) fn of(figure: &Figure) -> Self {
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        let add = |all: &mut Vec<String>, key: &str| {
            if !all.iter().any(|one| one == key) {
                all.push(key.into());
            }
        };
        for line in figure.panels.iter().flat_map(|panel| &panel.lines) {
            add(&mut firsts, &line.key.first);
            if let Some(second) = &line.key.second {
                add(&mut seconds, second);
            }
        }
        let mut lines = figure.panels.iter().flat_map(|panel| &panel.lines);
        let solid = lines.any(|line| line.kind == Kind::Data && line.points.len() > DASHED);
        Self { firsts, seconds, solid }
    }

    /// Returns the look of a key.
    pub(super) fn get(&self, key: &Key) -> Look {
        let look = self.dashed(key);
        if self.solid { Look { dashes: &[], ..look } } else { look }
    }

    fn dashed(&self, key: &Key) -> Look {
        let rank = |all: &[String], key: &str| all.iter().position(|one| one == key).unwrap_or(0);
        let first = rank(&self.firsts, &key.first);
        if self.seconds.is_empty() {
            return one(first);
        }
        let second = key.second.as_ref().map_or(0, |second| rank(&self.seconds, second));
        Look { dashes: DASHES[second % DASHES.len()], open: second % 2 == 1, ..one(first) }
    }
}

/// The look of the line at a place in a figure of one dimension.
fn one(at: usize) -> Look {
    let round = at / COLOURS.len();
    let colour = COLOURS[at % COLOURS.len()];
    let colour = match round % 4 {
        0 => colour,
        1 => colour.mix(INK, 0.4),
        2 => colour.mix(WHITE, 0.35),
        _ => colour.mix(INK, 0.65),
    };
    Look {
        colour,
        shape: SHAPES[at % SHAPES.len()],
        open: at / SHAPES.len() % 2 == 1,
        // Not in step with the shapes, so that no pair comes twice.
        dashes: DASHES[(at + 3 * (at / SHAPES.len())) % DASHES.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::super::figure::{AxisSpec, Line, Panel};
    use super::*;

    #[test]
    fn lines_are_told_apart_in_grey() {
        for at in 0..LOOKS {
            for other in 0..at {
                let (a, b) = (one(at), one(other));
                assert!((a.shape, a.dashes) != (b.shape, b.dashes), "{at} looks as {other}");
                assert!(a.colour != b.colour, "{at} has the colour of {other}");
            }
        }
        // The first six of nearly all figures differ in everything.
        for at in 1..6 {
            let (a, b) = (one(at), one(at - 1));
            assert!(a.colour != b.colour && a.shape != b.shape && a.dashes != b.dashes);
        }
    }

    #[test]
    fn looks_follow_the_order_of_the_figure() {
        let mut figure = Figure::new(AxisSpec::default(), AxisSpec::default());
        let lines = |names: [&str; 2]| names.map(|name| Line::data(name, Vec::new())).to_vec();
        for names in [["wfe", "ibr"], ["ibr", "qsbr"]] {
            figure.panels.push(Panel { lines: lines(names), ..Panel::default() });
        }
        let looks = Looks::of(&figure);
        for (at, name) in ["wfe", "ibr", "qsbr"].into_iter().enumerate() {
            assert_eq!(looks.get(&Key::one(name)), one(at));
        }
    }

    #[test]
    fn two_keys_have_a_dimension_each() {
        let mut figure = Figure::new(AxisSpec::default(), AxisSpec::default());
        let keys = [("ibr", "list"), ("ibr", "tree"), ("wfe", "list"), ("wfe", "tree")];
        let line = |(a, b)| Line { key: Key::two(a, b), ..Line::data(a, Vec::new()) };
        figure.panels.push(Panel { lines: keys.map(line).to_vec(), ..Panel::default() });
        let looks = Looks::of(&figure);
        let [a, b, c, d] = keys.map(|(a, b)| looks.get(&Key::two(a, b)));
        assert_eq!((a.colour, a.shape, c.colour, c.shape), (b.colour, b.shape, d.colour, d.shape));
        assert_eq!((a.dashes, a.open, b.dashes, b.open), (c.dashes, c.open, d.dashes, d.open));
        assert!(a.colour != c.colour && a.dashes != b.dashes && b.open);
    }
}
