//! Where names stand inside of a plot and at the ends of its lines.

use super::figure::{Kind, Line, Panel};
use super::font;
use super::page::{At, Frame, Page, Text, WHITE};

/// Finds free places for names.
#[derive(Debug)]
pub(super) struct Placer {
    frame: Frame,
    taken: Vec<Frame>,
    /// Places on the lines of data, close to each other.
    dots: Vec<At>,
}

impl Placer {
    /// Returns a placer for a plot with these lines, in points on the page.
    pub(super) fn new(frame: Frame, lines: &[Vec<At>]) -> Self {
        let mut dots = Vec::new();
        for pair in lines.iter().flat_map(|line| line.windows(2)) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let steps = ((x1 - x0).hypot(y1 - y0) / 2.0).ceil().clamp(1.0, 500.0);
            let mut at = 0.0;
            while at <= steps {
                let part = at / steps;
                dots.push((x0 + (x1 - x0) * part, y0 + (y1 - y0) * part));
                at += 1.0;
            }
        }
        dots.extend(lines.iter().filter(|line| line.len() == 1).map(|line| line[0]));
        Self { frame, taken: Vec::new(), dots }
    }

    /// Keeps names off a rectangle.
    pub(super) fn take(&mut self, frame: Frame) {
        self.taken.push(frame);
    }

    /// Returns the candidate that covers the least, if one covers no other name; the earlier one of two equal ones.
    pub(super) fn best(&mut self, candidates: Vec<Text>) -> Option<Text> {
        let cost = |text: &Text| {
            let frame = text.frame();
            let is_free =
                self.frame.covers(&frame) && !self.taken.iter().any(|other| other.overlaps(&frame));
            is_free.then(|| self.dots.iter().filter(|dot| frame.holds(**dot)).count())
        };
        let all = candidates.into_iter().filter_map(|text| cost(&text).map(|cost| (cost, text)));
        let (_, text) = all.min_by_key(|(cost, _)| *cost)?;
        self.taken.push(text.frame());
        Some(text)
    }
}

/// Draws text on a piece of paper of its own, so that it can be read over lines.
pub(super) fn over_lines(page: &mut Page, text: Text) {
    let mut frame = text.frame();
    frame.left -= 0.1 * text.size;
    frame.right += 0.1 * text.size;
    page.area(frame.corners(), WHITE);
    page.text(text);
}

/// A name at the end of its line.
#[derive(Clone, Debug)]
pub(super) struct End<'a> {
    /// The line.
    pub(super) line: &'a Line,
    /// The last point of the line on the page.
    pub(super) from: At,
    /// The height of the name: its middle.
    pub(super) y: f64,
}

/// How many lines have names at their ends at most.
const MOST: usize = 8;

/// Returns the names at the ends of all lines of a panel, or nothing where they do not fit beside the frame.
pub(super) fn ends<'a>(
    panel: &'a Panel,
    frame: &Frame,
    size: f64,
    last: impl Fn(&Line) -> Option<At>,
) -> Option<Vec<End<'a>>> {
    let mut all = Vec::new();
    for line in &panel.lines {
        match last(line) {
            Some(from) if from.0 > frame.right - 0.14 * frame.width() => {
                all.push(End { line, from, y: from.1 });
            }
            // A limit beyond the plot is named inside.
            None if line.kind == Kind::Bound => {}
            _ => return None,
        }
    }
    if all.is_empty() || all.len() > MOST {
        return None;
    }
    all.sort_by(|a, b| a.y.total_cmp(&b.y));
    spread(&mut all, frame, 1.12 * size);
    let is_near = |end: &End<'_>| (end.y - end.from.1).abs() <= 2.3 * size;
    let is_inside = |end: &End<'_>| (frame.top..=frame.bottom).contains(&end.y);
    all.iter().all(|end| is_near(end) && is_inside(end)).then_some(all)
}

/// Moves names apart so that none covers the next, each group around the middle of its lines.
fn spread(all: &mut [End<'_>], frame: &Frame, apart: f64) {
    // Groups of touching names: the sum of their wanted tops as if all were the first, and how many they are.
    let mut groups: Vec<(f64, f64)> = Vec::new();
    let (top, bottom) = (frame.top + apart / 2.0, frame.bottom - apart / 2.0);
    let first_of =
        |(sum, count): (f64, f64)| (sum / count).min(bottom - (count - 1.0) * apart).max(top);
    for end in all.iter() {
        let mut group = (end.from.1, 1.0);
        while let Some(before) = groups.last().copied() {
            if first_of(before) + before.1 * apart <= first_of(group) {
                break;
            }
            groups.pop();
            group = (before.0 + group.0 - group.1 * before.1 * apart, before.1 + group.1);
        }
        groups.push(group);
    }
    let mut ends = all.iter_mut();
    for group in groups {
        let mut y = first_of(group);
        let mut left = group.1;
        while left > 0.5 {
            if let Some(end) = ends.next() {
                end.y = y;
            }
            y += apart;
            left -= 1.0;
        }
    }
}

/// Returns the width of the widest name of a panel.
pub(super) fn widest(panel: &Panel, size: f64) -> f64 {
    let width = |line: &Line| font::width(&font::plain(&line.name), size, false);
    panel.lines.iter().map(width).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { left: 0.0, right: 100.0, top: 0.0, bottom: 100.0 };

    fn ends_at(heights: &[f64]) -> Option<Vec<f64>> {
        let lines = heights
            .iter()
            .map(|y| Line::data("ibr", vec![super::super::figure::Point::new(0.0, *y)]));
        let panel = Panel { lines: lines.collect(), ..Panel::default() };
        let ends = ends(&panel, &FRAME, 10.0, |line| Some((100.0, line.points[0].y)))?;
        Some(ends.iter().map(|end| end.y).collect())
    }

    #[test]
    fn names_at_ends_stand_apart() {
        let close = ends_at(&[50.0, 52.0, 10.0]).expect("they fit");
        assert_eq!(close[0], 10.0);
        assert!((close[1] - 45.4).abs() < 1e-9 && (close[2] - 56.6).abs() < 1e-9, "{close:?}");
        let low = ends_at(&[99.0, 100.0]).expect("they fit");
        assert!(low[1] <= 95.0 && low[1] - low[0] > 11.0, "{low:?}");
        assert_eq!(ends_at(&[50.0; 8]), None, "too far from their lines");
        assert_eq!(ends_at(&[]), None);
    }

    #[test]
    fn names_inside_keep_apart() {
        let mut placer = Placer::new(FRAME, &[vec![(0.0, 20.0), (100.0, 20.0)]]);
        let text = |y: f64| Text::new((10.0, y), "limit", 10.0);
        let first = placer.best(vec![text(22.0), text(50.0)]).expect("a place");
        assert_eq!(first.at.1, 50.0, "off the line");
        assert!(placer.best(vec![text(52.0)]).is_none(), "off the first name");
        assert!(placer.best(vec![text(-50.0)]).is_none(), "inside of the frame");
    }
}
