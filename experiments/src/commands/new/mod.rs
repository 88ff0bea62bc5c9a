//! `kovan-lab new scheme NAME`, `kovan-lab new structure NAME`: a file that works, in all the places where one has
//! to be named. `docs/ADDING.md` is the recipe.

mod changes;
mod edits;
mod names;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use kovan_lab_base::support::output;

use self::changes::Changes;
use self::edits::At;
use self::names::Names;

/// The arguments of `new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Adds a reclamation scheme that works, for you to replace: schemes/src/NAME.rs, and where it is named
    Scheme(Common),
    /// Adds a structure that works, for you to replace: structures/src/NAME.rs, and where it is named
    Structure {
        #[command(flatten)]
        common: Common,
        /// Adds a sorted map in the place of a stack
        #[arg(long)]
        map: bool,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// What users type, for example my-scheme
    name: String,
    /// Prints what would be changed, and changes nothing
    #[arg(long)]
    dry_run: bool,
}

/// A file to begin with, and its own names.
struct Template {
    text: &'static str,
    name: &'static str,
}

macro_rules! template {
    ($file:literal) => {
        Template {
            text: include_str!(concat!("../../../templates/", $file, ".rs")),
            name: concat!("template-", $file),
        }
    };
}
const SCHEME: Template = template!("scheme");
const STACK: Template = template!("stack");
const MAP: Template = template!("map");

/// The `new` command.
pub(crate) fn run(args: &NewArgs) -> Result<()> {
    match &args.what {
        What::Scheme(common) => scheme(common),
        What::Structure { common, map } => structure(common, *map),
    }
}

fn scheme(args: &Common) -> Result<()> {
    let names = Names::of(&args.name, "scheme")?;
    let known: Vec<&str> = kovan_schemes::registry::all().iter().map(|facts| facts.name).collect();
    let mut changes = Changes::here()?;
    let (lib, registry) = ("schemes/src/lib.rs", "schemes/src/registry.rs");
    check_name(&names, "scheme", &known)?;
    changes.create("schemes/src", &names.module, fill(&SCHEME, &names)?)?;
    check_type(&changes, &names, [lib, registry], &SCHEME)?;
    let Names { name, module, ty } = &names;
    changes.insert(lib, At::Sorted("mod ", "mod leak;"), &format!("mod {module};"))?;
    let of_models = At::Sorted("    pub use crate::", "    pub use crate::leak::Leak;");
    changes.insert(lib, of_models, &format!("    pub use crate::{module}::{ty};"))?;
    changes.insert(
        registry,
        At::EndOf("registry! {$", "}"),
        &format!("    {module}::{ty}: region,"),
    )?;
    finish(
        args,
        &changes,
        &[
            ("the format, where names are long", "cargo fmt --all".into()),
            (
                "what every scheme must do",
                format!("cargo test -p kovan-schemes --test conformance {ty}::"),
            ),
            (
                "the gate, with every structure",
                format!("cargo run --release --features canary -- verify --scheme '^{name}$'"),
            ),
            (
                "its line in docs/SCHEMES.md",
                "KOVAN_BLESS=1 cargo test -p kovan-schemes --test table".into(),
            ),
            matrix(),
            (
                "a first experiment",
                format!(
                    "cargo run --release -- run throughput --structure '^hash-map$' \
                     --scheme '^({name}|epoch|leak)$'"
                ),
            ),
            (
                "beside stalled threads",
                format!(
                    "cargo run --release -- run stalled-threads --all --scheme '^({name}|epoch|leak)$'"
                ),
            ),
        ],
    )
}

/// The step that is the same for schemes and structures.
fn matrix() -> (&'static str, String) {
    ("its pairs in docs/MATRIX.md", "KOVAN_BLESS=1 cargo test -p kovan-lab --lib documents".into())
}

