//! Two builds of this program that measure one experiment in alternation, block by block.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, bail, ensure};
use kovan_lab_base::support::output::{complain, note, replace_file, tail};
use kovan_lab_base::support::shell::quoted;

use super::session::refuse_existing;
use crate::plan::Pattern;
use crate::results::manifest::Manifest;
use crate::spec::{ScaleName, Source};
use kovan_lab_base::system::process::interrupt_flag;

/// What two builds measure, and where.
pub(super) struct Alternation<'a> {
    /// The programs, called A and B.
    pub(super) programs: [&'a Path; 2],
    /// The experiment, which both read from a copy of the file.
    pub(super) source: &'a Source,
    pub(super) scale: ScaleName,
    /// How often each of them measures each cell.
    pub(super) blocks: u32,
    /// Further arguments of `run`, which choose the cells.
    pub(super) chosen: Vec<String>,
    /// The folder that gets one for each of them.
    pub(super) out: &'a Path,
    /// Says whether it goes on with folders that are there.
    pub(super) resumes: bool,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It measured every cell.
    Measured,
    /// It measured, but not every cell.
    SomeCellsFailed,
    /// The user asked to stop.
    Interrupted,
}

impl Alternation<'_> {
    /// Measures, and returns the folders of A and B; `None` if the user asked to stop.
    ///
    /// Each program runs its own `run` for the first block, and `resume` for what follows, so a build may be of
    /// any version that has both. Who begins alternates too, so that what drifts meets both alike.
    pub(super) fn measure(&self) -> Result<Option<[PathBuf; 2]>> {
        let folders = ["a", "b"].map(|name| self.out.join(name));
        for folder in &folders {
            if self.resumes && folder.join("manifest.json").exists() {
                self.ensure_asked(folder)?;
            } else {
                refuse_existing(folder)?;
            }
        }
        let spec = self.out.join("spec.toml");
        std::fs::create_dir_all(self.out)
            .with_context(|| format!("cannot create {}", self.out.display()))?;
        replace_file(&spec, self.source.text.as_bytes())?;
        // Ctrl-C reaches the program that measures as well; it ends with whole records, and says so by its exit code.
        let interrupted = interrupt_flag()?;
        let mut failed = false;
        for block in 1..=self.blocks {
            let order = if block % 2 == 1 { [0, 1] } else { [1, 0] };
            note(&format!("block {block} of {}", self.blocks));
            for side in order {
                let end = self.block(side, block, &spec, &folders[side])?;
                if interrupted.load(Relaxed) || end == End::Interrupted {
                    note(&format!(
                        "kovan-lab: interrupted; the records are whole. To go on: the same command with --resume. \
                         To compare what is there: kovan-lab compare {} {} --paired",
                        quoted(&folders[0].display().to_string()),
                        quoted(&folders[1].display().to_string())
                    ));
                    return Ok(None);
                }
                failed |= end == End::SomeCellsFailed;
            }
        }
        if failed {
            complain(&format!(
                "some cells failed; the rows in {} and {} say why",
                folders[0].display(),
                folders[1].display()
            ));
        }
        Ok(Some(folders))
    }

    /// Refuses to go on with records of something else than what is asked for.
    fn ensure_asked(&self, folder: &Path) -> Result<()> {
        let manifest = Manifest::read(folder)?;
        let overrides = manifest.overrides.unwrap_or_default();
        let filters = [("--scheme", overrides.scheme), ("--structure", overrides.structure)];
        let chosen = filters.into_iter().filter_map(|(flag, pattern)| {
            pattern.map(|Pattern(regex)| [flag.to_string(), regex.as_str().to_string()])
        });
        let differs = if manifest.spec_text != self.source.text {
            "another spec"
        } else if manifest.scale != self.scale {
            "another scale"
        } else if chosen.flatten().collect::<Vec<_>>() != self.chosen {
            "other --scheme or --structure"
        } else {
            return Ok(());
        };
        bail!(
            "{} was measured with {differs}; ask for the same, or choose another --out",
            folder.display()
        )
    }

    /// Lets a program measure its block of this number.
    fn block(&self, side: usize, block: u32, spec: &Path, folder: &Path) -> Result<End> {
        let program = self.programs[side];
        let mut command = Command::new(program);
        // Where a block is there already, `resume` has nothing to do.
        if block == 1 && !folder.join("manifest.json").exists() {
            command.arg("run").arg(spec).args([
                "--scale",
                &self.scale.to_string(),
                "--repeats",
                "1",
            ]);
            command.args(&self.chosen).arg("--out").arg(folder);
        } else {
            // The budget never ends it, the number of repeats does.
            command.arg("resume").arg(folder).args(["--budget", "1000h", "--most-repeats"]);
            command.arg(block.to_string());
        }
        command.args(["--quiet", "--yes"]).stdin(Stdio::null());
        let output =
            command.output().with_context(|| format!("cannot start {}", program.display()))?;
        let has_records = folder.join("manifest.json").exists();
        Ok(match output.status.code() {
            Some(0) if has_records => End::Measured,
            Some(1) if has_records => End::SomeCellsFailed,
            Some(130) => End::Interrupted,
            _ => {
                let said = tail(&String::from_utf8_lossy(&output.stderr));
                let said = said.map_or_else(String::new, |said| format!(": {said}"));
                bail!(
                    "{} did not measure block {block}, and ended with {}{said}",
                    program.display(),
                    output.status
                )
            }
        })
    }
}

/// Refuses what is no program.
pub(super) fn ensure_program(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let facts = std::fs::metadata(path).with_context(|| path.display().to_string())?;
    ensure!(
        facts.is_file() && facts.permissions().mode() & 0o111 != 0,
        "{}: neither a folder of results nor a program",
        path.display()
    );
    Ok(())
}
