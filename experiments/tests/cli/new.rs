//! `kovan-lab new`: what it adds to a checkout, and that nothing is written where it cannot add all of it. That what
//! it adds compiles and works is for `ci/templates`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::{Folder, command, text};

/// The files that `new` reads or changes.
const FILES: [&str; 9] = [
    "experiments/templates/scheme.rs",
    "schemes/src/lib.rs",
    "schemes/src/leak.rs",
    "schemes/src/registry.rs",
    "structures/src/lib.rs",
    "structures/src/registry.rs",
    "structures/tests/common/subject.rs",
    "structures/tests/interface.rs",
    "structures/tests/maps.rs",
];

/// A copy of as much of this checkout as `new` looks at.
struct Checkout(Folder);

impl Checkout {
    fn new(test: &str) -> Self {
        let folder = Folder::new(test);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for file in FILES {
            let to = folder.0.join(file);
            fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
            fs::copy(root.join(file), to).expect(file);
        }
        Self(folder)
    }

    /// Runs `new` in a folder of the checkout.
    fn run(&self, within: &str, arguments: &[&str]) -> Output {
        let arguments = [&["new"], arguments].concat();
        command(&arguments).current_dir(self.0.0.join(within)).output().expect("started")
    }

    fn adds(&self, arguments: &[&str]) -> String {
        let output = self.run("", arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Checks that it refuses this in one line with all the parts, and changes nothing.
    fn refuses(&self, arguments: &[&str], parts: &[&str]) {
        let before = self.files();
        let output = self.run("", arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        parts.iter().for_each(|part| {
            assert!(error.contains(part), "{arguments:?}: no `{part}` in {error}")
        });
        assert!(self.files() == before, "{arguments:?} has changed something");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.0.join(file)).expect(file)
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let before = self.read(file);
        assert!(before.contains(from), "{file} has no {from}");
        self.0.write(file, &before.replacen(from, to, 1));
    }

    /// All files with their texts.
    fn files(&self) -> BTreeMap<String, String> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.0.0.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in
                fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
            {
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    let read = fs::read_to_string(&entry).expect("text");
                    files.insert(entry.display().to_string(), read);
                }
            }
        }
        files
    }

    /// Checks that each of these lines is in the file once.
    fn has(&self, file: &str, lines: &[&str]) {
        let read = self.read(file);
        for line in lines {
            assert_eq!(read.lines().filter(|there| there == line).count(), 1, "{file}: {line}");
        }
    }
}

/// Returns whether the name of a template is left anywhere.
fn has_placeholder(text: &str) -> bool {
    ["template-", "template_", "Template"].iter().any(|part| text.contains(part))
}

#[test]
fn a_scheme_is_added_in_all_places() {
    let checkout = Checkout::new("new-scheme");
    let printed = checkout.adds(&["scheme", "my-scheme-2"]);
    let lines = ["mod my_scheme_2;", "    pub use crate::my_scheme_2::MyScheme2;"];
    checkout.has("schemes/src/lib.rs", &lines);
    let registry = checkout.read("schemes/src/registry.rs");
    assert!(registry.ends_with("    my_scheme_2::MyScheme2: region,\n}\n"), "{registry}");
    let file = checkout.read("schemes/src/my_scheme_2.rs");
    assert!(!has_placeholder(&file) && file.contains("name: \"my-scheme-2\","), "{file}");
    assert!(file.contains("unsafe impl Reclaimer for MyScheme2 {"), "{file}");
    for part in [
        "schemes/src/my_scheme_2.rs: new",
        "+ mod my_scheme_2;",
        "+ my_scheme_2::MyScheme2: region,",
        "cargo test -p kovan-schemes --test conformance MyScheme2::",
        "verify --scheme '^my-scheme-2$'",
        "KOVAN_BLESS=1 cargo test -p kovan-schemes --test table",
        "run throughput",
    ] {
        assert!(printed.contains(part), "no `{part}` in {printed}");
    }
}

