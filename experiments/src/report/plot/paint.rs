//! Draws figures as SVG, text as text.

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::canvas::{Area, Painted, Pixel};
use super::figure::{Figure, Panel, Scale, Series};
use super::marks::{paint_bar, paint_line, paint_marker};
use super::style;
use super::ticks;

const FONT: &str = "sans-serif";
/// Height of a line of the title.
const TITLE_LINE: u32 = 24;
/// Width and line height of the legend.
const LEGEND: (u32, i32) = (220, 22);
/// Size and line height of the notes.
const NOTE: (u32, u32) = (11, 16);

/// The figure as the text of an SVG file.
pub(crate) fn svg(figure: &Figure) -> Result<String> {
    let mut text = String::new();
    paint(figure, &mut text).map_err(|error| anyhow!("cannot draw `{}`: {error}", figure.title))?;
    Ok(text)
}

fn paint(figure: &Figure, text: &mut String) -> Painted {
    let many = figure.panels.len() > 1;
    let columns = figure.panels.len().clamp(1, 2);
    let rows = figure.panels.len().div_ceil(columns).max(1);
    let (width, height) = if many { (430, 300) } else { (760, 500) };
    let wide = u32::try_from(columns)? * width + LEGEND.0;
    let entries = legend(figure);
    let for_legend = u32::try_from(entries.len())? * u32::try_from(LEGEND.1)? + 20;
    let high = (u32::try_from(rows)? * height).max(for_legend);
    let title = wrap(&figure.title, (wide as usize - 40) / 8);
    let notes: Vec<String> =
        figure.notes.iter().flat_map(|note| wrap(note, (wide as usize - 40) / 6)).collect();
    let title_height = u32::try_from(title.len())? * TITLE_LINE + 16;
    let notes_height = u32::try_from(notes.len())? * NOTE.1 + 10;
    let size = (wide, title_height + high + notes_height);
    let root = SVGBackend::with_string(text, size).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, rest) = root.split_vertically(title_height);
    paint_lines(&title, (18, TITLE_LINE, 12), &BLACK.mix(1.0), &head)?;
    let (body, foot) = rest.split_vertically(high);
    paint_lines(&notes, (NOTE.0, NOTE.1, 4), &BLACK.mix(0.6), &foot)?;
    let (plots, legend) = body.split_horizontally(size.0 - LEGEND.0);
    let (plots, _) = plots.split_vertically(u32::try_from(rows)? * height);
    for (panel, area) in figure.panels.iter().zip(plots.split_evenly((rows, columns))) {
        paint_panel(figure, panel, &area, many, &root)?;
    }
    paint_legend(&entries, &legend)?;
    root.present()?;
    Ok(())
}

/// Lines of text: size, height of a line, and where the first begins.
fn paint_lines(
    lines: &[String],
    (size, height, top): (u32, u32, i32),
    colour: &RGBAColor,
    area: &Area<'_>,
) -> Painted {
    for (row, line) in (0..).zip(lines) {
        let at = (20, top + row * i32::try_from(height)?);
        area.draw(&Text::new(line.clone(), at, (FONT, size).into_font().color(colour)))?;
    }
    Ok(())
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// The limits of both axes and where their ticks are, in axis units.
fn axes(figure: &Figure, panel: &Panel) -> (std::ops::Range<f64>, Vec<f64>, Vec<f64>) {
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let right = most(&mut figure.values().map(|(x, _)| figure.across(x)));
    let (x_range, x_ticks) = match &figure.x_ticks {
        Some(ticks) => {
            let ticks: Vec<f64> = ticks.iter().map(|tick| figure.across(*tick)).collect();
            let left = ticks.iter().copied().fold(right, f64::min);
            let margin = ((right - left) * 0.05).max(0.25);
            (left - margin..right + margin, ticks)
        }
        None => {
            let mut ticks = ticks::linear(right, 7.0);
            ticks.retain(|tick| *tick <= right * 1.02);
            (0.0..(right * 1.02).max(1e-6), ticks)
        }
    };
    let y_ticks = match figure.y_scale {
        Scale::Log => ticks::decades(most(&mut figure.values().map(|(_, y)| figure.height(y)))),
        // Throughput differs by far between structures: each panel has its own limits.
        Scale::Linear => {
            let own = Figure { panels: vec![panel.clone()], ..figure.clone() };
            ticks::linear(most(&mut own.values().map(|(_, y)| y)).max(1e-3), 6.0)
        }
    };
    (x_range, x_ticks, y_ticks)
}

fn paint_panel(
    figure: &Figure,
    panel: &Panel,
    area: &Area<'_>,
    many: bool,
    root: &Area<'_>,
) -> Painted {
    let (x_range, x_ticks, y_ticks) = axes(figure, panel);
    let top = y_ticks.last().copied().unwrap_or(1.0);
    // Zero values lie on the axis; a little room below keeps their markers whole.
    let bottom = -top * 0.03;
    let (small, normal) = if many { (12, 13) } else { (14, 16) };
    let mut builder = ChartBuilder::on(area);
    builder.margin(8).margin_right(14).x_label_area_size(46).y_label_area_size(if many {
        58
    } else {
        74
    });
    builder.caption(&panel.title, (FONT, 15));
    let x_axis = Axis { range: x_range, ticks: x_ticks.clone() };
    let y_axis = Axis { range: bottom..top * 1.02, ticks: y_ticks.clone() };
    let mut chart = builder.build_cartesian_2d(x_axis, y_axis)?;
    let log = figure.y_scale == Scale::Log;
    let y_text = move |y: &f64| if log { ticks::power_of_ten(*y) } else { ticks::decimal(*y) };
    let y_label = if many {
        figure.y_label.split(" (log").next().unwrap_or_default()
    } else {
        &figure.y_label
    };
    chart
        .configure_mesh()
        .x_labels(x_ticks.len())
        .y_labels(y_ticks.len())
        .x_label_formatter(&|x| ticks::decimal(figure.value_across(*x)))
        .y_label_formatter(&y_text)
        .label_style((FONT, small))
        .axis_desc_style((FONT, normal))
        .x_desc(&figure.x_label)
        .y_desc(y_label)
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .draw()?;
    // Bounds first, so that measurements are drawn over them.
    let (bounds, data): (Vec<&Series>, Vec<_>) = panel.series.iter().partition(|s| s.is_bound);
    let all = bounds.into_iter().zip(std::iter::repeat(0)).chain(beside(&data));
    for (series, aside) in all {
        let place = |x: f64, y: f64| {
            let (x, y) = chart.backend_coord(&(figure.across(x), figure.height(y)));
            (x + aside, y)
        };
        paint_series(series, place, root)?;
    }
    Ok(())
}

/// Bars at the same x would cover each other: each series with how many pixels it stands aside.
fn beside<'a>(data: &[&'a Series]) -> Vec<(&'a Series, i32)> {
    let count = i32::try_from(data.len()).unwrap_or(1).max(1);
    let ranged = data.iter().any(|series| !series.ranges.is_empty());
    // All together are narrower than the space between two values of x.
    let aside =
        |at: i32| if ranged { (2 * at - (count - 1)) * 36.min(4 * count) / (2 * count) } else { 0 };
    (0..count).zip(data).map(|(at, series)| (*series, aside(at))).collect()
}

