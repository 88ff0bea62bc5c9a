//! Marks of lines: clipped and simplified lines, strokes of dashes, markers and bars.

use super::page::{At, Colour, Frame, GREY, Page, Pen, WHITE};
use super::style::{Look, Shape};

/// Cuts a line into the strokes of its dashes.
pub(super) fn strokes(points: &[At], dashes: &[f64]) -> Vec<Vec<At>> {
    if dashes.iter().sum::<f64>() <= 0.0 {
        return vec![points.to_vec()];
    }
    let mut all = Vec::new();
    let (mut nth, mut left) = (0, dashes[0]);
    let mut stroke: Vec<At> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let (dx, dy) = (x1 - x0, y1 - y0);
        let length = dx.hypot(dy);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let at = (x0 + dx * done / length, y0 + dy * done / length);
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

/// Returns the parts of a line that are inside of a frame.
pub(super) fn clip(points: &[At], frame: &Frame) -> Vec<Vec<At>> {
    let mut all: Vec<Vec<At>> = Vec::new();
    let mut open = false;
    for pair in points.windows(2) {
        let Some((from, to)) = clip_segment(pair[0], pair[1], frame) else {
            open = false;
            continue;
        };
        match all.last_mut() {
            Some(part) if open => part.push(to),
            _ => all.push(vec![from, to]),
        }
        open = to == pair[1];
    }
    all
}

/// The part of a segment inside of a frame, after Liang and Barsky.
fn clip_segment((x0, y0): At, (x1, y1): At, frame: &Frame) -> Option<(At, At)> {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    let edges = [
        (-dx, x0 - frame.left),
        (dx, frame.right - x0),
        (-dy, y0 - frame.top),
        (dy, frame.bottom - y0),
    ];
    for (slope, room) in edges {
        if slope == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if slope < 0.0 {
            from = from.max(room / slope);
        } else {
            to = to.min(room / slope);
        }
    }
    let at = |part: f64| if part >= 1.0 { (x1, y1) } else { (x0 + dx * part, y0 + dy * part) };
    (from <= to).then(|| (at(from), at(to)))
}

/// Leaves out the points of a long line that no print shows: of those in a column of a third of a point, the first,
/// the lowest, the highest and the last stay.
pub(super) fn simplify(points: &[At]) -> Vec<At> {
    const COLUMN: f64 = 1.0 / 3.0;
    let is_ascending = points.windows(2).all(|pair| pair[0].0 <= pair[1].0);
    if points.len() < 200 || !is_ascending {
        return points.to_vec();
    }
    let mut all = Vec::new();
    for column in points.chunk_by(|a, b| (a.0 / COLUMN).floor() == (b.0 / COLUMN).floor()) {
        let by_height = |a: &(usize, &At), b: &(usize, &At)| a.1.1.total_cmp(&b.1.1);
        let lowest = column.iter().enumerate().min_by(by_height).map_or(0, |(at, _)| at);
        let highest = column.iter().enumerate().max_by(by_height).map_or(0, |(at, _)| at);
        let mut kept = [0, lowest.min(highest), lowest.max(highest), column.len() - 1].to_vec();
        kept.dedup();
        all.extend(kept.into_iter().map(|at| column[at]));
    }
    all
}

/// The corners of a polygon with a corner at the top. Every other one of a star is nearer.
fn ring((x, y): At, radius: f64, corners: u32, inner: f64) -> Vec<At> {
    let corner = |nth: u32| {
        let radius = if nth % 2 == 1 { radius * inner } else { radius };
        let angle = std::f64::consts::TAU * f64::from(nth) / f64::from(corners);
        (x + radius * angle.sin(), y - radius * angle.cos())
    };
    (0..corners).map(corner).collect()
}

/// Draws a marker. Open ones have a line in the colour and the paper inside.
pub(super) fn marker(page: &mut Page, at: At, radius: f64, look: Look) {
    let (x, y) = at;
    let r = radius;
    let thick = r * 0.5;
    let pen = || Pen::solid(look.colour, thick);
    let corners = match look.shape {
        Shape::Circle => ring(at, r, if r < 1.2 { 8 } else { 20 }, 1.0),
        Shape::Square => {
            let r = r * 0.88;
            Frame { left: x - r, right: x + r, top: y - r, bottom: y + r }.corners()
        }
        Shape::Up => {
            vec![(x, y - 1.25 * r), (x + 1.15 * r, y + 0.8 * r), (x - 1.15 * r, y + 0.8 * r)]
        }
        Shape::Down => {
            vec![(x, y + 1.25 * r), (x + 1.15 * r, y - 0.8 * r), (x - 1.15 * r, y - 0.8 * r)]
        }
        Shape::Diamond => ring(at, 1.25 * r, 4, 1.0),
        Shape::Star => ring(at, 1.4 * r, 10, 0.45),
        Shape::Cross | Shape::Plus => {
            let arms = if look.shape == Shape::Plus {
                [(1.25 * r, 0.0), (0.0, 1.25 * r)]
            } else {
                [(r, r), (r, -r)]
            };
            let width = if look.open { thick } else { 1.6 * thick };
            for (dx, dy) in arms {
                let arm = vec![(x - dx, y - dy), (x + dx, y + dy)];
                page.stroke(arm, Pen::solid(look.colour, width));
            }
            return;
        }
    };
    if look.open {
        page.area(corners.clone(), WHITE);
        let mut outline = corners.clone();
        // The second corner again joins the ends.
        outline.extend(corners.into_iter().take(2));
        page.stroke(outline, pen());
    } else {
        page.area(corners, look.colour);
    }
}

/// Draws a thin ring around a marker whose point is in doubt.
pub(super) fn doubt(page: &mut Page, at: At, radius: f64) {
    let mut outline = ring(at, 2.0 * radius, 24, 1.0);
    // The second corner again joins the ends.
    outline.extend_from_within(..2);
    page.stroke(outline, Pen::solid(GREY, 0.35 * radius));
}

/// Clears the place of a marker, so that it can be seen on a dense line.
pub(super) fn halo(page: &mut Page, at: At, radius: f64, look: Look) {
    marker(page, at, 1.45 * radius, Look { colour: WHITE, open: false, ..look });
}

/// Draws an interval with a bar at both ends.
pub(super) fn interval(page: &mut Page, x: f64, (low, high): (f64, f64), half: f64, pen: &Pen) {
    page.stroke(vec![(x, low), (x, high)], pen.clone());
    for y in [low, high] {
        page.stroke(vec![(x - half, y), (x + half, y)], pen.clone());
    }
}

/// Draws a limit: a thin line with ticks on its upper side, the side that it forbids.
pub(super) fn limit(page: &mut Page, points: &[At], colour: Colour, width: f64) {
    page.stroke(points.to_vec(), Pen::solid(colour, width));
    let (every, long) = (5.5 * width, 4.0 * width);
    for stroke in strokes(points, &[every, 1e-6]) {
        let (Some(&from), Some(&to)) = (stroke.first(), stroke.last()) else { continue };
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if length > 0.5 * every {
            // The normal that points upwards, and so the line may lead to either side.
            let side = if dx < 0.0 { -1.0 } else { 1.0 };
            let normal = (side * dy / length, -side * dx / length);
            let tip = (to.0 + long * (normal.0 + 0.35), to.1 + long * normal.1);
            page.stroke(vec![to, tip], Pen::solid(colour, 0.8 * width));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { left: 0.0, right: 10.0, top: 0.0, bottom: 10.0 };

    #[test]
    fn dashes_are_not_rounded() {
        assert_eq!(strokes(&[(0.0, 0.0), (10.0, 0.0)], &[]), [[(0.0, 0.0), (10.0, 0.0)]]);
        let cut = strokes(&[(0.0, 0.0), (5.0, 0.0), (10.0, 0.0)], &[3.25, 4.5]);
        assert_eq!(cut, [vec![(0.0, 0.0), (3.25, 0.0)], vec![(7.75, 0.0), (10.0, 0.0)]]);
        assert!(strokes(&[], &[3.0, 4.0]).is_empty());
        // Every stroke of a slanted line has the slope of the line.
        for stroke in strokes(&[(0.0, 0.0), (97.3, 31.7)], &[3.3, 1.7]) {
            let ((x0, y0), (x1, y1)) = (stroke[0], stroke[1]);
            assert!(((y1 - y0) / (x1 - x0) - 31.7 / 97.3).abs() < 1e-9);
        }
    }

    #[test]
    fn lines_end_at_the_frame() {
        let parts = clip(&[(-5.0, 5.0), (5.0, 5.0), (5.0, 15.0), (8.0, 15.0), (8.0, 5.0)], &FRAME);
        assert_eq!(
            parts,
            [vec![(0.0, 5.0), (5.0, 5.0), (5.0, 10.0)], vec![(8.0, 10.0), (8.0, 5.0)]]
        );
        assert!(clip(&[(-5.0, 5.0), (-1.0, 20.0)], &FRAME).is_empty());
    }

    #[test]
    fn peaks_stay_in_long_lines() {
        let mut points: Vec<At> = (0..10_000).map(|at| (f64::from(at) / 100.0, 5.0)).collect();
        points[5_003].1 = 0.0;
        let short = simplify(&points);
        assert!(short.len() < 1_000 && short.contains(&points[5_003]));
        assert_eq!((short[0], short.last()), (points[0], points.last()));
    }
}
