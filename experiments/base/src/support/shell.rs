//! Words for a shell.

/// Returns an argument as a shell reads it as one word.
pub fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:%+".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.into();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_one_word() {
        for (argument, expected) in [
            ("2/4", "2/4"),
            ("a b", "'a b'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
            ("it's", r"'it'\''s'"),
            ("^(a|b)$", "'^(a|b)$'"),
        ] {
            assert_eq!(quoted(argument), expected);
        }
    }
}
