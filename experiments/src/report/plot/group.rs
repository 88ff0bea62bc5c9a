//! Which rows make a panel, a line and a point.

use std::collections::BTreeMap;

use kovan_lab_base::data::{AXES, TrialId, Value, parameter_name};

use super::draw::{AxisSpec, Key, Panel, Rule, Scale, Ticks};
use crate::results::Sample;
use crate::spec::Spec;

/// How rows are shared out.
pub(super) struct Grouping<'a> {
    spec: &'a Spec,
    /// Axes that make panels: those that differ between rows and are neither x nor of lines.
    panels: Vec<&'static str>,
    lines: Vec<String>,
    /// Hardware threads of the machine.
    processors: Option<u64>,
    /// Values of x that are texts, in their order; their places are their numbers.
    names: Vec<String>,
    xs: Vec<f64>,
}

/// The rows of a line of a panel by x.
pub(super) type Points<'r> = BTreeMap<Place, Vec<&'r Sample>>;

/// A place on the horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place(pub(super) f64);

impl Eq for Place {}
impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A line of a panel.
pub(super) struct LineRows<'r> {
    pub(super) name: String,
    pub(super) key: Key,
    pub(super) points: Points<'r>,
}

/// A panel with the rows of its lines.
pub(super) struct PanelRows<'r> {
    pub(super) title: String,
    pub(super) lines: Vec<LineRows<'r>>,
}

impl<'a> Grouping<'a> {
    pub(super) fn new(spec: &'a Spec, samples: &[Sample], processors: Option<u64>) -> Self {
        let lines = spec.lines.clone().unwrap_or_else(|| vec!["scheme".into()]);
        let adversaries = values(samples, "adversary");
        let several = adversaries.iter().filter(|value| value.text != "none").count() > 1;
        let differs = |axis: &str| values(samples, axis).len() > 1;
        let has_parameter =
            |axis: &str| spec.x_axis == axis || lines.iter().any(|line| line == axis);
        let any_parameter =
            spec.x_axis.contains('.') || lines.iter().any(|line| line.contains('.'));
        let panels = AXES.iter().map(|info| info.name).filter(|axis| {
            let is_extra = match *axis {
                // The number of its threads says whether there is one.
                "adversary" => several,
                // A single parameter is an axis of its own.
                "parameters" => !any_parameter,
                _ => true,
            };
            is_extra && !has_parameter(axis) && differs(axis)
        });
        let panels = panels.collect();
        let mut grouping =
            Self { spec, panels, lines, processors, names: Vec::new(), xs: Vec::new() };
        grouping.find_xs(samples);
        grouping
    }

    fn find_xs(&mut self, samples: &[Sample]) {
        let all = values(samples, &self.spec.x_axis);
        let mut names: Vec<_> = all.iter().filter(|value| value.number.is_none()).collect();
        names.sort_by_key(|value| self.order(&self.spec.x_axis, value));
        self.names = names.into_iter().map(|value| value.text.clone()).collect();
        self.xs = all.iter().filter_map(|value| self.place(value)).collect();
        self.xs.sort_by(f64::total_cmp);
    }

