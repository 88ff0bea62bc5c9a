//! How each scheme looks: the same in every plot, and told apart without colour.

use plotters::style::RGBColor;

/// Okabe and Ito's colours, without yellow, which is too light for lines on white.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

/// Line patterns: lengths of strokes and gaps in pixels; empty = solid.
const DASHES: [&[f64]; 5] =
    [&[], &[12.0, 4.0], &[6.0, 4.0], &[12.0, 4.0, 3.0, 4.0], &[18.0, 4.0, 3.0, 4.0, 3.0, 4.0]];

/// The pattern of bounds.
pub(crate) const BOUND_DASHES: &[f64] = &[4.0, 3.0];

/// The shape of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle, tip up.
    Up,
    /// A diamond.
    Diamond,
    /// A cross of diagonals.
    Cross,
    /// A triangle, tip down.
    Down,
}

const MARKERS: [Marker; 6] =
    [Marker::Circle, Marker::Square, Marker::Up, Marker::Diamond, Marker::Cross, Marker::Down];

/// The look of a scheme.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Of lines and markers.
    pub(crate) colour: RGBColor,
    /// At each point.
    pub(crate) marker: Marker,
    /// Between points.
    pub(crate) dashes: &'static [f64],
}

/// The look of a scheme, by its place in the registry; a scheme that is gone looks like the next.
pub(crate) fn of(scheme: &str) -> Style {
    let at = rank(scheme);
    Style {
        colour: COLOURS[at % COLOURS.len()],
        marker: MARKERS[at % MARKERS.len()],
        dashes: DASHES[at % DASHES.len()],
    }
}

fn rank(scheme: &str) -> usize {
    let all = kovan_schemes::registry::all();
    all.iter().position(|facts| facts.name == scheme).unwrap_or(all.len())
}

/// The distinct schemes in the order of the registry.
pub(crate) fn schemes<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = names.collect();
    all.sort_by_key(|name| (rank(name), *name));
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_told_apart_without_colour() {
        let all = kovan_schemes::registry::all();
        for (at, one) in all.iter().enumerate() {
            for other in &all[..at] {
                let (a, b) = (of(one.name), of(other.name));
                assert!(
                    (a.marker, a.dashes) != (b.marker, b.dashes),
                    "{} and {} look the same in grey",
                    one.name,
                    other.name
                );
            }
        }
    }
}
