//! What a figure is: panels of series over common axes.

/// A figure with one legend.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// At the top, wrapped.
    pub(crate) title: String,
    /// Below, wrapped, one entry after the other: what points and bars are, and of which run.
    pub(crate) notes: Vec<String>,
    /// With its unit.
    pub(crate) x_label: String,
    /// With its unit.
    pub(crate) y_label: String,
    /// The values that were measured; absent = a continuous axis from 0.
    pub(crate) x_ticks: Option<Vec<f64>>,
    /// Whether all doublings of x are equally wide.
    pub(crate) x_doubles: bool,
    /// The vertical axis.
    pub(crate) y_scale: Scale,
    /// Side by side.
    pub(crate) panels: Vec<Panel>,
}

/// The scale of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From 0.
    Linear,
    /// From 1, whole powers of ten.
    Log,
}

/// One plot.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// What differs between panels.
    pub(crate) title: String,
    /// The lines.
    pub(crate) series: Vec<Series>,
}

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Decides colour, marker and dashes.
    pub(crate) scheme: String,
    /// A declared bound instead of measurements.
    pub(crate) is_bound: bool,
    /// In data units, by x.
    pub(crate) points: Vec<(f64, f64)>,
    /// Smallest and largest over the repeats: x, low, high.
    pub(crate) ranges: Vec<(f64, f64, f64)>,
    /// Many points: markers at some of them only.
    pub(crate) sparse: bool,
}

impl Series {
    /// Measurements of a scheme.
    pub(crate) fn data(scheme: &str, points: Vec<(f64, f64)>) -> Self {
        Self { scheme: scheme.into(), is_bound: false, points, ranges: Vec::new(), sparse: false }
    }

    /// The bound that a scheme declares.
    pub(crate) fn bound(scheme: &str, points: Vec<(f64, f64)>) -> Self {
        Self { is_bound: true, ..Self::data(scheme, points) }
    }

    /// The entry in the legend.
    pub(crate) fn label(&self) -> String {
        if self.is_bound { format!("{}, bound", self.scheme) } else { self.scheme.clone() }
    }
}

impl Figure {
    /// Where a value is on the horizontal axis, in axis units.
    pub(crate) fn across(&self, value: f64) -> f64 {
        if self.x_doubles { value.max(1.0).log2() } else { value }
    }

    /// The value at a place of the horizontal axis.
    pub(crate) fn value_across(&self, place: f64) -> f64 {
        if self.x_doubles { place.exp2() } else { place }
    }

    /// Where a value is on the vertical axis, in axis units.
    pub(crate) fn height(&self, value: f64) -> f64 {
        match self.y_scale {
            Scale::Linear => value,
            Scale::Log => value.max(1.0).log10(),
        }
    }

    /// All values with their places, for the limits of the axes.
    pub(crate) fn values(&self) -> impl Iterator<Item = (f64, f64)> {
        let series = self.panels.iter().flat_map(|panel| &panel.series);
        series.flat_map(|series| {
            let highs = series.ranges.iter().map(|(x, _, high)| (*x, *high));
            series.points.iter().copied().chain(highs)
        })
    }
}
