//! A figure as data, for pages that draw it themselves.

use kovan_lab_base::support::numbers::readable;
use serde_json::{Value, json};

use super::draw::{Figure, Kind, Line, LineLook, Panel, Point, Scale, Ticks, looks};

/// A line with more points is thinned, since a panel has about as many pixels.
const MOST_POINTS: usize = 400;

/// Returns the panels, lines and looks of a figure. Lines of very many points keep the lowest and the highest one
/// of each short stretch.
pub(crate) fn chart(figure: &Figure) -> Value {
    let look = looks(figure);
    let panel = |panel: &Panel| {
        let line = |line: &Line| of_line(line, &look(&line.key), bound_of(panel, line));
        let bands = panel.bands.iter().map(|of| json!([number(of.from), number(of.to), of.name]));
        let rules = panel.rules.iter().map(|of| json!([number(of.at), of.name]));
        json!({
            "title": panel.title,
            "lines": panel.lines.iter().map(line).collect::<Vec<_>>(),
            "bands": bands.collect::<Vec<_>>(),
            "rules": rules.collect::<Vec<_>>(),
        })
    };
    let ticks = match &figure.x.ticks {
        Ticks::Round => Vec::new(),
        Ticks::At(all) => all.iter().map(|at| number(*at)).collect(),
    };
    let names = match &figure.x.scale {
        Scale::Categories(names) => Some(names),
        _ => None,
    };
    json!({
        "x": { "label": figure.x.text(), "log": is_log(&figure.x.scale), "names": names, "ticks": ticks },
        "y": { "label": figure.y.text(), "log": is_log(&figure.y.scale) },
        "shared": figure.shared_y,
        "panels": figure.panels.iter().map(panel).collect::<Vec<_>>(),
    })
}

/// Returns whether a line of a figure has so many points that a page draws only some of them.
pub(crate) fn is_thinned(figure: &Figure) -> bool {
    let mut lines = figure.panels.iter().flat_map(|panel| &panel.lines);
    lines.any(|line| line.points.len() > MOST_POINTS)
}

/// Returns what a point has on the horizontal axis, in words.
pub(crate) fn readable_x(figure: &Figure, x: f64) -> String {
    match &figure.x.scale {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A place among names.
        Scale::Categories(names) => names.get(x as usize).cloned().unwrap_or_default(),
        _ => readable(x),
    }
}

fn is_log(scale: &Scale) -> bool {
    matches!(scale, Scale::Log2 | Scale::Log10)
}

/// Returns the declared limit of a line of measured values, where its panel has one.
fn bound_of<'a>(panel: &'a Panel, line: &Line) -> Option<&'a Line> {
    let is_bound = |other: &&Line| other.kind == Kind::Bound && other.key == line.key;
    panel.lines.iter().find(is_bound).filter(|_| line.kind == Kind::Data)
}

fn passes(point: &Point, bound: Option<&Line>) -> bool {
    let mut limits = bound.into_iter().flat_map(|bound| &bound.points);
    limits.any(|limit| limit.x.total_cmp(&point.x).is_eq() && point.y > limit.y)
}

/// Returns how many points of a figure are above the limits that are declared for them.
pub(crate) fn count_broken(figure: &Figure) -> usize {
    let lines = figure
        .panels
        .iter()
        .flat_map(|panel| panel.lines.iter().map(move |line| (line, bound_of(panel, line))));
    let points =
        lines.flat_map(|(line, bound)| line.points.iter().map(move |point| (point, bound)));
    points.filter(|(point, bound)| passes(point, *bound)).count()
}

fn of_line(line: &Line, look: &LineLook, bound: Option<&Line>) -> Value {
    let of_point = |point: &Point| of_point(point, passes(point, bound));
    let points = thinned(&line.points);
    json!({
        "name": line.name,
        "bound": line.kind == Kind::Bound,
        "joined": line.joined,
        "colour": look.colour,
        "shape": look.shape,
        "open": look.open,
        "dashes": look.dashes,
        "points": points.into_iter().map(of_point).collect::<Vec<_>>(),
    })
}

/// Returns `[x, y]`, and what else there is of a point: an interval, repeats, a name, a ring, a broken bound.
fn of_point(point: &Point, is_broken: bool) -> Value {
    let place = [number(point.x), number(point.y)];
    let ends = point.low.zip(point.high).map(|(low, high)| [number(low), number(high)]);
    let mut more = serde_json::Map::new();
    more.extend(ends.map(|ends| ("i".to_string(), json!(ends))));
    if !point.repeats.is_empty() {
        let repeats: Vec<f64> = point.repeats.iter().map(|value| number(*value)).collect();
        more.insert("r".into(), json!(repeats));
    }
    more.extend(point.label.as_ref().map(|label| ("n".to_string(), json!(label))));
    if point.is_doubtful {
        more.insert("d".into(), json!(true));
    }
    if is_broken {
        more.insert("b".into(), json!(true));
    }
    if more.is_empty() { json!(place) } else { json!([place[0], place[1], more]) }
}

