//! What claims may say, and how mistakes in them are told.

use crate::spec::parse;

const GOOD: &str = "kind = \"ratio\"\nmetric = \"throughput\"\nof = { scheme = \"EBR\" }\n\
    over = { scheme = \"ibr\" }\nat = { threads = [1, \"HW\"] }\nleast = 0.9\nmost = 1.1\n";

/// A spec whose claim has its kind on line 18.
fn spec(claim: &str) -> String {
    format!(
        "name = \"x\"\nquestion = \"?\"\nx = \"threads\"\nschemes = [\"epoch\", \"ibr\"]\n\
         structures = [\"hash-map\"]\nthreads = [1, \"HW\"]\n[[workloads]]\nname = \"w\"\ninsert = 1\nremove = 1\n\
         key_range = 64\nprefill = 0.5\n[[claims]]\nid = \"C1\"\nsays = \"So it is.\"\nwhere = \"figure 1\"\n\
         paper = \"1\"\n{claim}\n[scales.smoke]\nseconds = 1\nwarmup_seconds = 0\nrepeats = 1\n"
    )
}

fn refused(claim: &str) -> String {
    match parse("x.toml", &spec(claim)) {
        Ok(_) => format!("not refused: {claim}"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn a_claim_is_read() {
    let source = parse("x.toml", &spec(GOOD)).expect("valid");
    let claim = &source.spec.claims[0];
    assert_eq!(claim.metric(), Some("ops_per_second"));
    assert_eq!(claim.of["scheme"].all()[0].to_string(), "epoch", "the names of papers are ours");
}

/// A part of a good claim, what it is replaced by, and what is told.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("\"ratio\"", "\"rate\"", "x.toml:18: unknown variant `rate`, expected one of `ratio`"),
    ("metric", "metrik", "x.toml:19: unknown field `metrik`, expected one of"),
    (
        "\"throughput\"",
        "\"thruput\"",
        "x.toml:19: claim `C1`: metric: there is no metric `thruput`; did you mean `throughput`",
    ),
    (
        "metric = \"throughput\"\n",
        "",
        "x.toml:18: claim `C1`: metric: a claim of the kind `ratio` names one",
    ),
    (
        "\"ibr\"",
        "\"irb\"",
        "x.toml:21: claim `C1`: over: scheme: no cell of this spec, at any scale, has `irb`; did you mean `ibr`",
    ),
    (
        "{ scheme = \"ibr\" }",
        "{ shceme = \"ibr\" }",
        "x.toml:21: claim `C1`: over: there is no axis `shceme`; did you mean `scheme`",
    ),
    (
        "[1, \"HW\"]",
        "[1, \"2HW\"]",
        "x.toml:22: claim `C1`: at: threads: no cell of this spec, at any scale, has `2HW`",
    ),
    (
        "[1, \"HW\"]",
        "[1, \"2WH\"]",
        "x.toml:22: claim `C1`: at: threads: `2WH` is not a thread count",
    ),
    ("[1, \"HW\"]", "[]", "x.toml:22: claim `C1`: at: threads: the list is empty"),
    ("[1, \"HW\"]", "true", "must be a value of the axis, or a list of values"),
    (
        "threads = [1, \"HW\"]",
        "\"ibr.threshold\" = 30",
        "x.toml:22: claim `C1`: at: ibr.threshold: this spec sets no such parameter",
    ),
    ("threads = [1, \"HW\"]", "parameters = \"x\"", "write each as SCHEME.NAME = VALUE"),
    (
        "over = { scheme = \"ibr\" }\n",
        "",
        "x.toml:18: claim `C1`: over: a claim of the kind `ratio` needs it",
    ),
    ("least = 0.9\nmost = 1.1", "", "needs `least`, `most`, or both"),
    ("least = 0.9", "least = 1.2", "most: must be at least `least`, which is 1.2, but is 1.1"),
    ("least = 0.9", "least = nan", "x.toml:23: claim `C1`: least: must be a number"),
    (
        "least = 0.9",
        "tolerance = -1",
        "x.toml:23: claim `C1`: tolerance: must be 0 or more, but is -1",
    ),
    (
        "least = 0.9",
        "class = \"flat\"",
        "x.toml:23: claim `C1`: class: is for claims of the kind growth, not `ratio`",
    ),
    ("least = 0.9", "across = \"threads\"", "across: is for claims of the kind flat"),
    (
        "least = 0.9",
        "per = \"thread\"",
        "per: there is no axis of numbers and no metric `thread`; did you mean `threads`",
    ),
    ("least = 0.9", "per = \"scheme\"", "per: there is no axis of numbers"),
    (
        "least = 0.9",
        "role = \"reader\"",
        "x.toml:23: claim `C1`: role: no workload has a role `reader`",
    ),
    ("least = 0.9", "needs = { cores = 0 }", "needs: cores: must be from 1 to"),
    ("least = 0.9", "needs = { core = 8 }", "unknown field `core`, expected one of `cores`"),
    ("least = 0.9", "says = \"again\"", "duplicate key"),
];

#[test]
fn mistakes_in_claims_name_the_line_and_what_is_right() {
    for (right, wrong, told) in MISTAKES {
        let claim = GOOD.replacen(right, wrong, 1);
        assert_ne!(claim, GOOD);
        let error = refused(&claim);
        assert!(error.contains(told), "{error}\n  has not: {told}");
    }
}

#[test]
fn each_kind_has_keys_of_its_own() {
    let jump = GOOD.replace("\"ratio\"", "\"jump\"");
    assert!(refused(&jump).contains("x.toml:24: claim `C1`: most: is for claims of the kind"));
    let low = refused(&jump.replace("most = 1.1", ""));
    assert!(
        low.contains("x.toml:23: claim `C1`: least: a jump is a factor above 1, but this is 0.9")
    );
    let of = |kind: &str, keys: &str| refused(&format!("kind = \"{kind}\"\n{keys}"));
    let flat = "metric = \"ops\"\nacross = \"key_range\"\nmost = 2";
    assert!(of("flat", flat).contains("the axis `key_range` has one value in this spec"));
    assert!(of("growth", "").contains("class: a claim of the kind `growth` needs it"));
    let one = "metric = \"ops\"\norder = [{ scheme = \"ibr\" }]";
    assert!(of("order", one).contains("order: must have from 2 to 64 entries, but has 1"));
    let two = "metric = \"ops\"\norder = [{ scheme = \"ibr\" },\n{ scheme = \"x\" }]";
    let told = "x.toml:21: claim `C1`: order 1: scheme: no cell";
    assert!(of("order", two).contains(told), "{}", of("order", two));
    assert!(of("bound", "metric = \"rss_peak_bytes\"").contains("`most` says the bound"));
    let twice = format!(
        "{GOOD}[[claims]]\nid = \"C1\"\nsays = \"x\"\nwhere = \"x\"\npaper = \"x\"\n{GOOD}"
    );
    assert!(
        refused(&twice).contains("x.toml:26: claim `C1`: id: `C1` is taken"),
        "{}",
        refused(&twice)
    );
}