fn paint_series(series: &Series, place: impl Fn(f64, f64) -> Pixel, root: &Area<'_>) -> Painted {
    let style = style::of(&series.scheme);
    let points: Vec<Pixel> = series.points.iter().map(|(x, y)| place(*x, *y)).collect();
    for (x, low, high) in &series.ranges {
        paint_bar(place(*x, *low), place(*x, *high), style, root)?;
    }
    paint_line(&points, style, series.is_bound, root)?;
    let every = if series.sparse { (points.len() / 12).max(1) } else { 1 };
    for point in points.iter().step_by(every) {
        paint_marker(*point, style, series.is_bound, root)?;
    }
    Ok(())
}

/// One series for each entry, in the order of the registry.
fn legend(figure: &Figure) -> Vec<&Series> {
    let mut entries: Vec<&Series> = Vec::new();
    for series in figure.panels.iter().flat_map(|panel| &panel.series) {
        if !entries.iter().any(|entry| entry.label() == series.label()) {
            entries.push(series);
        }
    }
    let names = style::schemes(entries.iter().map(|entry| entry.scheme.as_str()));
    entries
        .sort_by_key(|entry| (names.iter().position(|name| *name == entry.scheme), entry.is_bound));
    entries
}

/// Beside the plots, so that it covers no data.
fn paint_legend(entries: &[&Series], area: &Area<'_>) -> Painted {
    for (row, entry) in (0..).zip(entries) {
        let y = 20 + row * LEGEND.1;
        let style = style::of(&entry.scheme);
        paint_line(&[(6, y), (50, y)], style, entry.is_bound, area)?;
        paint_marker((28, y), style, entry.is_bound, area)?;
        let font = (FONT, 14).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(entry.label(), (58, y), font))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(scheme: &str, is_bound: bool) -> Series {
        let ranges = if is_bound { Vec::new() } else { vec![(1.0, 1.0, 3.0)] };
        Series { is_bound, ranges, ..Series::data(scheme, vec![(1.0, 2.0), (32.0, 5.0)]) }
    }

    fn figure(series: Vec<Series>) -> Figure {
        Figure {
            title: "what?".into(),
            notes: vec!["of this run".into()],
            x_label: "threads".into(),
            y_label: "nodes".into(),
            x_ticks: Some(vec![1.0, 2.0, 32.0]),
            x_doubles: true,
            y_scale: Scale::Log,
            panels: vec![Panel { title: "list, reads".into(), series }],
        }
    }

    #[test]
    fn a_figure_says_what_it_is_of() {
        let text = svg(&figure(vec![series("ibr", false), series("ibr", true)])).expect("drawn");
        for part in ["what?", "list, reads", "of this run", "ibr, bound", "threads", "nodes"] {
            assert!(text.contains(part), "`{part}` is not in {text}");
        }
        // The last label of the horizontal axis is the value, not its logarithm.
        assert!(text.contains(">\n32\n<"), "{text}");
    }

    #[test]
    fn all_of_the_legend_is_on_the_page() {
        let all = kovan_schemes::registry::all();
        let each = all.iter().flat_map(|f| [series(f.name, false), series(f.name, true)]);
        let text = svg(&figure(each.collect())).expect("drawn");
        let size = text.split("height=\"").nth(1).and_then(|rest| rest.split('"').next());
        let height: i32 = size.and_then(|size| size.parse().ok()).expect("a height");
        let rows = i32::try_from(2 * all.len()).expect("few");
        assert!(height > 20 + rows * LEGEND.1, "{rows} rows in {height} pixels");
    }

    #[test]
    fn bars_stand_side_by_side() {
        let two = [series("ibr", false), series("wfe", false)];
        let asides = |of: &[&Series]| beside(of).iter().map(|(_, x)| *x).collect::<Vec<_>>();
        assert_eq!(asides(&[&two[0], &two[1]]), [-2, 2]);
        let many = asides(&[&two[0]; 19]);
        assert_eq!((many[0], many[9], many[18]), (-17, 0, 17));
        let plain = Series { ranges: Vec::new(), ..two[0].clone() };
        assert_eq!(asides(&[&plain, &plain]), [0, 0]);
    }

    #[test]
    fn titles_wrap_at_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
    }
}
