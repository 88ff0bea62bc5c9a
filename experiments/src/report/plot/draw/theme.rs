//! The sizes of a figure: its page, its type and its lines.

/// Where a figure is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// One column of a paper: 3.3 inches wide, with 8-point type. The height follows from the panels.
    Column,
    /// The whole width of a paper: 7 inches, with type of at least 8 points. The height follows from the panels.
    Page,
    /// A slide of 13.3 by 7.5 inches, with larger type.
    Slide,
}

/// The sizes that follow, in points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    /// The width of the page.
    pub(super) width: f64,
    /// The height of the page, where it does not follow from the panels.
    pub(super) height: Option<f64>,
    /// The white border.
    pub(super) margin: f64,
    /// The type of ticks, names and legends.
    pub(super) text: f64,
    /// The type of axes and panels.
    pub(super) label: f64,
    /// The type of the title.
    pub(super) title: f64,
    /// The type of notes.
    pub(super) note: f64,
    /// The width of the lines of data.
    pub(super) line: f64,
    /// Half the width of a marker.
    pub(super) marker: f64,
}

impl Size {
    /// Returns the sizes for a figure with this many panels.
    pub(super) fn theme(self, panels: usize) -> Theme {
        match self {
            Self::Column => Theme {
                width: 3.3 * 72.0,
                height: None,
                margin: 2.0,
                text: 8.0,
                label: 8.0,
                title: 9.0,
                note: 8.0,
                line: if panels > 8 { 0.9 } else { 1.1 },
                marker: if panels > 2 { 1.5 } else { 1.9 },
            },
            Self::Page => Theme {
                width: 7.0 * 72.0,
                height: None,
                margin: 3.0,
                text: 8.0,
                label: 9.0,
                title: 11.0,
                note: 8.0,
                line: if panels > 8 { 1.0 } else { 1.25 },
                marker: if panels > 4 { 1.7 } else { 2.3 },
            },
            Self::Slide => {
                let text: f64 = match panels {
                    0..=3 => 17.0,
                    4..=8 => 14.0,
                    9..=15 => 12.0,
                    _ => 11.0,
                };
                Theme {
                    width: 13.3 * 72.0,
                    height: Some(7.5 * 72.0),
                    margin: 16.0,
                    text,
                    label: text * 1.12,
                    title: 26.0,
                    note: text.min(13.0),
                    line: 0.16 * text,
                    marker: 0.27 * text,
                }
            }
        }
    }

    /// Returns the pixels per inch of a PNG file: 300 on paper, and 1920 pixels on the width of a slide.
    pub(super) fn dpi(self) -> f64 {
        match self {
            Self::Column | Self::Page => 300.0,
            Self::Slide => 1920.0 / 13.3,
        }
    }

    /// Returns how many panels stand in a row.
    pub(super) fn columns(self, panels: usize) -> usize {
        let fit = match (self, panels) {
            (_, 0 | 1) => 1,
            (Self::Column, 2..=8) | (Self::Page, 2 | 4) => 2,
            (Self::Column, _) | (Self::Page, 3 | 5 | 6 | 9) => 3,
            (Self::Page, _) => 4,
            (Self::Slide, 2 | 4) => 2,
            (Self::Slide, 3 | 5 | 6) => 3,
            (Self::Slide, 7 | 8 | 11 | 12) => 4,
            (Self::Slide, 9) => 3,
            (Self::Slide, 10 | 13..=15) => 5,
            (Self::Slide, 16..=18) => 6,
            (Self::Slide, _) => 7,
        };
        fit.min(panels.max(1))
    }

    /// Returns the height of a plot, as a part of the width of its cell, where it does not follow from the page.
    pub(super) fn ratio(self, panels: usize) -> f64 {
        match (self, panels) {
            (Self::Column, 0 | 1) => 0.6,
            (_, 0 | 1) => 0.46,
            (Self::Column, _) => 0.66,
            _ => 0.62,
        }
    }
}
