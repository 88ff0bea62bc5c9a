//! Figures of made-up values, for tests and for the eye.

use super::figure::{AxisSpec, Band, Figure, Key, Line, Panel, Point, Rule, Scale, Ticks};

/// Names as long as those of schemes.
const NAMES: [&str; 24] = [
    "none",
    "epoch",
    "qsbr",
    "debra",
    "debra-af",
    "ebr-global",
    "hp-naive",
    "hp-asym",
    "hazard-eras",
    "ibr",
    "wfe",
    "hyaline",
    "hyaline-1",
    "hyaline-s",
    "crystalline-l",
    "crystalline-w",
    "nbr",
    "nbr-plus",
    "publish-on-ping",
    "vbr",
    "seize",
    "sdd",
    "kovan",
    "kovan-robust",
];

/// Returns the same numbers between 0 and 1 at each call.
fn noise(seed: usize) -> impl FnMut() -> f64 {
    let mut state = seed as u64 * 2_654_435_769 + 12_345;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / 16_777_216.0
    }
}

/// Returns a point with five repeats.
fn repeated(x: f64, y: f64, noise: &mut impl FnMut() -> f64) -> Point {
    let mut repeats: Vec<f64> = (0..5).map(|_| y * (0.85 + 0.3 * noise())).collect();
    repeats.sort_by(f64::total_cmp);
    let (low, high) = (Some(repeats[0]), Some(repeats[4]));
    Point { x, y: repeats[2], low, high, repeats, ..Point::default() }
}

/// Throughput against threads, with repeats.
pub(super) fn throughput(lines: usize, panels: usize) -> Figure {
    let threads = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
    let x = AxisSpec {
        ticks: Ticks::At(threads.to_vec()),
        ..AxisSpec::new("worker threads", None, Scale::Log2)
    };
    let y = AxisSpec::new("throughput", Some("Mops/s"), Scale::Linear);
    let mut figure = Figure::new(x, y);
    let structures = ["list", "hash-map", "skip-list", "bonsai", "ellen-tree", "queue", "stack"];
    for panel in 0..panels {
        let line = |at: usize| {
            let mut noise = noise(31 * panel + at);
            let top = 3.0 + 9.0 * noise() + panel as f64 * 0.5;
            let point = |n: &f64| repeated(*n, top * n / (n + 6.0), &mut noise);
            Line::data(NAMES[at], threads.iter().map(point).collect())
        };
        let title =
            format!("{}, {}% reads", structures[panel % 7], [0, 50, 90, 100][panel / 7 % 4]);
        figure.panels.push(Panel {
            title: if panels > 1 { title } else { String::new() },
            lines: (0..lines).map(line).collect(),
            rules: vec![Rule { at: 16.0, name: "HW".into() }],
            ..Panel::default()
        });
    }
    figure.notes = vec![
        "Operations of all workers: medians of 5 repeats, their range, and each repeat.".into(),
        "Run of threads-sweep at scale laptop, windows of 2 s, on 16 hardware threads.".into(),
    ];
    figure
}

/// Peaks against stalled threads, from 0 to 10^8, with bounds.
pub(super) fn peaks(lines: usize, bounds: usize) -> Figure {
    let stalled = [0.0, 1.0, 2.0, 4.0, 8.0];
    let x = AxisSpec {
        ticks: Ticks::At(stalled.to_vec()),
        ..AxisSpec::new("threads stalled inside a guard", None, Scale::Linear)
    };
    let mut figure = Figure::new(x, AxisSpec::new("peak unreclaimed nodes", None, Scale::Log10));
    let mut panel = Panel::default();
    for (at, name) in NAMES[..lines].iter().enumerate() {
        let mut noise = noise(at);
        let base = 10f64.powf(1.0 + 7.0 * at as f64 / lines as f64);
        let mut points: Vec<Point> =
            stalled.iter().map(|x| repeated(*x, base * (1.0 + x), &mut noise)).collect();
        if at == 0 {
            points[0] = Point::new(0.0, 0.0);
        }
        panel.lines.push(Line::data(name, points));
    }
    for (at, name) in NAMES[..bounds].iter().enumerate() {
        let base = 10f64.powf(2.0 + 2.0 * at as f64);
        let points = stalled.iter().map(|x| Point::new(*x, base * (1.5 + 0.5 * x)));
        panel.lines.push(Line::bound(name, points.collect()));
    }
    figure.panels.push(panel);
    figure
}

/// Unreclaimed nodes over time, with the window of an adversary.
pub(super) fn over_time(lines: usize, scale: Scale) -> Figure {
    let x = AxisSpec::new("time since the window began", Some("s"), Scale::Linear);
    let mut figure = Figure::new(x, AxisSpec::new("unreclaimed nodes", None, scale));
    let line = |at: usize| {
        let mut noise = noise(at);
        let grows = at.is_multiple_of(2);
        let point = |step: i32| {
            let t = f64::from(step) / 1000.0 * 2.0;
            let stalled = (t - 0.6).clamp(0.0, 0.6);
            let y = if grows { 4e6 * stalled * (1.0 + at as f64) } else { 3e4 * at as f64 };
            Point::new(t, 900.0 + (y * (0.95 + 0.1 * noise())).floor())
        };
        Line::data(NAMES[at], (0..=1000).map(point).collect())
    };
    figure.panels.push(Panel {
        lines: (0..lines).map(line).collect(),
        bands: vec![Band { from: 0.6, to: 1.2, name: "1 thread stalled".into() }],
        ..Panel::default()
    });
    figure
}