    /// Where a value is on the horizontal axis.
    fn place(&self, value: &Value) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)] // A few names.
        let named = || self.names.iter().position(|name| *name == value.text).map(|at| at as f64);
        value.number.or_else(named)
    }

    /// The place of a row on the horizontal axis.
    pub(super) fn x(&self, id: &TrialId) -> Option<f64> {
        self.place(&id.get(&self.spec.x_axis)?)
    }

    /// What is at a place of the horizontal axis, in words.
    pub(super) fn named_x(&self, x: f64) -> String {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A place among names.
        if let Some(name) = self.names.get(x as usize).filter(|_| !self.names.is_empty()) {
            return name.clone();
        }
        match self.spec.x_axis.as_str() {
            "threads" => format!("{x} workers"),
            "stalled" if self.spec.adversaries.is_empty() => format!("{x} stalled threads"),
            "stalled" => format!("{x} threads of the adversary"),
            axis => named(axis, &Value { number: Some(x), text: x.to_string() }),
        }
    }

    /// The largest value of the horizontal axis, if it is a number.
    pub(super) fn largest(&self) -> Option<f64> {
        self.xs.last().copied().filter(|_| self.names.is_empty())
    }

    /// The horizontal axis.
    pub(super) fn x_axis(&self) -> AxisSpec {
        let axis = &self.spec.x_axis;
        let label = AXES.iter().find(|info| info.name == axis).map_or(axis.as_str(), |i| i.label);
        let label = match axis.as_str() {
            "stalled" if self.spec.adversaries.is_empty() => "threads stalled inside a guard",
            _ => label,
        };
        if !self.names.is_empty() {
            return AxisSpec::new(label, None, Scale::Categories(self.names.clone()));
        }
        let positive = self.xs.iter().copied().filter(|x| *x > 0.0);
        let (least, most) =
            (positive.clone().fold(f64::INFINITY, f64::min), positive.fold(0.0, f64::max));
        // 1, 2, 4 .. 32 would be crowded at the left.
        let scale = match (axis.as_str(), most / least) {
            ("threads", ratio) if ratio >= 8.0 => Scale::Log2,
            ("threads" | "stalled", _) => Scale::Linear,
            (_, ratio) if ratio >= 8.0 => Scale::Log10,
            _ => Scale::Linear,
        };
        let ticks = Ticks::At(self.xs.clone());
        AxisSpec { ticks, ..AxisSpec::new(label, None, scale) }
    }

    /// Panels with their lines, in the order of the spec.
    pub(super) fn panels<'r>(&self, rows: impl Iterator<Item = &'r Sample>) -> Vec<PanelRows<'r>> {
        type Ordered = Vec<(usize, Value)>;
        let mut panels: BTreeMap<Ordered, BTreeMap<Ordered, Vec<&Sample>>> = BTreeMap::new();
        for row in rows {
            let ordered = |axis: &str| {
                let value =
                    row.id.get(axis).unwrap_or_else(|| Value { number: None, text: String::new() });
                (self.order(axis, &value), value)
            };
            let panel = self.panels.iter().map(|axis| ordered(axis)).collect();
            let line = self.lines.iter().map(|axis| ordered(axis)).collect();
            panels.entry(panel).or_default().entry(line).or_default().push(row);
        }
        let panels = panels.into_values().map(|lines| {
            let first = lines.values().flatten().next().map(|row| &row.id);
            let title = first.map_or_else(String::new, |id| self.title(id));
            PanelRows {
                title,
                lines: lines.into_iter().map(|(v, rows)| self.line(&v, rows)).collect(),
            }
        });
        panels.collect()
    }

    fn line<'r>(&self, values: &[(usize, Value)], rows: Vec<&'r Sample>) -> LineRows<'r> {
        let text = |(axis, (_, value)): (&String, &(usize, Value))| match value.number {
            // A number says nothing without its name.
            Some(_) if axis == "threads" => format!("{} workers", value.text),
            Some(_) => format!("{} {}", parameter_name(axis).replace('_', " "), value.text),
            None => value.text.clone(),
        };
        let texts: Vec<String> =
            self.lines.iter().zip(values).map(text).filter(|t| !t.is_empty()).collect();
        let key = match &texts[..] {
            [one, rest @ ..] if !rest.is_empty() => Key::two(one, &rest.join(", ")),
            _ => Key::one(&texts.join(", ")),
        };
        let mut points = Points::new();
        for row in rows {
            if let Some(x) = self.x(&row.id) {
                points.entry(Place(x)).or_default().push(row);
            }
        }
        LineRows { name: texts.join(", "), key, points }
    }

    /// What all rows of a panel have.
    fn title(&self, id: &TrialId) -> String {
        let is_free =
            |axis: &str| self.spec.x_axis != axis && !self.lines.iter().any(|line| line == axis);
        let mut parts = Vec::new();
        for axis in ["structure", "workload"].into_iter().filter(|axis| is_free(axis)) {
            parts.extend(id.get(axis).map(|value| value.text));
        }
        if is_free("threads") {
            parts.push(format!("{} workers", id.threads));
        }
        if is_free("stalled") && self.panels.contains(&"stalled")
            || is_free("stalled") && id.stalled > 0
        {
            let what =
                if self.spec.adversaries.is_empty() { "stalled" } else { id.adversary.as_str() };
            parts.push(format!("{} {what}", id.stalled));
        }
        let others = self
            .panels
            .iter()
            .filter(|axis| !["structure", "workload", "threads", "stalled"].contains(*axis));
        parts.extend(others.filter_map(|axis| {
            let value = id.get(axis)?;
            Some(named(axis, &value))
        }));
        parts.retain(|part| !part.is_empty());
        parts.join(", ")
    }

    /// An empty panel with what every panel of this axis shows.
    pub(super) fn panel(&self, title: String) -> Panel {
        let mut panel = Panel { title, ..Panel::default() };
        if self.spec.x_axis == "threads"
            && let Some(processors) = self.processors
        {
            #[allow(clippy::cast_precision_loss)] // A number of processors.
            let at = processors as f64;
            let within =
                self.xs.first().zip(self.xs.last()).is_some_and(|(a, b)| *a < at && at < *b);
            panel.rules.extend(within.then(|| Rule { at, name: "HW".into() }));
        }
        panel
    }

    /// The place of a value among those of its axis: as in the spec, and as in the registries.
    fn order(&self, axis: &str, value: &Value) -> usize {
        let at = |mut names: Box<dyn Iterator<Item = &str> + '_>| {
            names.position(|name| name == value.text)
        };
        let place = match axis {
            "scheme" => {
                at(Box::new(kovan_schemes::registry::all().into_iter().map(|facts| facts.name)))
            }
            "structure" => {
                let all = kovan_structures::registry::structures();
                at(Box::new(all.into_iter().map(|facts| facts.name)))
            }
            "workload" => at(Box::new(self.spec.workloads.iter().map(|w| w.name.as_str()))),
            "adversary" if value.text == "none" => Some(0),
            "adversary" => {
                let names = self.spec.adversaries.iter().map(|adversary| adversary.name.as_str());
                at(Box::new(names)).map(|place| place + 1)
            }
            _ => None,
        };
        let listed = || {
            let texts: Vec<String> =
                self.spec.axes.get(axis)?.iter().map(ToString::to_string).collect();
            texts.iter().position(|text| *text == value.text)
        };
        if value.number.is_some() { 0 } else { place.or_else(listed).unwrap_or(usize::MAX) }
    }

    /// The time in which an adversary acts, as parts of the window.
    pub(super) fn adversary_times(&self, name: &str) -> Option<(f64, f64)> {
        let of = self.spec.adversaries.iter().find(|adversary| adversary.name == name)?;
        let is_timed = of.from.is_some() || of.until.is_some();
        is_timed.then(|| (of.from.unwrap_or(0.0), of.until.unwrap_or(1.0)))
    }
}

/// A value with what it is of, where it does not say so itself.
pub(super) fn named(axis: &str, value: &Value) -> String {
    match (axis, value.number) {
        ("method", _) => format!("{} method", value.text),
        ("rate", Some(0.0)) => "closed loop".into(),
        ("rate", _) => format!("{} operations/s", value.text),
        ("seconds", _) => format!("{} s", value.text),
        (_, Some(_)) => format!("{} {}", parameter_name(axis).replace('_', " "), value.text),
        (_, None) => value.text.clone(),
    }
}

/// The different values of an axis.
fn values(samples: &[Sample], axis: &str) -> Vec<Value> {
    let mut all: Vec<Value> = samples.iter().filter_map(|row| row.id.get(axis)).collect();
    all.sort();
    all.dedup();
    all
}

/// How often each trial was measured, at most.
pub(super) fn repeats(rows: &[&Sample]) -> u32 {
    rows.iter().map(|row| row.id.repeat).max().unwrap_or(1)
}

/// What the points of a figure are of.
pub(super) fn median_of(samples: &[Sample]) -> String {
    match repeats(&samples.iter().collect::<Vec<_>>()) {
        1 => "one repeat".into(),
        count => format!("median of {count} repeats, which are the small points"),
    }
}
