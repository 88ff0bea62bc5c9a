//! The names that users type: experiments, schemes, structures; and suggestions for misspelt ones.

/// Names that papers use for schemes, and ours.
const OTHERS: [(&str, &str); 9] = [
    ("ebr", "epoch"),
    ("rcu", "epoch"),
    ("crossbeam", "epoch"),
    ("hp", "hazard-pointer"),
    ("he", "hazard-eras"),
    ("2geibr", "ibr"),
    ("hyaline", "hyaline-1"),
    ("nr", "leak"),
    ("none", "leak"),
];

/// Our name for another one, where it has one.
pub fn our_name(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    OTHERS.iter().find(|(other, _)| *other == name).map(|(_, ours)| *ours)
}

/// `known: a, b, c`, with the name that is meant, or the nearest one, first asked for if there is one.
pub fn suggest<'a>(wrong: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let wrong = wrong.to_lowercase();
    let other = our_name(&wrong);
    let near = known
        .clone()
        .map(|name| (if other == Some(name) { 0 } else { distance(&wrong, name) }, name))
        .min()
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3));
    let list = known.collect::<Vec<_>>().join(", ");
    match near {
        Some((_, name)) => format!("did you mean `{name}`? (known: {list})"),
        None => format!("known: {list}"),
    }
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        let known = ["stalled-threads", "throughput"];
        assert_eq!(distance("kitten", "sitting"), 3);
        let text = suggest("stalled-thread", known.iter().copied());
        assert!(text.starts_with("did you mean `stalled-threads`?"), "{text}");
        assert!(suggest("xyz", known.iter().copied()).starts_with("known:"));
        let schemes = ["epoch", "ibr", "leak"];
        for (name, ours) in [("ebr", "epoch"), ("EBR", "epoch"), ("ibt", "ibr"), ("nr", "leak")] {
            let text = suggest(name, schemes.iter().copied());
            assert!(text.starts_with(&format!("did you mean `{ours}`?")), "{name}: {text}");
        }
    }
}
