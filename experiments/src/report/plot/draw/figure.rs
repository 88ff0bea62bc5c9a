//! What a figure is, as data: panels of lines over common axes.
//!
//! A figure knows nothing about records, schemes or structures. Its caller passes names, values and keys, all
//! in the order in which they are to be drawn.

/// A figure with at most one legend.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figure {
    /// Text above the panels, in bold. Papers have captions instead, and pass `None`.
    pub(crate) title: Option<String>,
    /// Small text below the panels, one paragraph for each entry: what points and bars are, and of which run.
    pub(crate) notes: Vec<String>,
    /// Says whether the notes are drawn. A figure whose caption stands beside it leaves them out.
    pub(crate) caption: bool,
    /// The horizontal axis of all panels.
    pub(crate) x: AxisSpec,
    /// The vertical axis of all panels.
    pub(crate) y: AxisSpec,
    /// The panels, row by row in this order.
    pub(crate) panels: Vec<Panel>,
    /// Says whether all panels have the same y limits. Panels with limits of their own say so in their titles.
    pub(crate) shared_y: bool,
    /// The number of panels in a row; `None` chooses it by their number and the width.
    pub(crate) columns: Option<usize>,
}

/// An axis before its limits and ticks are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct AxisSpec {
    /// What is measured, without its unit.
    pub(crate) label: String,
    /// The unit of the values, drawn in parentheses after the label.
    pub(crate) unit: Option<String>,
    /// How values become positions.
    pub(crate) scale: Scale,
    /// Where the labels are.
    pub(crate) ticks: Ticks,
    /// The smallest and largest value shown, in the axis's unit; `None` takes them from the points.
    pub(crate) limits: Option<(f64, f64)>,
    /// Says whether a linear axis begins near its smallest value and not at 0.
    pub(crate) off_zero: bool,
}

/// How values become positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Equal steps are equally long.
    #[default]
    Linear,
    /// Equal factors are equally long; ticks are powers of ten. Zeros stand below a gap, at a tick `0`.
    Log10,
    /// Equal factors are equally long; ticks are powers of two. Zeros stand below a gap, at a tick `0`.
    Log2,
    /// The names of unordered values. The coordinate of a point is the index of its name.
    Categories(Vec<String>),
}

/// Where an axis has its labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Ticks {
    /// At round values.
    #[default]
    Round,
    /// At these values, in the axis's unit: the settings that were measured.
    At(Vec<f64>),
}

/// One plot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panel {
    /// What differs between the panels; empty for the only one.
    pub(crate) title: String,
    /// The lines. The first one is drawn on top.
    pub(crate) lines: Vec<Line>,
    /// Ranges of x that are shaded over the whole height, such as the time in which an adversary acts.
    pub(crate) bands: Vec<Band>,
    /// Vertical lines, such as one at the number of hardware threads.
    pub(crate) rules: Vec<Rule>,
}

/// A shaded range of x.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Band {
    /// The smallest x, in the unit of the horizontal axis.
    pub(crate) from: f64,
    /// The largest x, in the unit of the horizontal axis.
    pub(crate) to: f64,
    /// The name above the range.
    pub(crate) name: String,
}

/// A vertical line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    /// Its x, in the unit of the horizontal axis.
    pub(crate) at: f64,
    /// The name above the line.
    pub(crate) name: String,
}

/// One line of a panel.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The name at its end or in the legend.
    pub(crate) name: String,
    /// What decides the look. Lines with equal keys look the same in all panels.
    pub(crate) key: Key,
    /// Says whether the values were measured or declared.
    pub(crate) kind: Kind,
    /// The points, in the order in which they are joined.
    pub(crate) points: Vec<Point>,
    /// Says whether neighbouring points are joined.
    pub(crate) joined: bool,
}

/// What decides the look of a line. Looks are given out in the order in which the keys first appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Decides the colour and the shape of the markers, and the dashes too where no line has a second key.
    pub(crate) first: String,
    /// Decides the dashes and whether markers are open: the second of two dimensions.
    pub(crate) second: Option<String>,
}

/// Says whether the values of a line were measured or declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Measured values.
    Data,
    /// Upper limits that are declared or proved: a thin line with ticks on the side that it forbids.
    Bound,
}

/// One point of a line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Point {
    /// In the unit of the horizontal axis.
    pub(crate) x: f64,
    /// In the unit of the vertical axis: the median where there are repeats.
    pub(crate) y: f64,
    /// The lower end of the interval, in the unit of the vertical axis.
    pub(crate) low: Option<f64>,
    /// The upper end of the interval, in the unit of the vertical axis.
    pub(crate) high: Option<f64>,
    /// The single measurements, in the unit of the vertical axis.
    pub(crate) repeats: Vec<f64>,
    /// A name beside the point, such as the parameter that differs along a line of a scatter figure.
    pub(crate) label: Option<String>,
    /// Says whether the point is in doubt. It has a ring.
    pub(crate) is_doubtful: bool,
}

impl Figure {
    /// Returns a figure without panels whose notes are drawn and whose panels share the y limits.
    pub(crate) fn new(x: AxisSpec, y: AxisSpec) -> Self {
        Self { caption: true, shared_y: true, x, y, ..Self::default() }
    }

    /// Returns the points that were measured.
    pub(crate) fn measured(&self) -> impl Iterator<Item = &Point> + Clone {
        let lines = self.panels.iter().flat_map(|panel| &panel.lines);
        lines.filter(|line| line.kind == Kind::Data).flat_map(|line| &line.points)
    }
}

impl AxisSpec {
    /// Returns an axis whose limits and ticks follow from the points.
    pub(crate) fn new(label: &str, unit: Option<&str>, scale: Scale) -> Self {
        Self { label: label.into(), unit: unit.map(Into::into), scale, ..Self::default() }
    }

    /// Returns the label with its unit.
    pub(crate) fn text(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{} ({unit})", self.label),
            None => self.label.clone(),
        }
    }
}

impl Key {
    /// Returns the key of a line in a figure whose lines differ in one thing.
    pub(crate) fn one(first: &str) -> Self {
        Self { first: first.into(), second: None }
    }

    /// Returns the key of a line in a figure whose lines differ in two things.
    pub(crate) fn two(first: &str, second: &str) -> Self {
        Self { first: first.into(), second: Some(second.into()) }
    }
}

impl Line {
    /// Returns a line of measured values that is named as its key.
    pub(crate) fn data(name: &str, points: Vec<Point>) -> Self {
        let key = Key::one(name);
        Self { name: name.into(), key, kind: Kind::Data, points, joined: true }
    }

    /// Returns the limit that is declared for the line `of`, in the colour of that line.
    pub(crate) fn bound(of: &str, points: Vec<Point>) -> Self {
        let name = format!("{of}, bound");
        Self { name, kind: Kind::Bound, ..Self::data(of, points) }
    }
}

impl Point {
    /// Returns a point without repeats.
    pub(crate) fn new(x: f64, y: f64) -> Self {
        Self { x, y, ..Self::default() }
    }

    /// Returns whether both coordinates are numbers; others are left out.
    pub(super) fn is_finite(&self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }

    /// Returns all finite values of y that the point shows.
    pub(super) fn heights(&self) -> impl Iterator<Item = f64> {
        let ends = [Some(self.y), self.low, self.high];
        let all = ends.into_iter().flatten().chain(self.repeats.iter().copied());
        all.filter(|y| y.is_finite())
    }
}
