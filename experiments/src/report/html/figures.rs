//! Figures that the program of the page draws, each with a still one and a table for those who have no program.

use anyhow::Result;
use kovan_lab_base::support::numbers::readable;

use super::markup::{Table, paragraph, text};
use super::{Draft, Reported};
use crate::report::plot::{self, Figure, Kind, Point};

/// A still figure with more bytes is left out. Long time series make one so large.
const MOST_STILL: usize = 300_000;

/// A figure with more points has no table of its own: the files of the folder have them.
const MOST_ROWS: usize = 1500;

/// Adds the section.
///
/// # Errors
/// If a figure cannot be drawn.
pub(super) fn section(
    draft: &mut Draft,
    folder: &Reported<'_>,
    level: usize,
    anchor: &str,
) -> Result<()> {
    let all = &folder.figures.all;
    draft.section(level, anchor, "Figures");
    if all.is_empty() {
        draft.html.push_str(&paragraph("There is nothing to draw."));
    }
    for (name, figure) in all {
        add(draft, name, figure, level + 1)?;
    }
    draft.end();
    Ok(())
}

fn add(draft: &mut Draft, name: &str, figure: &Figure, level: usize) -> Result<()> {
    let title = format!("{} against {}", figure.y.text(), figure.x.text());
    let still = plot::still(figure)?;
    let still = if still.len() > MOST_STILL {
        format!(
            "<p class=\"note\">The still figure is in the file plots/{}.svg of the folder.</p>",
            text(name)
        )
    } else {
        // HTML knows the element without its name space.
        still.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1)
    };
    draft.html.push_str(&format!(
        "<figure>\n<h{level}>{}</h{level}>\n<div class=\"chart\" data-chart=\"{}\">{still}</div>\n<figcaption>",
        text(&title),
        draft.charts.len(),
    ));
    for note in &figure.notes {
        draft.html.push_str(&paragraph(note));
    }
    match plot::count_broken(figure) {
        0 => {}
        count => draft.html.push_str(&format!(
            "<p class=\"broken\">Points above the bound that their scheme declares (red rings): {count}.</p>\n"
        )),
    }
    if plot::is_thinned(figure) {
        draft.html.push_str(&paragraph(
            "Of long series the page has the lowest and the highest point of each short stretch; series.csv has all.",
        ));
    }
    draft.html.push_str("</figcaption>\n");
    draft.html.push_str(&numbers(figure, &title));
    draft.html.push_str("</figure>\n");
    let mut chart = plot::chart(figure);
    chart["title"] = title.into();
    draft.charts.push(chart);
    Ok(())
}

/// Returns the points of a figure as a table that readers open.
fn numbers(figure: &Figure, title: &str) -> String {
    let lines =
        || figure.panels.iter().flat_map(|panel| panel.lines.iter().map(move |line| (panel, line)));
    let points: usize = lines().map(|(_, line)| line.points.len()).sum();
    if points > MOST_ROWS {
        return format!(
            "<p class=\"note\">The {points} points of this figure are in the tables of the folder.</p>\n"
        );
    }
    let has_interval = figure.measured().any(|point| point.low.is_some());
    let row = |panel: &str, line: &plot::Line, point: &Point| {
        let interval = point.low.zip(point.high).map_or_else(
            || "-".into(),
            |(low, high)| format!("{} to {}", readable(low), readable(high)),
        );
        let mut row = vec![
            panel.to_string(),
            line.name.clone(),
            plot::readable_x(figure, point.x),
            readable(point.y),
        ];
        row.extend(has_interval.then_some(interval));
        let repeats = if line.kind == Kind::Bound {
            "-".into()
        } else {
            point.repeats.len().max(1).to_string()
        };
        row.push(repeats);
        row.push(if point.is_doubtful { "yes".into() } else { "-".into() });
        row
    };
    let rows: Vec<Vec<String>> = lines()
        .flat_map(|(panel, line)| {
            line.points.iter().map(move |point| row(&panel.title, line, point))
        })
        .collect();
    let (x, y) = (figure.x.text(), figure.y.text());
    let mut header = vec!["panel", "line", &x, &y];
    header.extend(has_interval.then_some("95 %"));
    header.extend(["repeats", "disturbed"]);
    let numeric: Vec<usize> = (2..header.len() - 1).collect();
    let caption = format!("the numbers of the figure: {title}");
    let table = Table { caption: &caption, header: &header, rows: &rows, numbers: &numeric };
    let last = header.len() - 1;
    let html = table.marked(|at, _| if rows[at][last] == "yes" { "doubt" } else { "" });
    format!("<details><summary>The numbers of this figure</summary>\n{html}</details>\n")
}