#[test]
fn a_second_one_is_added_beside_the_first() {
    let checkout = Checkout::new("new-second");
    for name in ["zz", "aa"] {
        checkout.adds(&["scheme", name]);
        checkout.adds(&["structure", &format!("{name}-stack")]);
        checkout.adds(&["structure", &format!("{name}-map"), "--map"]);
    }
    let rows = checkout.read("schemes/src/registry.rs");
    assert!(rows.ends_with("    zz::Zz: region,\n    aa::Aa: region,\n}\n"), "{rows}");
    let modules = checkout.read("schemes/src/lib.rs");
    assert!(modules.contains("\nmod aa;\nmod crystalline;\n"), "{modules}");
    assert!(modules.contains("\nmod wfe;\nmod zz;\n\n"), "{modules}");
    let models = "    pub use crate::wfe::Wfe;\n    pub use crate::zz::Zz;\n}";
    assert!(modules.contains(models), "{modules}");
    let lib = checkout.read("structures/src/lib.rs");
    assert!(
        lib.contains("\npub use aa_map::AaMap;\npub use aa_stack::AaStack;\npub use bonsai::"),
        "{lib}"
    );
    assert!(lib.ends_with("\npub use zz_map::ZzMap;\npub use zz_stack::ZzStack;\n"), "{lib}");
}

#[test]
fn a_stack_and_a_map_are_added_in_all_places() {
    let checkout = Checkout::new("new-structure");
    let printed = checkout.adds(&["structure", "my-stack"]);
    assert!(printed.contains("--test interface --test payload"), "{printed}");
    let printed = checkout.adds(&["structure", "my-map", "--map"]);
    assert!(printed.contains("--test maps --test payload"), "{printed}");
    assert!(printed.contains("verify --structure '^my-map$'"), "{printed}");
    for (module, ty) in [("my_stack", "MyStack"), ("my_map", "MyMap")] {
        let file = checkout.read(&format!("structures/src/{module}.rs"));
        assert!(!has_placeholder(&file), "{file}");
        let (module_line, doc) = (format!("pub mod {module};"), format!("//! | [`{ty}`] | "));
        checkout.has("structures/src/lib.rs", &[&module_line]);
        assert!(checkout.read("structures/src/lib.rs").contains(&doc));
    }
    checkout
        .has("structures/src/lib.rs", &["pub use my_map::MyMap;", "pub use my_stack::MyStack;"]);
    checkout.has(
        "structures/src/registry.rs",
        &["                MyStack(V): any,", "                MyMap(u64, V): any,"],
    );
    checkout.has(
        "structures/tests/interface.rs",
        &[
            "        MyStack push pop;",
            "        MyStack push pop 2;",
            "        MyStack push pop |at| VALUES - 1 - at;",
        ],
    );
    checkout.has(
        "structures/tests/common/subject.rs",
        &[
            "    MyMap Reclaimer true (next_after range);",
            "        every_map!(@one $scheme $test, MyMap::new);",
        ],
    );
    for (file, name) in
        [("interface.rs", "MyStack"), ("common/subject.rs", "MyMap"), ("maps.rs", "MyMap")]
    {
        let read = checkout.read(&format!("structures/tests/{file}"));
        let import =
            read.split("use kovan_structures::{").nth(1).and_then(|rest| rest.split('}').next());
        assert!(import.expect("an import").contains(&format!(" {name},")), "{file}: {import:?}");
    }
}

#[test]
fn it_works_from_a_folder_inside_and_a_dry_run_changes_nothing() {
    let checkout = Checkout::new("new-dry");
    let before = checkout.files();
    let output = checkout.run("schemes/src", &["scheme", "mine", "--dry-run"]);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        printed.contains("schemes/src/mine.rs: new") && printed.contains("+ mod mine;"),
        "{printed}"
    );
    assert!(printed.ends_with("nothing was changed (--dry-run)\n"), "{printed}");
    assert!(checkout.files() == before, "a dry run has changed something");
    let output = checkout.run("schemes/src", &["scheme", "mine"]);
    assert!(output.status.success() && checkout.files().len() == before.len() + 1);
}