/// Rounds to six digits that count, which no eye tells from the value.
fn number(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Returns the points of a line, or of a long one the lowest and the highest of each stretch and both ends.
fn thinned(points: &[Point]) -> Vec<&Point> {
    let finite: Vec<&Point> =
        points.iter().filter(|point| point.x.is_finite() && point.y.is_finite()).collect();
    if finite.len() <= MOST_POINTS {
        return finite;
    }
    let mut kept = Vec::new();
    for stretch in finite.chunks(finite.len().div_ceil(MOST_POINTS / 2)) {
        let places = 0..stretch.len();
        let by_height = |a: &usize, b: &usize| stretch[*a].y.total_cmp(&stretch[*b].y);
        let low = places.clone().min_by(by_height).unwrap_or(0);
        let high = places.max_by(by_height).unwrap_or(0);
        kept.push(stretch[low.min(high)]);
        if low != high {
            kept.push(stretch[low.max(high)]);
        }
    }
    kept.extend(finite.last().filter(|last| kept.last().is_some_and(|of| of.x < last.x)));
    kept
}

#[cfg(test)]
mod tests {
    use super::super::draw::AxisSpec;
    use super::*;

    #[test]
    fn points_have_what_there_is_of_them_and_lines_their_look() {
        let whole = Point {
            low: Some(1.0),
            high: Some(3.0),
            repeats: vec![1.0, 3.0],
            is_doubtful: true,
            ..Point::new(2.0, 2.000_000_01)
        };
        let mut figure = Figure::new(AxisSpec::default(), AxisSpec::default());
        let lines = vec![
            Line::data("ibr", vec![Point::new(1.0, f64::NAN), whole]),
            Line::bound("ibr", vec![Point::new(1.0, 9.0)]),
            Line::data("wfe", vec![Point::new(1.0, 9.0)]),
        ];
        figure.panels.push(Panel { lines, ..Panel::default() });
        let chart = chart(&figure);
        let lines = &chart["panels"][0]["lines"];
        let point = json!([[2.0, 2.0, { "i": [1.0, 3.0], "r": [1.0, 3.0], "d": true }]]);
        assert_eq!(lines[0]["points"], point);
        assert_eq!(lines[1]["bound"], true);
        assert_eq!(
            (&lines[0]["colour"], &lines[0]["shape"]),
            (&json!("#0072b2"), &json!("circle"))
        );
        assert_eq!(lines[1]["colour"], "#0072b2", "a bound has the colour of its line");
        assert_eq!(
            (&lines[2]["colour"], &lines[2]["shape"]),
            (&json!("#d55e00"), &json!("square"))
        );
    }

    #[test]
    fn points_above_their_own_bound_are_marked() {
        let mut figure = Figure::new(AxisSpec::default(), AxisSpec::default());
        let points = || vec![Point::new(1.0, 9.0), Point::new(2.0, 11.0)];
        let bound = vec![Point::new(1.0, 10.0), Point::new(2.0, 10.0)];
        let lines = vec![
            Line::data("ibr", points()),
            Line::bound("ibr", bound),
            Line::data("wfe", points()),
        ];
        figure.panels.push(Panel { lines, ..Panel::default() });
        let chart = chart(&figure);
        let lines = &chart["panels"][0]["lines"];
        assert_eq!(lines[0]["points"], json!([[1.0, 9.0], [2.0, 11.0, { "b": true }]]));
        assert_eq!(lines[2]["points"], json!([[1.0, 9.0], [2.0, 11.0]]), "of another scheme");
        assert_eq!(count_broken(&figure), 1);
    }

    #[test]
    fn long_lines_keep_their_peaks_and_ends() {
        let height = |at: u32| if at == 7777 { 1e9 } else { f64::from(at % 10) };
        let points: Vec<Point> =
            (0..10_000).map(|at| Point::new(f64::from(at), height(at))).collect();
        let kept = thinned(&points);
        assert!(kept.len() <= MOST_POINTS + 1, "{}", kept.len());
        assert!(kept.iter().any(|point| point.y > 1e8), "the peak is there");
        assert!(kept[0].x < 50.0 && (kept[kept.len() - 1].x - 9999.0).abs() < 0.5);
        assert!(kept.windows(2).all(|two| two[0].x < two[1].x));
        assert_eq!(thinned(&points[..MOST_POINTS]).len(), MOST_POINTS);
    }
}
