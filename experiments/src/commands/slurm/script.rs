//! The texts of the scripts.

use std::path::Path;
use std::time::Duration;

use kovan_lab_base::support::shell::quoted;

use crate::system::builds::Build;

/// The script of the array, whose tasks measure.
pub(super) const ARRAY: &str = "array.sbatch";
/// The script of the job that merges.
pub(super) const MERGE: &str = "merge.sbatch";
/// The copy of this program.
pub(super) const PROGRAM: &str = "kovan-lab";
/// The name of the array in Slurm's queue.
pub(super) const JOB: &str = "kovan-lab";
/// The name of the job that merges.
pub(super) const MERGE_JOB: &str = "kovan-lab-merge";

/// What a task does.
const MEASURE: &str = r#"
task=$((SLURM_ARRAY_TASK_ID - 1))
spec=${specs[task / shards]}
shard=$((task % shards + 1))
exec "$out/kovan-lab" run "$out/$spec.toml" "${options[@]}" --shard "$shard/$shards" \
    --out "$out/shards/$spec-$shard-of-$shards" --resume --allow-machine --yes --quiet
"#;

/// What the job does that merges, but for the claims.
const MERGE_ALL: &str = r#"
# Tasks whose shard is not finished, to be submitted again.
again=()
for ((task = 1; task <= ${#specs[@]} * shards; task++)); do
    shard=${specs[(task - 1) / shards]}-$(((task - 1) % shards + 1))-of-$shards
    grep -qs '"complete": true' "$out/shards/$shard/manifest.json" || again+=("$task")
done
if [ "${#again[@]}" -gt 0 ]; then
    tasks=$(IFS=, && echo "${again[*]}")
    echo "tasks that are not finished: $tasks; to submit them again, and then this script:"
    printf 'job=$(sbatch --parsable --array=%s %q) && ' "$tasks" "$out/array.sbatch"
    printf 'sbatch --dependency=afterany:${job%%%%;*} %q\n' "$out/merge.sbatch"
fi

status=0
whole() { # SPEC: joins its shards, draws its figures, and writes its page
    local shard shards_of=() failed=0
    for ((shard = 1; shard <= shards; shard++)); do
        shards_of+=("$out/shards/$1-$shard-of-$shards")
    done
    # 1 says that some trials failed; what was measured is merged all the same.
    "$out/kovan-lab" merge "${shards_of[@]}" --out "$out/whole/$1" --replace || failed=$?
    [ "$failed" -lt 2 ] || return "$failed"
    "$out/kovan-lab" plot "$out/whole/$1" && "$out/kovan-lab" report "$out/whole/$1" || return
    return "$failed"
}
for spec in "${specs[@]}"; do
    whole "$spec" || status=1
done
"#;

/// What the scripts say.
pub(super) struct Scripts<'a> {
    /// The experiments.
    pub(super) names: Vec<&'a str>,
    /// Those of them that make claims.
    pub(super) claims: Vec<&'a str>,
    /// Into how many shards each plan is cut.
    pub(super) shards: u32,
    /// The time after which Slurm ends a task.
    pub(super) limit: Duration,
    /// Processors of a task.
    pub(super) processors: u32,
    pub(super) partition: Option<&'a str>,
    pub(super) exclusive: bool,
    /// Arguments of `run` that decide the plan.
    pub(super) options: Vec<String>,
    /// The folder, as an absolute path.
    pub(super) out: &'a Path,
}

impl Scripts<'_> {
    /// The script of the array.
    pub(super) fn array(&self) -> String {
        let tasks = self.names.len() * self.shards as usize;
        let mut text = self.head(
            &format!(
                "Measures {} in {} shards each: one task of the array for each shard.\n# A task that was stopped and \
                 queued again goes on where it was. merge.sbatch joins what they write.",
                self.names.join(", "),
                self.shards
            ),
            JOB,
            "logs/task-%a.txt",
        );
        text.push_str(&format!("#SBATCH --array=1-{tasks}\n"));
        text.push_str(&format!("#SBATCH --cpus-per-task={}\n", self.processors));
        text.push_str(&format!("#SBATCH --time={}\n", time(self.limit)));
        if self.exclusive {
            text.push_str("#SBATCH --exclusive\n");
        }
        text.push_str("#SBATCH --requeue\n");
        text.push_str(&self.variables());
        let options: Vec<String> = self.options.iter().map(|option| quoted(option)).collect();
        text.push_str(&format!("options=({})\n", options.join(" ")));
        text.push_str(MEASURE);
        text
    }

    /// The script of the job that merges.
    pub(super) fn merge(&self) -> String {
        let mut text = self.head(
            "Joins the shards of each experiment, draws its figures and writes its page.\n# Tasks that are \
             not finished are named by number.",
            MERGE_JOB,
            "logs/merge.txt",
        );
        text.push_str("#SBATCH --time=01:00:00\n");
        text.push_str(&self.variables());
        text.push_str(MERGE_ALL);
        for name in &self.claims {
            text.push_str(&format!("\"$out/kovan-lab\" check \"$out/whole/{name}\" || status=1\n"));
        }
        text.push_str("exit \"$status\"\n");
        text
    }

    /// The lines that begin a script.
    fn head(&self, what: &str, job: &str, log: &str) -> String {
        // Slurm replaces what begins with a percent sign in the path of a log.
        let folder = self.out.display().to_string().replace('%', "%%");
        let log = quoted(&format!("{folder}/{log}"));
        let partition =
            self.partition.map_or_else(String::new, |name| format!("#SBATCH --partition={name}\n"));
        format!(
            "#!/bin/bash\n# {what}\n# {} wrote this, for you to edit.\n\
             #SBATCH --job-name={job}\n{partition}#SBATCH --nodes=1\n#SBATCH --ntasks=1\n\
             #SBATCH --output={log}\n#SBATCH --open-mode=append\n",
            Build::here().name()
        )
    }

    /// The lines that set what both scripts use.
    fn variables(&self) -> String {
        format!(
            "set -euo pipefail\n\nout={}\nspecs=({})\nshards={}\n",
            quoted(&self.out.display().to_string()),
            self.names.join(" "),
            self.shards
        )
    }
}

/// Writes a time as Slurm reads it, in whole minutes and not less: `90:00` hours would be `3-18:00:00`.
pub(super) fn time(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60).max(1);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let days = if days > 0 { format!("{days}-") } else { String::new() };
    format!("{days}{hours:02}:{minutes:02}:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_slurm_reads_them() {
        for (seconds, text) in
            [(0, "00:01:00"), (61, "00:02:00"), (3600, "01:00:00"), (324_000, "3-18:00:00")]
        {
            assert_eq!(time(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn scripts_are_read_by_bash() {
        let scripts = Scripts {
            names: vec!["ibr18", "churn"],
            claims: vec!["ibr18"],
            shards: 3,
            limit: Duration::from_secs(600),
            processors: 8,
            partition: Some("long"),
            exclusive: true,
            options: vec!["--scheme=^(a|b)$".into()],
            out: Path::new("/data/it's 5%"),
        };
        let array = scripts.array();
        for line in [
            "#SBATCH --array=1-6",
            "#SBATCH --partition=long",
            "#SBATCH --time=00:10:00",
            "#SBATCH --exclusive",
            r"#SBATCH --output='/data/it'\''s 5%%/logs/task-%a.txt'",
            r"out='/data/it'\''s 5%'",
            "options=('--scheme=^(a|b)$')",
        ] {
            assert!(array.lines().any(|of| of == line), "{line}\n{array}");
        }
        // Slurm reads its lines up to the first one of the script itself.
        for text in [array, scripts.merge()] {
            let last = text.rfind("#SBATCH").expect("such lines");
            assert!(last < text.find("set -euo").expect("a command"), "{text}");
            let read = std::process::Command::new("bash").args(["-n", "-c", &text]).output();
            let read = read.expect("bash runs");
            assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        }
    }
}
