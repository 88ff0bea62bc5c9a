//! Draws figures as SVG, text as text.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::figure::{Figure, Panel, Scale, Series};
use super::style::{self, Marker, Style};
use super::ticks;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Pixel = (i32, i32);

const FONT: &str = "sans-serif";
/// Height of a line of the title.
const TITLE_LINE: u32 = 24;
/// Width and line height of the legend.
const LEGEND: (u32, i32) = (220, 22);
/// Half the size of a marker.
const MARKER: i32 = 5;

/// The figure as the text of an SVG file.
pub(crate) fn svg(figure: &Figure) -> Result<String> {
    let mut text = String::new();
    paint(figure, &mut text).map_err(|error| anyhow!("cannot draw `{}`: {error}", figure.title))?;
    Ok(text)
}

type Painted = Result<(), Box<dyn std::error::Error>>;

fn paint(figure: &Figure, text: &mut String) -> Painted {
    let many = figure.panels.len() > 1;
    let columns = figure.panels.len().clamp(1, 2);
    let rows = figure.panels.len().div_ceil(columns).max(1);
    let (width, height) = if many { (430, 300) } else { (760, 500) };
    let wide = u32::try_from(columns)? * width + LEGEND.0;
    let title = wrap(&figure.title, (wide as usize - 40) / 8);
    let title_height = u32::try_from(title.len())? * TITLE_LINE + 16;
    let size = (wide, title_height + u32::try_from(rows)? * height + 10);
    let root = SVGBackend::with_string(text, size).into_drawing_area();
    root.fill(&WHITE)?;
    for (row, line) in (0..).zip(&title) {
        let at = (20, 12 + row * i32::try_from(TITLE_LINE)?);
        root.draw(&Text::new(line.clone(), at, (FONT, 18).into_font()))?;
    }
    let (_, body) = root.split_vertically(title_height);
    let (plots, legend) = body.split_horizontally(size.0 - LEGEND.0);
    for (panel, area) in figure.panels.iter().zip(plots.split_evenly((rows, columns))) {
        paint_panel(figure, panel, &area, many, &root)?;
    }
    paint_legend(figure, &legend)?;
    root.present()?;
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
    let right = most(&mut figure.values().map(|(x, _)| x));
    let (x_range, x_ticks) = match &figure.x_ticks {
        Some(ticks) => {
            let left = ticks.iter().copied().fold(right, f64::min);
            let margin = ((right - left) * 0.05).max(0.25);
            (left - margin..right + margin, ticks.clone())
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
    if many {
        builder.caption(&panel.title, (FONT, 15));
    }
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
        .x_label_formatter(&|x| ticks::decimal(*x))
        .y_label_formatter(&y_text)
        .label_style((FONT, small))
        .axis_desc_style((FONT, normal))
        .x_desc(&figure.x_label)
        .y_desc(y_label)
        .bold_line_style(BLACK.mix(0.12))
        .light_line_style(TRANSPARENT)
        .draw()?;
    // Bounds first, so that measurements are drawn over them.
    for series in panel
        .series
        .iter()
        .filter(|s| s.is_bound)
        .chain(panel.series.iter().filter(|s| !s.is_bound))
    {
        let place = |x: f64, y: f64| chart.backend_coord(&(x, figure.height(y)));
        paint_series(series, place, root)?;
    }
    Ok(())
}

fn paint_series(series: &Series, place: impl Fn(f64, f64) -> Pixel, root: &Area<'_>) -> Painted {
    let style = style::of(&series.scheme);
    let points: Vec<Pixel> = series.points.iter().map(|(x, y)| place(*x, *y)).collect();
    for (x, low, high) in &series.ranges {
        root.draw(&PathElement::new(
            vec![place(*x, *low), place(*x, *high)],
            style.colour.stroke_width(1),
        ))?;
    }
    paint_line(&points, style, series.is_bound, root)?;
    if series.is_bound {
        return Ok(());
    }
    let every = if series.sparse { (points.len() / 12).max(1) } else { 1 };
    for point in points.iter().step_by(every) {
        paint_marker(*point, style, root)?;
    }
    Ok(())
}

fn paint_line(points: &[Pixel], style: Style, is_bound: bool, area: &Area<'_>) -> Painted {
    let (dashes, width) = if is_bound { (style::BOUND_DASHES, 1) } else { (style.dashes, 2) };
    for stroke in strokes(points, dashes) {
        area.draw(&PathElement::new(stroke, style.colour.stroke_width(width)))?;
    }
    Ok(())
}

/// Cuts a line into strokes.
#[allow(clippy::cast_possible_truncation)] // Pixels.
fn strokes(points: &[Pixel], dashes: &[f64]) -> Vec<Vec<Pixel>> {
    if dashes.is_empty() {
        return vec![points.to_vec()];
    }
    let mut all = Vec::new();
    let (mut nth, mut left) = (0, dashes[0]);
    let mut stroke: Vec<Pixel> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let (dx, dy) = (f64::from(x1 - x0), f64::from(y1 - y0));
        let length = dx.hypot(dy);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let part = done / length;
            let at = (x0 + (dx * part).round() as i32, y0 + (dy * part).round() as i32);
            if nth % 2 == 0 {
                stroke.push(at);
                all.push(std::mem::take(&mut stroke));
            } else {
                stroke = vec![at];
            }
            nth += 1;
            left = dashes[nth % dashes.len()];
        }
        left -= length - done;
        if nth % 2 == 0 {
            stroke.push((x1, y1));
        }
    }
    if stroke.len() > 1 {
        all.push(stroke);
    }
    all
}

