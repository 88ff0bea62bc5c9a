//! Insertions into source files. Each finds its place by a line that is there once, and fails where it is not.

use anyhow::{Context, Result, ensure};

/// The widest line of the import lists, as `rustfmt` has it.
const WIDTH: usize = 100;

/// The place of an insertion.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// The place behind this line.
    After(&'static str),
    /// The end of the block that this line begins, before the next line that is as the second one.
    EndOf(&'static str, &'static str),
    /// The place in the order of the lines that begin with the first text, around the line that is as the second one.
    Sorted(&'static str, &'static str),
    /// The place in the list in braces that this line begins.
    Import(&'static str),
}

/// Returns the text with `new` inserted.
pub(super) fn insert(text: &str, at: At, new: &str) -> Result<String> {
    let lines: Vec<&str> = text.lines().collect();
    let (index, new) = match at {
        At::After(line) => (find(&lines, line)? + 1, new.to_owned()),
        At::EndOf(first, last) => {
            let first = find(&lines, first)?;
            let inside = lines[first..].iter().position(|line| *line == last);
            let inside = inside.with_context(|| format!("there is no line `{last}` after it"))?;
            (first + inside, new.to_owned())
        }
        At::Sorted(prefix, line) => {
            (sorted(&lines, prefix, find(&lines, line)?, new), new.to_owned())
        }
        At::Import(first) => return import(&lines, find(&lines, first)?, new),
    };
    let (before, after) = lines.split_at(index);
    Ok(join(&[before, &[new.as_str()], after]))
}

fn join(parts: &[&[&str]]) -> String {
    parts.concat().join("\n") + "\n"
}

/// Returns where the line is.
fn find(lines: &[&str], wanted: &str) -> Result<usize> {
    let all: Vec<usize> = (0..lines.len()).filter(|at| lines[*at] == wanted).collect();
    ensure!(all.len() < 2, "the line `{}` is there {} times", wanted.trim(), all.len());
    all.first().copied().with_context(|| format!("there is no line `{}`", wanted.trim()))
}

/// Returns the place of `new` in the run of lines around `at` that begin with the prefix. Those that go on from one
/// of them belong to the run.
fn sorted(lines: &[&str], prefix: &str, at: usize, new: &str) -> usize {
    let goes_on = |line: &str| !prefix.starts_with(' ') && line.starts_with([' ', '}']);
    let is_part = |line: &&str| line.starts_with(prefix) || goes_on(line);
    let first = at - lines[..at].iter().rev().take_while(|line| is_part(line)).count();
    let end = at + lines[at..].iter().take_while(|line| is_part(line)).count();
    let follows = |at: &usize| lines[*at].starts_with(prefix) && lines[*at] > new;
    (first..end).find(follows).unwrap_or(end)
}

/// Adds a name to the import that begins at this line, in its order, and wraps its lines as `rustfmt` does.
fn import(lines: &[&str], first: usize, new: &str) -> Result<String> {
    let end = lines[first..].iter().position(|line| *line == "};");
    let end = first + end.context("the import does not end with a line `};`")?;
    let listed = lines[first + 1..end].concat();
    let mut names: Vec<&str> =
        listed.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let place = names.iter().position(|name| *name > new).unwrap_or(names.len());
    names.insert(place, new);
    let mut wrapped: Vec<String> = Vec::new();
    for name in names {
        match wrapped.last_mut() {
            Some(line) if line.len() + name.len() + 2 <= WIDTH => *line += &format!(" {name},"),
            _ => wrapped.push(format!("    {name},")),
        }
    }
    let wrapped: Vec<&str> = wrapped.iter().map(String::as_str).collect();
    Ok(join(&[&lines[..=first], &wrapped, &lines[end..]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_to_their_places() {
        let text = "use x;\nmod b;\nmod d;\n\nmod a;\nrows! {\n    b,\n}\n}\n";
        let at = |at, new| insert(text, at, new).expect("inserted");
        assert_eq!(at(At::After("mod b;"), "mod n;"), text.replace("mod b;", "mod b;\nmod n;"));
        assert_eq!(at(At::EndOf("rows! {", "}"), "    a,"), text.replace("b,", "b,\n    a,"));
        let sorted = |new| at(At::Sorted("mod ", "mod b;"), new);
        assert_eq!(sorted("mod a0;"), text.replace("mod b;", "mod a0;\nmod b;"));
        assert_eq!(sorted("mod c;"), text.replace("mod d;", "mod c;\nmod d;"));
        assert_eq!(sorted("mod e;"), text.replace("mod d;", "mod d;\nmod e;"));
        let inside = at(At::Sorted("    ", "    b,"), "    c,");
        assert_eq!(inside, text.replace("    b,", "    b,\n    c,"));
    }

    #[test]
    fn an_import_is_wrapped_again() {
        let names: Vec<String> = (10..30).map(|at| format!("Name{at}")).collect();
        let two = format!(
            "use k::{{\n    {},\n    {},\n}};\n",
            names[..11].join(", "),
            names[11..].join(", ")
        );
        let text = insert(&two, At::Import("use k::{"), "Name105").expect("inserted");
        assert!(text.starts_with("use k::{\n    Name10, Name105, Name11,"), "{text}");
        assert!(text.ends_with(" Name29,\n};\n") && text.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(text.matches("Name").count(), 21);
    }

    #[test]
    fn a_place_that_is_not_there_or_twice_is_an_error() {
        let error = |text, at| insert(text, at, "x").expect_err("no place").to_string();
        assert_eq!(error("a\n", At::After("  b")), "there is no line `b`");
        assert_eq!(error("a\na\n", At::After("a")), "the line `a` is there 2 times");
        assert_eq!(error("a\n", At::EndOf("a", "b")), "there is no line `b` after it");
        assert!(error("use {\n", At::Import("use {")).contains("does not end"));
    }
}
