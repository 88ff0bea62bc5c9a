//! The machine, the method, and how to repeat a run.

use std::collections::BTreeSet;

use anyhow::Result;
use kovan_lab_base::support::shell::quoted;
use kovan_lab_base::support::table::plain;
use kovan_lab_base::system::machine::Machine;
use serde_json::Value;

use super::markup::{Table, paragraph, text};
use super::{Draft, Reported};
use crate::report::claims::{command, command_of};
use crate::results::manifest::MergedShard;

/// Adds the section about the machine, the program and the run.
///
/// # Errors
/// Never, as manifests are written as JSON.
pub(super) fn machine(
    draft: &mut Draft,
    folder: &Reported<'_>,
    level: usize,
    anchor: &str,
) -> Result<()> {
    let Reported { manifest, samples, .. } = folder;
    draft.section(level, anchor, "Machine");
    draft.html.push_str(&paragraph(&format!(
        "{}; {}.",
        manifest.machine.description(),
        manifest.build.description()
    )));
    let mut machine = facts(&serde_json::to_value(&manifest.machine)?);
    for other in &manifest.other_machines {
        machine.push(vec!["another machine that measured".into(), other.name_and_node()]);
    }
    add(draft, "the machine", &machine);
    let mut build = facts(&serde_json::to_value(&manifest.build)?);
    for other in &manifest.other_builds {
        build.push(vec!["another build that measured".into(), other.description()]);
    }
    add(draft, "the program", &build);
    let mut allocator = facts(&serde_json::to_value(&manifest.allocator)?);
    let used: BTreeSet<&str> = samples
        .iter()
        .map(|row| row.allocator_version.as_str())
        .filter(|name| !name.is_empty())
        .collect();
    if !used.is_empty() {
        let used: Vec<&str> = used.into_iter().collect();
        allocator.push(vec!["measured with".into(), used.join(", ")]);
    }
    add(draft, "the allocator", &allocator);
    add(draft, "the run", &run(folder));
    shards(draft, folder);
    schemes(draft, folder);
    draft.end();
    Ok(())
}

fn add(draft: &mut Draft, caption: &str, rows: &[Vec<String>]) {
    let table = Table { caption, header: &[], rows, numbers: &[] };
    draft.html.push_str(&table.html());
}

/// Returns the keys and values of an object in words.
fn facts(value: &Value) -> Vec<Vec<String>> {
    let Some(object) = value.as_object() else { return Vec::new() };
    let fact = |(key, value): (&String, &Value)| {
        let value = match (key.as_str(), value) {
            (_, Value::Null) => "not told".into(),
            (_, Value::Bool(is_true)) => if *is_true { "yes" } else { "no" }.into(),
            ("memory_bytes", Value::Number(bytes)) => {
                bytes.as_u64().map_or_else(String::new, |bytes| format!("{} MiB", bytes >> 20))
            }
            (_, Value::Array(all)) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
            (_, value) if plain(value).is_empty() => "none".into(),
            (_, value) => plain(value),
        };
        let name = match key.as_str() {
            "cpu_model" => "processor".into(),
            "cores" => "processors that the lab may use".into(),
            "smt" => "two hardware threads share a core".into(),
            "memory_bytes" => "memory".into(),
            "cgroup_cpu_max" => "quota of processor time".into(),
            "cgroup_memory_max" => "limit of memory (bytes)".into(),
            "dirty" => "the sources differ from the commit".into(),
            "rustc" => "compiler".into(),
            "binary_hash" => "hash of the program".into(),
            other => other.replace('_', " "),
        };
        vec![name, value]
    };
    object.iter().map(fact).collect()
}

/// Returns what the command line and the spec asked for.
fn run(folder: &Reported<'_>) -> Vec<Vec<String>> {
    let manifest = folder.manifest;
    let number =
        |value: Option<f64>| value.map_or_else(|| "not told".into(), |value| value.to_string());
    let minutes = manifest.duration_seconds.map(|seconds| (seconds / 6.0).round() / 10.0);
    let repeats = manifest.repeats.map(f64::from);
    let whole = if manifest.complete { "yes" } else { "NO" };
    [
        ("published in", manifest.citation.clone()),
        ("spec", manifest.spec_file.clone()),
        ("scale", manifest.scale.to_string()),
        ("window (s)", number(manifest.seconds)),
        ("warm-up (s)", number(manifest.warmup_seconds)),
        ("repeats", number(repeats)),
        ("seed", manifest.seed.to_string()),
        ("planned cells", manifest.cells.to_string()),
        (
            "part of the plan",
            manifest.shard().map_or("all".into(), |shard| format!("shard {shard}")),
        ),
        ("begun", manifest.started.clone()),
        ("minutes", number(minutes)),
        ("every planned cell has a row", whole.into()),
        ("hash of the spec", manifest.spec_hash.clone()),
        ("hash of the plan", manifest.plan_hash.clone()),
        ("command", command(manifest)),
    ]
    .map(|(key, value)| vec![key.into(), value])
    .to_vec()
}

