//! A spec with its plan, and the folder of its results.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kovan_lab_base::data::{Further, Measure, Shard, Stop, Trial, TrialId};
use kovan_lab_base::support::output::{claim, complain, note, print, print_report};
use kovan_lab_base::support::table;
use kovan_lab_base::system::hardware;

use super::{check, report as page};
use crate::plan::{Overrides, Plan, Planned};
use crate::report::html::Reported;
use crate::report::{self, plot};
use crate::results::manifest::{Joins, Manifest};
use crate::results::{self, Records, Resumed, Sample};
use crate::runner::{End, Repeats, Run, child};
use crate::spec::Source;

/// A spec with its plan and the folder of its results.
pub(super) struct Job {
    pub(super) source: Source,
    pub(super) plan: Plan,
    pub(super) overrides: Overrides,
    pub(super) dir: PathBuf,
}

/// How a run goes on that was begun before.
#[derive(Clone, Copy, Debug)]
pub(super) struct GoesOn {
    /// Where other builds and machines measured.
    pub(super) joins: Joins,
    /// Measures disturbed cells again.
    pub(super) redo_disturbed: bool,
}

/// About how many seconds of a job are still to be measured, at most.
pub(super) fn seconds_left(job: &Job) -> f64 {
    // What cannot be read is told when the folder is opened.
    let samples = results::read_samples(&job.dir).map(|table| table.rows).unwrap_or_default();
    let complete: BTreeSet<&TrialId> =
        samples.iter().filter(|row| row.is_complete()).map(|row| &row.id).collect();
    let plan = &job.plan;
    let planned = plan.trials.iter().filter(|planned| !complete.contains(&planned.trial.id));
    let further = plan.further;
    let blocks = if further.is_asked() { further.most().saturating_sub(plan.repeats) } else { 0 };
    let longest = f64::from(blocks) * Plan::estimate(plan.block(1).iter());
    Plan::estimate(planned) + further.budget.map_or(longest, |budget| longest.min(budget.0))
}

pub(super) fn refuse_existing(dir: &Path) -> Result<()> {
    let exists = dir.join("manifest.json").exists() || results::has_samples(dir);
    ensure!(
        !exists,
        "{} already holds results; continue with `kovan-lab resume {0}`, or choose another --out",
        dir.display()
    );
    Ok(())
}

pub(super) fn dry_run(job: &Job) -> String {
    let header = ["scheme", "structure", "workload", "threads", "stalled", "repeat", ""];
    let row = |planned: &Planned| {
        let id = &planned.trial.id;
        let refused = planned.refused.as_ref().map(|reason| format!("refused: {reason}"));
        let others = [id.repeat.to_string(), refused.unwrap_or_else(|| id.unusual())];
        id.usual().into_iter().chain(others).collect()
    };
    let rows: Vec<Vec<String>> = job.plan.trials.iter().map(row).collect();
    format!(
        "{}\n{}: {} cells{} at scale {}, about {:.0} s{}, plan {}, into {} (dry run: nothing is written)\n",
        table::render(&header, &rows, &[3, 4, 5]),
        job.source.spec.name,
        rows.len(),
        of_shard(job.overrides.shard),
        job.plan.scale,
        Plan::estimate(job.plan.trials.iter()),
        more_repeats(&job.plan),
        job.plan.hash(),
        job.dir.display()
    )
}

/// Says which part of a plan it is, where it is one.
fn of_shard(shard: Option<Shard>) -> String {
    shard.map_or_else(String::new, |shard| format!(" of shard {shard}"))
}

/// What is measured beyond the plan, in words.
fn more_repeats(plan: &Plan) -> String {
    let Further { until_narrow, budget, .. } = plan.further;
    if !plan.further.is_asked() {
        return String::new();
    }
    let target = until_narrow.map(|target| {
        format!(" until the interval of the median of {} is within {target}", plan.judged)
    });
    let budget = budget.map(|budget| format!(" for at most {} s in all", budget.0));
    let (target, budget) = (target.unwrap_or_default(), budget.unwrap_or_default());
    format!(", then further repeats{target}{budget}, up to {}", plan.further.most())
}