/// Memory against throughput, along the number of threads, with two keys.
pub(super) fn scatter() -> Figure {
    let x = AxisSpec::new("throughput", Some("Mops/s"), Scale::Linear);
    let mut figure = Figure::new(x, AxisSpec::new("mean unreclaimed nodes", None, Scale::Log10));
    let mut panel = Panel::default();
    for (at, scheme) in NAMES[1..4].iter().enumerate() {
        for (nth, structure) in ["list", "hash-map"].into_iter().enumerate() {
            let point = |threads: f64| Point {
                label: Some(format!("{threads}")),
                ..Point::new(
                    (1.0 + at as f64) * threads / (threads + 4.0) * (3.0 + 4.0 * nth as f64),
                    100.0 * threads * 10f64.powi(i32::try_from(at).expect("few")),
                )
            };
            let name = format!("{scheme}, {structure}");
            let points = [1.0, 4.0, 16.0, 64.0].map(point).to_vec();
            panel
                .lines
                .push(Line { key: Key::two(scheme, structure), ..Line::data(&name, points) });
        }
    }
    figure.panels.push(panel);
    figure
}

/// Categories on the horizontal axis: points that are not joined.
pub(super) fn categories(long: bool) -> Figure {
    let mut names = ["list", "hash-map", "skip-list", "bonsai", "queue"].map(String::from).to_vec();
    if long {
        names.extend((0..6).map(|at| format!("a structure with a long name, {at}")));
    }
    let x = AxisSpec::new("structure", None, Scale::Categories(names.clone()));
    let mut figure = Figure::new(x, AxisSpec::new("time per operation", Some("ns"), Scale::Linear));
    let mut panel = Panel::default();
    for (at, name) in NAMES[..4].iter().enumerate() {
        let mut noise = noise(at + 5);
        let point = |x| repeated(x as f64, 100.0 + 300.0 * noise(), &mut self::noise(x + 10 * at));
        let points = (0..names.len()).map(point).collect();
        panel.lines.push(Line { joined: false, ..Line::data(name, points) });
    }
    figure.panels.push(panel);
    figure
}

/// Names that are too long everywhere.
pub(super) fn long_names() -> Figure {
    let long = "a name that is much longer than any line of a figure could ever be, and then some more of it";
    let mut figure = throughput(4, 3);
    figure.title = Some(format!("The title is {long}"));
    figure.x.label = format!("worker threads, {long}");
    figure.y.label = format!("throughput, {long}");
    for panel in &mut figure.panels {
        panel.title = format!("{} {long}", panel.title);
        panel.rules[0].name = long.into();
        panel.bands.push(Band { from: 2.0, to: 4.0, name: long.into() });
        for line in &mut panel.lines {
            line.name = format!("{}, {long}", line.name);
        }
    }
    figure.shared_y = false;
    figure
}

/// All samples with their names.
pub(super) fn all() -> Vec<(String, Figure)> {
    let mut all = Vec::new();
    let mut add = |name: &str, figure: Figure| all.push((name.to_string(), figure));
    for lines in [2, 6, 12, 19] {
        add(&format!("throughput-{lines}"), throughput(lines, 1));
        add(&format!("peaks-{lines}"), peaks(lines, if lines > 6 { 6 } else { 2 }));
    }
    for panels in [2, 3, 4, 6, 9, 14, 28] {
        add(&format!("panels-{panels}"), throughput(5, panels));
    }
    add("panels-own", Figure { shared_y: false, ..throughput(19, 6) });
    add("panels-own-28", Figure { shared_y: false, ..throughput(6, 28) });
    add("time-linear", over_time(6, Scale::Linear));
    add("time-2", over_time(2, Scale::Linear));
    let mut log = over_time(6, Scale::Log10);
    log.x.scale = Scale::Log10;
    add("time-log-log", log);
    add("scatter", scatter());
    add("categories", categories(false));
    add("categories-long", categories(true));
    add("long-names", long_names());
    let mut one = peaks(2, 1);
    one.panels[0].lines.iter_mut().for_each(|line| line.points.truncate(1));
    one.panels[0].lines[0].points[0].y = 77.0;
    add("one-point", one);
    let mut none = throughput(2, 2);
    none.panels.iter_mut().for_each(|panel| panel.lines.clear());
    add("no-point", none);
    let mut many = throughput(30.min(NAMES.len()), 1);
    many.title = Some("Throughput follows the threads up to the hardware".into());
    add("lines-24", many);
    add("bound-one", peaks(1, 1));
    let mut above = peaks(3, 3);
    above.panels[0].lines[4].points.iter_mut().for_each(|point| point.y = 1e13);
    above.panels[0].lines[5].points.iter_mut().for_each(|point| point.y = 2e14);
    add("bounds-above", above);
    all
}