fn structure(args: &Common, is_map: bool) -> Result<()> {
    let names = Names::of(&args.name, "structure")?;
    let facts = kovan_structures::registry::structures();
    let known: Vec<&str> = facts.iter().map(|facts| facts.name).collect();
    let mut changes = Changes::here()?;
    let (lib, registry) = ("structures/src/lib.rs", "structures/src/registry.rs");
    let template = if is_map { &MAP } else { &STACK };
    check_name(&names, "structure", &known)?;
    changes.create("structures/src", &names.module, fill(template, &names)?)?;
    check_type(&changes, &names, [lib, registry], template)?;
    let Names { name, module, ty } = &names;
    let elements = if is_map { "u64, V" } else { "V" };
    let kind = if is_map { "a sorted map" } else { "a stack" };
    let table = At::EndOf("//! |---|---|---|", "//!");
    changes.insert(lib, table, &format!("//! | [`{ty}`] | {kind} | a pointer |"))?;
    let modules = At::Sorted("pub mod ", "pub mod treiber_stack;");
    changes.insert(lib, modules, &format!("pub mod {module};"))?;
    let uses = At::Sorted("pub use ", "pub use treiber_stack::TreiberStack;");
    changes.insert(lib, uses, &format!("pub use {module}::{ty};"))?;
    let rows = At::EndOf("                TreiberStack(V): any,", "            }");
    changes.insert(registry, rows, &format!("                {ty}({elements}): any,"))?;
    if is_map {
        rows_of_a_map(&mut changes, ty)?
    } else {
        rows_of_a_stack(&mut changes, ty)?
    }
    let tests = if is_map { "maps" } else { "interface" };
    finish(
        args,
        &changes,
        &[
            ("the format, where names are long", "cargo fmt --all".into()),
            (
                "its interface, and values with a payload",
                format!("cargo test -p kovan-structures --test {tests} --test payload"),
            ),
            ("every pair, among them its own", "cargo test -p kovan-pairs".into()),
            (
                "the gate, with every scheme",
                format!("cargo run --release --features canary -- verify --structure '^{name}$'"),
            ),
            matrix(),
            (
                "a first experiment",
                format!(
                    "cargo run --release -- run throughput --structure '^{name}$' \
                     --scheme '^(kovan|epoch|leak)$'"
                ),
            ),
        ],
    )
}

/// Adds a stack to the tests of what users see of stacks.
fn rows_of_a_stack(changes: &mut Changes, ty: &str) -> Result<()> {
    let tests = "structures/tests/interface.rs";
    changes.insert(tests, At::Import("use kovan_structures::{"), ty)?;
    let peeks = At::After("        TreiberStack push pop 2;");
    changes.insert(tests, peeks, &format!("        {ty} push pop 2;"))?;
    let emptied = At::After("        TreiberStack push pop |at| VALUES - 1 - at;");
    changes.insert(tests, emptied, &format!("        {ty} push pop |at| VALUES - 1 - at;"))?;
    let counted = At::After("        TreiberStack push pop;");
    changes.insert(tests, counted, &format!("        {ty} push pop;"))
}

/// Adds a map to the tests of what users see of maps.
fn rows_of_a_map(changes: &mut Changes, ty: &str) -> Result<()> {
    let subject = "structures/tests/common/subject.rs";
    changes.insert(subject, At::Import("use kovan_structures::{"), ty)?;
    let subjects = At::After("    MichaelList Reclaimer true (next_after range);");
    changes.insert(subject, subjects, &format!("    {ty} Reclaimer true (next_after range);"))?;
    let every = At::After("        every_map!(@one $scheme $test, MichaelList::new);");
    let new = format!("        every_map!(@one $scheme $test, {ty}::new);");
    changes.insert(subject, every, &new)?;
    changes.insert("structures/tests/maps.rs", At::Import("use kovan_structures::{"), ty)
}

/// Returns the template with the names in the place of its own.
fn fill(template: &Template, names: &Names) -> Result<String> {
    Ok(names.fill(template.text, &Names::of(template.name, "template")?))
}

/// Checks that no entry of the registry has this name.
fn check_name(names: &Names, what: &str, known: &[&str]) -> Result<()> {
    let name = &names.name;
    ensure!(
        !known.contains(&name.as_str()),
        "there is a {what} `{name}` already; choose another name (known: {})",
        known.join(", ")
    );
    Ok(())
}

/// Checks that the type would not be one that these files or the template mention.
fn check_type(
    changes: &Changes,
    names: &Names,
    files: [&'static str; 2],
    template: &Template,
) -> Result<()> {
    let name = &names.name;
    let own = "its template";
    let [lib, registry] = [changes.text(files[0])?, changes.text(files[1])?];
    for (place, text) in [(files[0], &*lib), (files[1], &*registry), (own, template.text)] {
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        let mut words =
            code.flat_map(|code| code.split(|c: char| !(c.is_alphanumeric() || c == '_')));
        ensure!(
            !words.any(|word| word == names.ty),
            "`{name}` would be the type `{}`, a name that {place} uses already; choose another name",
            names.ty
        );
    }
    Ok(())
}

/// Writes the changes, unless this is a dry run, and prints them and what comes next.
fn finish(args: &Common, changes: &Changes, next: &[(&str, String)]) -> Result<()> {
    if !args.dry_run {
        changes.write()?;
    }
    let mut text = changes.told();
    if args.dry_run {
        text += "\nnothing was changed (--dry-run)\n";
    } else {
        text += "\nnext\n";
        for (why, command) in next {
            text += &format!("  # {why}\n  {command}\n");
        }
    }
    output::print(&text)
}
