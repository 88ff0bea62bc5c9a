//! Marks of one series: lines with their dashes, markers, bars.

use plotters::prelude::*;

use super::canvas::{Area, Painted, Pixel};
use super::style::{self, Marker, Style};

/// Half the size of a marker.
const MARKER: i32 = 5;

/// A line in the dashes of its scheme, thin and in those of bounds for a bound.
pub(super) fn paint_line(
    points: &[Pixel],
    style: Style,
    is_bound: bool,
    area: &Area<'_>,
) -> Painted {
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

/// Filled at measurements, open and smaller at bounds.
pub(super) fn paint_marker(at: Pixel, style: Style, open: bool, area: &Area<'_>) -> Painted {
    let (x, y) = at;
    let m = if open { MARKER - 1 } else { MARKER };
    let fill = style.colour.filled();
    let line = style.colour.stroke_width(if open { 1 } else { 2 });
    let corners: &[Pixel] = match style.marker {
        Marker::Circle if open => return Ok(area.draw(&Circle::new(at, m, line))?),
        Marker::Circle => return Ok(area.draw(&Circle::new(at, m, fill))?),
        Marker::Square => &[(1 - m, 1 - m), (m - 1, 1 - m), (m - 1, m - 1), (1 - m, m - 1)],
        Marker::Up => &[(0, -m), (-m, m), (m, m)],
        Marker::Down => &[(0, m), (-m, -m), (m, -m)],
        Marker::Diamond => &[(0, -m - 1), (m + 1, 0), (0, m + 1), (-m - 1, 0)],
        Marker::Cross => {
            for slope in [1, -1] {
                let stroke = vec![(x - m, y - m * slope), (x + m, y + m * slope)];
                area.draw(&PathElement::new(stroke, line))?;
            }
            return Ok(());
        }
    };
    let mut outline: Vec<Pixel> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
    if open {
        outline.extend(outline.first().copied());
        area.draw(&PathElement::new(outline, line))?;
    } else {
        area.draw(&Polygon::new(outline, fill))?;
    }
    Ok(())
}

/// A range, with an end at both ends.
pub(super) fn paint_bar(low: Pixel, high: Pixel, style: Style, root: &Area<'_>) -> Painted {
    let end = |(x, y): Pixel| vec![(x - 3, y), (x + 3, y)];
    for line in [vec![low, high], end(low), end(high)] {
        root.draw(&PathElement::new(line, style.colour.stroke_width(1)))?;
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
}
