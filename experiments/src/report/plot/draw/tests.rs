//! What holds for all figures.

use super::page::{Frame, Page};
use super::*;

const SIZES: [(&str, Size); 3] =
    [("column", Size::Column), ("page", Size::Page), ("slide", Size::Slide)];

/// Writes all samples, to be looked at: `cargo test -p kovan-lab --lib samples_to_look_at -- --ignored`.
#[test]
#[ignore = "writes files"]
fn samples_to_look_at() {
    let dir = std::env::temp_dir().join("figures");
    std::fs::create_dir_all(&dir).expect("a folder");
    for (name, figure) in samples::all() {
        for (width, size) in SIZES {
            let path = |end: &str| dir.join(format!("{name}-{width}.{end}"));
            std::fs::write(path("svg"), svg(&figure, size).expect("drawn")).expect("written");
            std::fs::write(path("pdf"), pdf(&figure, size)).expect("written");
            std::fs::write(path("png"), png(&figure, size).expect("drawn")).expect("written");
        }
    }
    println!("{}", dir.display());
}

/// Calls a check with the page of each sample at each size.
fn for_each_page(check: impl Fn(&str, Size, &Page)) {
    for (name, figure) in samples::all() {
        for (width, size) in SIZES {
            check(&format!("{name} as a {width}"), size, &paint::page(&figure, size));
        }
    }
}

#[test]
fn all_text_is_on_the_page() {
    for_each_page(|name, _, page| {
        let paper = Frame { left: 0.0, right: page.width, top: 0.0, bottom: page.height };
        for text in page.texts() {
            assert!(paper.covers(&text.frame()), "{name}: `{}` at {:?}", text.text, text.frame());
        }
    });
}

#[test]
fn no_text_covers_another() {
    for_each_page(|name, _, page| {
        let texts: Vec<_> = page.texts().collect();
        for (at, text) in texts.iter().enumerate() {
            let mut frame = text.frame();
            // The frame of a line has room for both ascenders and descenders.
            frame.top += 0.15 * text.size;
            frame.bottom -= 0.15 * text.size;
            for other in &texts[..at] {
                assert!(
                    !frame.overlaps(&other.frame()),
                    "{name}: `{}` covers `{}`",
                    text.text,
                    other.text
                );
            }
        }
    });
}

#[test]
fn type_can_be_read() {
    for_each_page(|name, size, page| {
        let least = if size == Size::Slide { 9.0 } else { 8.0 };
        for text in page.texts() {
            assert!(text.size >= least, "{name}: `{}` of {} points", text.text, text.size);
        }
    });
}

#[test]
fn pages_have_their_size() {
    for_each_page(|name, size, page| match size {
        Size::Column => assert!((page.width - 3.3 * 72.0).abs() < 1e-9, "{name}"),
        Size::Page => assert!((page.width - 7.0 * 72.0).abs() < 1e-9, "{name}"),
        Size::Slide => assert_eq!((page.width, page.height), (13.3 * 72.0, 540.0), "{name}"),
    });
    let figure = samples::throughput(2, 1);
    let text = svg(&figure, Size::Page).expect("drawn");
    assert!(text.starts_with("<svg width=\"504pt\" height=\""), "{}", &text[..80]);
    assert!(text.contains("viewBox=\"0 0 50400 "), "{}", &text[..80]);
    let file = png(&figure, Size::Slide).expect("drawn");
    assert_eq!(file[16..20], 1920_u32.to_be_bytes());
    let file = png(&figure, Size::Column).expect("drawn");
    assert_eq!(file[16..20], 990_u32.to_be_bytes());
    let file = pdf(&figure, Size::Column);
    assert!(file.starts_with(b"%PDF-") && file.len() < 120_000, "{} bytes", file.len());
    assert_eq!(file, pdf(&figure, Size::Column), "the same bytes at each call");
}

#[test]
fn nothing_to_draw_is_said() {
    let empty = Figure::new(AxisSpec::default(), AxisSpec::default());
    let mut no_numbers = samples::peaks(2, 1);
    for line in &mut no_numbers.panels[0].lines {
        for (at, point) in line.points.iter_mut().enumerate() {
            point.y = [f64::NAN, f64::INFINITY, -1.0][at % 3];
            (point.low, point.high, point.repeats) = (Some(f64::NAN), None, vec![f64::NAN]);
        }
    }
    let mut no_categories = samples::categories(false);
    no_categories.x.scale = Scale::Categories(Vec::new());
    no_categories.panels[0].lines.clear();
    for figure in [empty, no_numbers, no_categories] {
        for (name, size) in SIZES {
            let text = svg(&figure, size).expect("drawn");
            assert!(text.contains("nothing to draw"), "{name}: {text}");
            assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
            png(&figure, size).expect("drawn");
            assert!(!pdf(&figure, size).is_empty());
        }
    }
    let mut half = samples::throughput(2, 2);
    half.panels[1].lines.clear();
    let text = svg(&half, Size::Page).expect("drawn");
    assert!(text.contains("no points") && !text.contains("nothing to draw"));
}

#[test]
fn odd_values_are_left_out() {
    let mut figure = samples::throughput(3, 1);
    let page = paint::page(&figure, Size::Page);
    for line in &mut figure.panels[0].lines {
        line.points.push(Point::new(f64::NAN, 3.0));
        line.points.push(Point::new(4.0, f64::INFINITY));
        line.points.push(Point::new(-4.0, 3.0));
    }
    let with_odd = paint::page(&figure, Size::Page);
    assert_eq!(format!("{page:?}"), format!("{with_odd:?}"));
}

#[test]
fn names_cannot_break_the_file() {
    let odd = "a<b> & \"c\" 'd' \u{0}\u{1b}\u{fffe}\r\n]]> --> &amp; é ≤ 漢";
    let mut figure = samples::throughput(3, 2);
    figure.title = Some(odd.into());
    figure.notes.push(odd.into());
    figure.x.label = odd.into();
    figure.y.unit = Some(odd.into());
    figure.panels[0].title = odd.into();
    figure.panels[0].rules[0].name = odd.into();
    figure.panels[0].lines[0].name = odd.into();
    for (_, size) in SIZES {
        let text = svg(&figure, size).expect("drawn");
        is_well_formed(&text);
        png(&figure, size).expect("drawn");
        assert!(!pdf(&figure, size).is_empty());
    }
    for (_, figure) in samples::all() {
        is_well_formed(&svg(&figure, Size::Page).expect("drawn"));
    }
}

#[test]
fn points_in_doubt_have_rings() {
    let mut figure = samples::throughput(3, 1);
    let strokes = |figure: &Figure| paint::page(figure, Size::Column).marks.len();
    let before = strokes(&figure);
    for nth in [0, 2] {
        figure.panels[0].lines[1].points[nth].is_doubtful = true;
    }
    assert_eq!(strokes(&figure), before + 2);
}

/// Checks what the files use of XML: elements, quoted attributes and entities.
fn is_well_formed(text: &str) {
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{fffe}'));
    let mut open = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        has_good_entities(before);
        let (tag, after) = after.split_once('>').expect("the end of a tag");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        has_good_entities(tag);
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).expect("a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = after;
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}

fn has_good_entities(text: &str) {
    assert!(!text.contains("]]>"));
    for part in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "apos;"];
        assert!(known.iter().any(|entity| part.starts_with(entity)), "&{part}");
    }
}