fn paint_marker(at: Pixel, style: Style, area: &Area<'_>) -> Painted {
    let (x, y) = at;
    let m = MARKER;
    let fill = style.colour.filled();
    match style.marker {
        Marker::Circle => area.draw(&Circle::new(at, m, fill))?,
        Marker::Square => {
            area.draw(&Rectangle::new([(x - m + 1, y - m + 1), (x + m - 1, y + m - 1)], fill))?
        }
        Marker::Up => {
            area.draw(&Polygon::new(vec![(x, y - m), (x - m, y + m), (x + m, y + m)], fill))?
        }
        Marker::Down => {
            area.draw(&Polygon::new(vec![(x, y + m), (x - m, y - m), (x + m, y - m)], fill))?
        }
        Marker::Diamond => {
            let (m, corner) = (m + 1, |dx, dy| (x + dx, y + dy));
            area.draw(&Polygon::new(
                vec![corner(0, -m), corner(m, 0), corner(0, m), corner(-m, 0)],
                fill,
            ))?;
        }
        Marker::Cross => {
            for slope in [1, -1] {
                let line = vec![(x - m, y - m * slope), (x + m, y + m * slope)];
                area.draw(&PathElement::new(line, style.colour.stroke_width(2)))?;
            }
        }
    }
    Ok(())
}

/// Beside the plots, so that it covers no data.
fn paint_legend(figure: &Figure, area: &Area<'_>) -> Painted {
    let mut entries: Vec<&Series> = Vec::new();
    for series in figure.panels.iter().flat_map(|panel| &panel.series) {
        if !entries.iter().any(|entry| entry.label() == series.label()) {
            entries.push(series);
        }
    }
    let names = style::schemes(entries.iter().map(|entry| entry.scheme.as_str()));
    entries
        .sort_by_key(|entry| (names.iter().position(|name| *name == entry.scheme), entry.is_bound));
    for (row, entry) in (0..).zip(entries) {
        let y = 20 + row * LEGEND.1;
        let style = style::of(&entry.scheme);
        paint_line(&[(6, y), (50, y)], style, entry.is_bound, area)?;
        if !entry.is_bound {
            paint_marker((28, y), style, area)?;
        }
        let font = (FONT, 14).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(entry.label(), (58, y), font))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_follow_the_line() {
        assert_eq!(strokes(&[(0, 0), (10, 0)], &[]), [[(0, 0), (10, 0)]]);
        let cut = strokes(&[(0, 0), (5, 0), (10, 0)], &[3.0, 4.0]);
        assert_eq!(cut, [vec![(0, 0), (3, 0)], vec![(7, 0), (10, 0)]]);
        assert!(strokes(&[], &[3.0, 4.0]).is_empty());
    }

    #[test]
    fn titles_wrap_at_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
    }
}
