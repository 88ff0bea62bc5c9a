//! Texts and tables as HTML.

use serde_json::Value;

/// Returns a text as HTML shows it, in elements and in attributes with quotes.
pub(super) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Parsers of HTML take some control characters for mistakes, and terminals for commands.
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Returns data for a script element. No text in it ends the element or begins a comment, and each is also one of
/// JavaScript. These characters are in strings only, where JSON may escape them.
pub(super) fn data(value: &Value) -> String {
    let mut escaped = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A table of texts.
pub(super) struct Table<'a> {
    /// The caption, which screen readers announce too.
    pub(super) caption: &'a str,
    pub(super) header: &'a [&'a str],
    pub(super) rows: &'a [Vec<String>],
    /// The columns that are aligned at the right.
    pub(super) numbers: &'a [usize],
}

/// A table with more rows than this scrolls vertically in its own frame.
const LONG: usize = 40;

/// A cell with more characters than this may break into several lines.
const WIDE: usize = 40;

impl Table<'_> {
    /// Returns the table in a frame that scrolls by itself. Without a header, the first cell of each row is
    /// its heading.
    pub(super) fn html(&self) -> String {
        self.marked(|_, _| "")
    }

    /// Returns the same table, whose cells have the classes that `mark` returns for a row and a column.
    pub(super) fn marked(&self, mark: impl Fn(usize, usize) -> &'static str) -> String {
        let name = text(self.caption);
        let long = if self.rows.len() > LONG { " long" } else { "" };
        let facts = if self.header.is_empty() { " class=\"facts\"" } else { "" };
        let mut html = format!(
            "<div class=\"scroll{long}\" role=\"region\" aria-label=\"{name}\" tabindex=\"0\"><table{facts}>\
             <caption><span>{name}</span></caption>\n"
        );
        let side = |column: usize| if self.numbers.contains(&column) { "n" } else { "" };
        if !self.header.is_empty() {
            html.push_str("<thead><tr>");
            for (column, name) in self.header.iter().enumerate() {
                let class = class(&[side(column)]);
                html.push_str(&format!("<th scope=\"col\"{class}>{}</th>", text(name)));
            }
            html.push_str("</tr></thead>\n");
        }
        html.push_str("<tbody>\n");
        for (at, row) in self.rows.iter().enumerate() {
            html.push_str("<tr>");
            for (column, cell) in row.iter().enumerate() {
                let wide = if cell.chars().count() > WIDE { "w" } else { "" };
                let class = class(&[side(column), wide, mark(at, column)]);
                let (begin, end) = match (self.header.is_empty(), column) {
                    (true, 0) => ("th scope=\"row\"", "th"),
                    _ => ("td", "td"),
                };
                html.push_str(&format!("<{begin}{class}>{}</{end}>", text(cell)));
            }
            html.push_str("</tr>\n");
        }
        html + "</tbody></table></div>\n"
    }
}

/// Returns the attribute with these classes, of which some may be empty.
fn class(classes: &[&str]) -> String {
    let there: Vec<&str> = classes.iter().copied().filter(|class| !class.is_empty()).collect();
    if there.is_empty() { String::new() } else { format!(" class=\"{}\"", there.join(" ")) }
}

/// Returns a paragraph.
pub(super) fn paragraph(words: &str) -> String {
    // A line does not end between a number and its sign.
    format!("<p>{}</p>\n", text(&words.replace(" %", "\u{a0}%")))
}

/// Returns names as a list in a sentence: `a, b and c`.
pub(super) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).into(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_and_data_stay_what_they_are() {
        assert_eq!(
            text("</p><script>\"x\" & 'y'\u{1b}"),
            "&lt;/p&gt;&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;\u{fffd}"
        );
        let value = json!({ "</script><!--": "a\u{2028}b\u{2029}c & \"d\" <" });
        let escaped = data(&value);
        for part in ["<", ">", "&", "\u{2028}", "\u{2029}"] {
            assert!(!escaped.contains(part), "{part:?} is in {escaped}");
        }
        let again: Value = serde_json::from_str(&escaped).expect("JSON");
        assert_eq!(again, value);
    }

    #[test]
    fn tables_have_headers_and_escaped_cells() {
        let rows = [vec!["<b>".to_string(), "1".into()]];
        let html = Table { caption: "a \"b\"", header: &["name", "n"], rows: &rows, numbers: &[1] }
            .marked(|_, column| if column == 1 { "broken" } else { "" });
        for part in [
            "aria-label=\"a &quot;b&quot;\"",
            "<th scope=\"col\" class=\"n\">n</th>",
            "<td>&lt;b&gt;</td><td class=\"n broken\">1</td>",
        ] {
            assert!(html.contains(part), "`{part}` is not in {html}");
        }
    }

    #[test]
    fn lists_are_read_as_sentences() {
        assert_eq!([list(&["a"]), list(&["a", "b", "c"])], ["a", "a, b and c"]);
    }
}