/// Adds the shards that were merged, and where each was measured.
fn shards(draft: &mut Draft, folder: &Reported<'_>) {
    let manifest = folder.manifest;
    let row = |shard: &MergedShard| {
        let machine = manifest.machines().find(|one| one.id() == shard.machine.as_deref());
        let seconds =
            shard.duration_seconds.map_or_else(|| "-".into(), |time| format!("{time:.0}"));
        vec![
            shard.shard.to_string(),
            format!("{} of {}", shard.rows, shard.cells),
            machine.map_or_else(|| "-".into(), Machine::name_and_node),
            shard.started.clone(),
            seconds,
        ]
    };
    let rows: Vec<Vec<String>> = manifest.merged.iter().map(row).collect();
    if rows.is_empty() {
        return;
    }
    let header = ["shard", "rows", "begun on", "begun", "seconds"];
    let table = Table { caption: "the shards", header: &header, rows: &rows, numbers: &[4] };
    draft.html.push_str(&format!(
        "<details><summary>The {} shards that were merged</summary>\n{}</details>\n",
        rows.len(),
        table.html()
    ));
}

/// Adds the schemes that were measured, as the manifest describes them.
fn schemes(draft: &mut Draft, folder: &Reported<'_>) {
    const KEYS: [&str; 6] = ["name", "version", "strength", "bound", "constants", "paper"];
    let measured: BTreeSet<&str> =
        folder.samples.iter().map(|row| row.id.scheme.as_str()).collect();
    let all = folder.manifest.schemes.as_array();
    let known = all
        .into_iter()
        .flatten()
        .filter(|scheme| scheme["name"].as_str().is_some_and(|name| measured.contains(name)));
    let row = |scheme: &Value| {
        let cell = |key: &str| if scheme[key].is_null() { "-".into() } else { plain(&scheme[key]) };
        KEYS.map(cell).to_vec()
    };
    let rows: Vec<Vec<String>> = known.map(row).collect();
    let header = ["scheme", "version", "protects", "bound", "constants", "after"];
    let table = Table { caption: "the schemes", header: &header, rows: &rows, numbers: &[] };
    draft.html.push_str(&format!(
        "<details><summary>The schemes, their versions and constants</summary>\n{}</details>\n",
        table.html()
    ));
}

/// Adds the section about the method.
pub(super) fn method(draft: &mut Draft, folder: &Reported<'_>, level: usize, anchor: &str) {
    let manifest = folder.manifest;
    draft.section(level, anchor, "Method");
    let window = manifest.seconds.map_or_else(String::new, |seconds| format!(" of {seconds} s"));
    let repeats = match manifest.repeats {
        Some(repeats) if manifest.shard().is_some() => {
            format!(
                "Each cell of the whole plan is measured {repeats} times, and this shard has a part of that"
            )
        }
        Some(1) => "Each cell is measured once".into(),
        Some(repeats) => format!("Each cell is measured {repeats} times"),
        None => "Cells are measured in repeats".to_string(),
    };
    for words in [
        format!(
            "Each cell runs in a process of its own, with a window{window} after a warm-up, so that no cell inherits \
             the heap of another. {repeats}. The cells of a repeat run close in time, in a random order that the seed \
             decides. Schemes get the same keys and operations."
        ),
        "A repeat is a block. Schemes are compared within blocks, as ratios of values from the same block, so that a \
         machine that changes its speed changes both sides. The interval of a paired ratio is that of Hodges and \
         Lehmann at 95 %, and takes six blocks. An order is said only where the interval excludes 1."
            .into(),
        "Unreclaimed nodes are those that are retired and not freed yet, summed over all threads every few \
         milliseconds. A peak is the largest sample of all repeats, since one sample breaks a bound. Throughput is the \
         median of the repeats."
            .into(),
        "After each cell the size and the sum of the keys are checked against what the workers did, and a cell that \
         fails this has no values. No repeat is left out as an outlier."
            .into(),
    ] {
        draft.html.push_str(&paragraph(&words));
    }
    draft.end();
}

/// Adds the section about how to repeat a run.
pub(super) fn repeat(draft: &mut Draft, folder: &Reported<'_>, level: usize, anchor: &str) {
    let Reported { manifest, dir, .. } = folder;
    draft.section(level, anchor, "How to repeat it");
    let dir = quoted(&dir.display().to_string());
    let measured = if manifest.merged.is_empty() {
        vec![("This command measured, on the commit and the machine above:", command(manifest))]
    } else {
        let each = manifest.merged.iter().map(|shard| command_of(&shard.command));
        vec![
            ("These commands measured, one for each shard:", each.collect::<Vec<_>>().join("\n")),
            ("This command merged what they wrote:", command(manifest)),
        ]
    };
    let again = "This command makes the report again, and measures nothing:";
    for (words, command) in measured.into_iter().chain([(again, format!("kovan-lab report {dir}"))])
    {
        draft.html.push_str(&paragraph(words));
        draft.html.push_str(&format!("<pre><code>{}</code></pre>\n", text(&command)));
    }
    draft.html.push_str(&format!(
        "<details><summary>The spec, {}</summary>\n<pre><code>{}</code></pre></details>\n",
        text(&manifest.spec_file),
        text(&manifest.spec_text)
    ));
    draft.end();
}