impl Job {
    fn trials(&self) -> Vec<&Trial> {
        self.plan.trials.iter().map(|planned| &planned.trial).collect()
    }

    /// Opens or creates the folder.
    fn prepare(&mut self, goes_on: GoesOn) -> Result<Folder> {
        let dir = &self.dir;
        if !dir.join("manifest.json").exists() {
            ensure!(
                !results::has_samples(dir),
                "{} has a samples.csv but no manifest.json, so it cannot be resumed; choose another --out",
                dir.display()
            );
            let manifest = Manifest::new(&self.source, &self.plan, &self.overrides)?;
            manifest.write(dir)?;
            return Ok(Folder { manifest, records: Records::create(dir)?, rows: Vec::new() });
        }
        let mut manifest = Manifest::read(dir)?;
        if manifest.plan_hash != self.plan.hash() {
            bail!(
                "{} holds results of another plan ({} at scale {}, hash {}; asked for: {}); \
                 go on with it by `kovan-lab resume {0}`, or choose another --out",
                dir.display(),
                manifest.experiment,
                manifest.scale,
                manifest.plan_hash,
                self.plan.hash()
            );
        }
        let shards = [manifest.shard(), self.overrides.shard];
        if shards[0] != shards[1] {
            let [there, asked] = shards.map(|shard| match shard {
                Some(shard) => format!("shard {shard}"),
                None => "the whole".into(),
            });
            bail!(
                "{} holds {there} of this plan, and {asked} is asked for; choose another --out",
                dir.display()
            );
        }
        manifest.join(dir, goes_on.joins)?;
        // What was asked for goes on being asked for, also by later sessions.
        self.plan.further = manifest.ask_further(&self.plan);
        manifest.write(dir)?;
        // A kill between the manifest and the first header leaves nothing to keep.
        if results::has_samples(dir) {
            let is_kept = |row: &Sample| !goes_on.redo_disturbed || !row.is_disturbed();
            let Resumed { records, rows, notes, .. } =
                Records::resume(dir, &self.trials(), Some(&manifest), is_kept)?;
            notes.iter().for_each(|line| complain(line));
            return Ok(Folder { manifest, records, rows });
        }
        if manifest.duration_seconds.is_some() {
            complain(&format!(
                "{}: samples.csv is lost, so every cell is measured again",
                dir.display()
            ));
        }
        Ok(Folder { manifest, records: Records::create(dir)?, rows: Vec::new() })
    }

    /// Measures what is not complete, and tells the results; the value is the exit code.
    pub(super) fn run(
        &mut self,
        resumes: bool,
        goes_on: GoesOn,
        interrupted: &AtomicBool,
    ) -> Result<u8> {
        let began = Instant::now();
        let dir = self.dir.clone();
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let _claim = claim(&dir)?;
        if !resumes {
            // Again, under the claim: another run may have begun and ended since the first look.
            refuse_existing(&dir)?;
        }
        let Folder { mut manifest, mut records, rows } = self.prepare(goes_on)?;
        self.say_counters();
        self.say_begin(&rows);
        let before = Duration::from_secs_f64(manifest.duration_seconds.unwrap_or(0.0));
        let spent = || before + began.elapsed();
        let run = Run {
            plan: &self.plan,
            kept: rows,
            capacity: manifest.machine.capacity(),
            interrupted,
            spent: &spent,
            measure: &mut |trial| child::run(trial, interrupted),
        };
        let end = run.all(&mut records)?;
        manifest.duration_seconds = Some(spent().as_secs_f64());
        manifest.complete = end != End::Interrupted;
        if let End::Complete(repeats) = &end {
            manifest.end_further(repeats.done, repeats.stopped, &repeats.wide);
        }
        manifest.write(&dir)?;
        let End::Complete(repeats) = end else {
            note(&format!(
                "kovan-lab: interrupted; the records in {0} are whole. To go on: kovan-lab resume {0}",
                dir.display()
            ));
            return Ok(130);
        };
        let code = self.tell(&manifest)?;
        print(&told(&self.plan, &repeats))?;
        Ok(code)
    }