#[test]
fn names_that_cannot_be_are_refused() {
    let checkout = Checkout::new("new-names");
    checkout
        .refuses(&["scheme", "My_Scheme"], &["`My_Scheme` is no name", "for example my-scheme"]);
    checkout.refuses(&["scheme", "../x"], &["is no name for a scheme"]);
    checkout.refuses(&["structure", "9-lists"], &["is no name for a structure"]);
    checkout.refuses(&["scheme", "loop"], &["cannot be called `loop`", "loop-scheme"]);
    checkout.refuses(&["structure", "std", "--map"], &["cannot be called `std`"]);
    checkout.refuses(
        &["scheme", "hp-naive"],
        &["there is a scheme `hp-naive` already", "known: ", "epoch"],
    );
    checkout.refuses(&["structure", "hash-map"], &["there is a structure `hash-map` already"]);
    checkout.refuses(&["scheme", "totals"], &["`Totals`", "schemes/src/lib.rs uses already"]);
    checkout.refuses(&["scheme", "guard"], &["`Guard`", "uses already"]);
    checkout.refuses(&["structure", "vec"], &["`Vec`", "uses already"]);
    checkout.refuses(&["scheme"], &["NAME"]);
    // A file that the registry does not know, and a folder.
    fs::rename(checkout.0.join("schemes/src/leak.rs"), checkout.0.join("schemes/src/other.rs"))
        .expect("renamed");
    checkout.refuses(&["scheme", "other"], &["schemes/src/other.rs is there already"]);
    fs::create_dir(checkout.0.join("schemes/src/another")).expect("a folder");
    checkout.refuses(&["scheme", "another"], &["schemes/src/another is there already"]);
    // As after a `new` that this program does not know yet.
    checkout.adds(&["scheme", "mine"]);
    checkout.refuses(
        &["scheme", "mine"],
        &["schemes/src/mine.rs is there already", "nothing is overwritten"],
    );
}

#[test]
fn elsewhere_than_in_a_checkout_it_is_refused() {
    let folder = Folder::new("new-nowhere");
    let output =
        command(&["new", "scheme", "mine"]).current_dir(&folder.0).output().expect("started");
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains("a checkout of kovan's workspace"), "{error}");
}

#[test]
fn a_checkout_that_lacks_one_place_is_left_as_it_is() {
    let checkout = Checkout::new("new-anchors");
    let from_here = "use a kovan-lab that was built from this checkout";
    // The last place of each.
    checkout.replace("schemes/src/registry.rs", "registry! {$\n", "rows! {$\n");
    let parts = ["schemes/src/registry.rs is not as", "no line `registry! {$`", from_here];
    checkout.refuses(&["scheme", "mine"], &parts);
    checkout.replace("structures/tests/interface.rs", "        TreiberStack push pop;\n", "");
    let parts =
        ["structures/tests/interface.rs is not as", "no line `TreiberStack push pop;`", from_here];
    checkout.refuses(&["structure", "mine"], &parts);
    checkout.replace("structures/tests/maps.rs", "use kovan_structures::{\n", "");
    checkout.refuses(
        &["structure", "mine", "--map"],
        &["structures/tests/maps.rs is not as", from_here],
    );
    fs::remove_file(checkout.0.join("structures/tests/common/subject.rs")).expect("removed");
    checkout.refuses(&["structure", "mine", "--map"], &["cannot read", "subject.rs"]);
}

#[test]
fn a_write_that_fails_is_undone() {
    let checkout = Checkout::new("new-undo");
    // The tests come after the sources. A folder is in the way.
    let blocked = checkout.0.0.join("structures/tests/maps.tmp");
    fs::create_dir(&blocked).expect("a folder");
    checkout.refuses(&["structure", "mine", "--map"], &["nothing was changed", "maps.rs"]);
    fs::remove_dir(&blocked).expect("removed");
    checkout.adds(&["structure", "mine", "--map"]);
}
