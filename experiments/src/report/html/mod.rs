//! A report of results folders as one page that needs no network: text, tables, and figures that can be read
//! closely.
//!
//! ```text
//! answer, figures, tables, claims, matrix, facts (sections) -> mod (the page)
//! ```
//!
//! Everything is in the page: its style, its program and its data. The tables and the still figures are there without
//! the program too.

mod answer;
mod claims;
mod facts;
mod figures;
mod markup;
mod matrix;
mod tables;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use self::markup::{data, text};
use crate::claims::Outcome;
use crate::report::plot::Figures;
use crate::results::Sample;
use crate::results::manifest::Manifest;
use crate::spec::Source;

const STYLE: &str = include_str!("page.css");
const SCALES: &str = include_str!("scales.js");
const CHART: &str = include_str!("chart.js");
const PAGE: &str = include_str!("page.js");

/// The policy by which browsers load nothing for the page, whatever its names and texts hold.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// A results folder that is reported.
pub(crate) struct Reported<'a> {
    /// Its path, as it was given.
    pub(crate) dir: &'a Path,
    /// The spec that it was measured by.
    pub(crate) source: &'a Source,
    /// Its manifest.
    pub(crate) manifest: &'a Manifest,
    /// Its rows of `samples.csv`.
    pub(crate) samples: &'a [Sample],
    /// The verdicts on the claims of the spec.
    pub(crate) outcomes: &'a [Outcome],
    /// The figures that its spec asks for.
    pub(crate) figures: &'a Figures,
}

/// The page as far as it is written: its text and the data of its figures.
#[derive(Default)]
struct Draft {
    html: String,
    charts: Vec<Value>,
}

impl Draft {
    /// Begins a section of an article that is at this level.
    fn section(&mut self, level: usize, anchor: &str, title: &str) {
        self.html
            .push_str(&format!("<section id=\"{anchor}\"><h{level}>{}</h{level}>\n", text(title)));
    }

    fn end(&mut self) {
        self.html.push_str("</section>\n");
    }
}

/// Returns the report of some folders.
///
/// # Errors
/// If a figure cannot be drawn.
pub(crate) fn page(folders: &[Reported<'_>]) -> Result<String> {
    let mut draft = Draft::default();
    let is_one = folders.len() == 1;
    let names: Vec<&str> = folders.iter().map(|of| of.manifest.experiment.as_str()).collect();
    if !is_one {
        draft.html.push_str(&format!("<h1>{} experiments</h1>\n<ul>\n", folders.len()));
        for (at, of) in folders.iter().enumerate() {
            let (name, question) = (text(&of.manifest.experiment), text(&of.manifest.question));
            draft.html.push_str(&format!("<li><a href=\"#e{at}\">{name}</a>: {question}</li>\n"));
        }
        draft.html.push_str("</ul>\n");
    }
    for (at, folder) in folders.iter().enumerate() {
        article(&mut draft, folder, at, if is_one { 1 } else { 2 })?;
    }
    let title = text(&format!("{}: report of kovan-lab", names.join(", ")));
    let Draft { html, charts } = draft;
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <div class=\"top\"><button type=\"button\" id=\"theme\" hidden>dark</button></div>\n\
         <main>\n{html}</main>\n<div id=\"hint\" role=\"status\" hidden></div>\n\
         <script type=\"application/json\" id=\"charts\">{}</script>\n\
         <script>\n\"use strict\";\n(() => {{\n{SCALES}{CHART}{PAGE}}})();\n</script>\n</body>\n</html>\n",
        data(&Value::Array(charts))
    ))
}

/// Adds all sections of a folder.
fn article(draft: &mut Draft, folder: &Reported<'_>, at: usize, level: usize) -> Result<()> {
    let Reported { manifest, .. } = folder;
    draft.html.push_str(&format!(
        "<article id=\"e{at}\">\n<p class=\"over\">experiment <strong>{}</strong>, scale {}, begun {}</p>\n\
         <h{level}>{}</h{level}>\n",
        text(&manifest.experiment),
        manifest.scale,
        text(&manifest.started),
        text(&manifest.question),
    ));
    let level = level + 1;
    let ranked = answer::ranked(folder.source, folder.samples);
    answer::section(draft, folder, &ranked, level, &format!("e{at}-answer"));
    figures::section(draft, folder, level, &format!("e{at}-figures"))?;
    tables::section(draft, folder, &ranked, level, &format!("e{at}-tables"));
    claims::section(draft, folder, level, &format!("e{at}-claims"));
    matrix::section(draft, folder, level, &format!("e{at}-matrix"));
    facts::machine(draft, folder, level, &format!("e{at}-machine"))?;
    facts::method(draft, folder, level, &format!("e{at}-method"));
    facts::repeat(draft, folder, level, &format!("e{at}-repeat"));
    draft.html.push_str("</article>\n");
    Ok(())
}