    /// Says why there are no hardware counters, where cells ask for them.
    fn say_counters(&self) {
        let asks = |planned: &Planned| planned.trial.measure.contains(&Measure::Hardware);
        let asks = self.plan.trials.iter().any(asks);
        if let Some(told) = asks.then(hardware::refused).flatten() {
            complain(&format!("no hardware counters, so columns stay empty: {told}"));
        }
    }

    fn say_begin(&self, rows: &[Sample]) {
        let complete: BTreeSet<&TrialId> = rows.iter().map(|row| &row.id).collect();
        let trials = &self.plan.trials;
        let todo: Vec<&Planned> =
            trials.iter().filter(|planned| !complete.contains(&planned.trial.id)).collect();
        note(&format!(
            "{}: {} cells{}, {} already complete, about {:.0} s{} -> {}",
            self.source.spec.name,
            trials.len(),
            of_shard(self.overrides.shard),
            trials.len() - todo.len(),
            Plan::estimate(todo.iter().copied()),
            more_repeats(&self.plan),
            self.dir.display()
        ));
    }

    /// The table, the figures, and what spoils the records.
    fn tell(&self, manifest: &Manifest) -> Result<u8> {
        let samples = results::read_samples(&self.dir)?.rows;
        print_report(&report::text(&self.source.spec.question, &samples))?;
        let outcomes = check::outcomes(&self.dir, &self.source, manifest, &samples)?;
        if !outcomes.is_empty() {
            print_report(&format!("\n{}", report::claims::text(&outcomes)))?;
        }
        let style = plot::Style::default();
        let (dir, source) = (self.dir.as_path(), &self.source);
        let figures = plot::figures(dir, &source.spec, &samples, manifest)?;
        let plots = plot::draw(dir, &source.spec, &figures, manifest, &style)?;
        let mut text = format!("\n{}", plot::list(&plots));
        text.push_str(&format!("records  {}\n", self.dir.join("samples.csv").display()));
        let (samples, outcomes, figures) = (&samples[..], &outcomes[..], &figures);
        let folder = Reported { dir, source, manifest, samples, outcomes, figures };
        text.push_str(&page::of(&folder)?);
        print(&text)?;
        figures.lost.iter().for_each(|line| complain(line));
        let failed = report::complain(samples, &manifest.machine);
        Ok(u8::from(failed > 0))
    }
}

/// A folder that is open.
struct Folder {
    manifest: Manifest,
    records: Records,
    /// The rows that are complete.
    rows: Vec<Sample>,
}

/// Cells that are told one by one.
const TOLD: usize = 5;

/// Why there are so many repeats, and which cells are still wide; nothing where no further ones were asked for.
fn told(plan: &Plan, repeats: &Repeats) -> String {
    let Some(stopped) = repeats.stopped else { return String::new() };
    let why = match stopped {
        Stop::Narrow => "every interval is narrow enough",
        Stop::Budget => "the budget has no room for another one",
        Stop::MostRepeats => "that is the most that is allowed",
    };
    let mut text = format!("repeats  {} of each cell: {why}", repeats.done);
    if let (Some(target), false) = (plan.further.until_narrow, repeats.wide.is_empty()) {
        let each = repeats.wide.iter().take(TOLD).map(|wide| match wide.half_width {
            Some(width) => format!("{} (±{:.1} %)", wide.cell, width * 100.0),
            None => format!("{} (too few values for an interval)", wide.cell),
        });
        let more = repeats.wide.len().saturating_sub(TOLD);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        text.push_str(&format!(
            "; the median of {} is not known to ±{target} in {}: {}{more}",
            plan.judged,
            cells(repeats.wide.len()),
            each.collect::<Vec<_>>().join("; ")
        ));
    }
    text + "\n"
}

fn cells(count: usize) -> String {
    if count == 1 { "1 cell".into() } else { format!("{count} cells") }
}
