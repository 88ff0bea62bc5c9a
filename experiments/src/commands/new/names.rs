//! The names of a new scheme or structure.

use anyhow::{Result, ensure};

/// What may not be the name of a module: the keywords of Rust, also those that are reserved, and the crates that
/// come with it.
const NO_MODULES: [&str; 55] = [
    "abstract", "alloc", "as", "async", "await", "become", "box", "break", "const", "continue",
    "core", "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen",
    "if", "impl", "in", "let", "lib", "loop", "macro", "main", "match", "mod", "move", "mut",
    "override", "priv", "pub", "ref", "return", "self", "static", "std", "struct", "super",
    "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where",
    "yield",
];

/// One name in its three forms.
#[derive(Debug)]
pub(super) struct Names {
    /// The name that users type, for example `my-scheme`.
    pub(super) name: String,
    /// The name of the module, for example `my_scheme`.
    pub(super) module: String,
    /// The name of the type, for example `MyScheme`.
    pub(super) ty: String,
}

impl Names {
    /// Reads the name of a new scheme or structure, as `what` says.
    pub(super) fn of(name: &str, what: &str) -> Result<Self> {
        let parts: Vec<&str> = name.split('-').collect();
        let is_part = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        ensure!(
            parts.iter().all(is_part) && name.starts_with(|c: char| c.is_ascii_lowercase()),
            "`{name}` is no name for a {what}; \
             write lower-case letters, digits and single hyphens, for example my-{what}"
        );
        let module = parts.join("_");
        ensure!(
            !NO_MODULES.contains(&module.as_str()),
            "a module of Rust cannot be called `{module}`; choose another name, for example {name}-{what}"
        );
        let capital = |part: &&str| part[..1].to_uppercase() + &part[1..];
        let ty = parts.iter().map(capital).collect();
        Ok(Self { name: name.into(), module, ty })
    }

    /// Returns the template with these names in the place of its own.
    pub(super) fn fill(&self, template: &str, own: &Self) -> String {
        template
            .replace(&own.name, &self.name)
            .replace(&own.module, &self.module)
            .replace(&own.ty, &self.ty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_three_forms() {
        let names = Names::of("hyaline-1s-2", "scheme").expect("a name");
        assert_eq!((names.module.as_str(), names.ty.as_str()), ("hyaline_1s_2", "Hyaline1s2"));
    }

    #[test]
    fn other_names_are_refused() {
        for wrong in ["", "-", "a-", "-a", "a--b", "1a", "My", "a_b", "a b", "é", "a/b", "../a"] {
            let error = Names::of(wrong, "scheme").expect_err(wrong).to_string();
            assert!(error.contains("for example my-scheme"), "{error}");
        }
        for keyword in NO_MODULES {
            let error = Names::of(keyword, "structure").expect_err(keyword).to_string();
            assert!(error.contains("-structure"), "{error}");
        }
    }
}
