//! The rows of `samples.csv`.

use kovan_lab_base::data::{AXES, METRICS, Measured, Metrics, Trial, TrialId};
use kovan_lab_base::support::output::{one_line, with_stderr};
use kovan_lab_base::system::machine::this_machine;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::table::{Fields, Row};
use crate::system::builds::Build;

/// Others take so much of the processors in any cell: the scheduler, the sampler, interrupts.
pub(crate) const USUALLY_TAKEN: f64 = 0.1;

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    /// Measured, and all checks passed.
    Ok,
    /// A check failed, or the process did.
    Error,
    /// Killed after its time was over.
    Timeout,
    /// The pair is unsound; it was not run.
    Refused,
}

impl Status {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Ok, "ok"),
        (Self::Error, "error"),
        (Self::Timeout, "timeout"),
        (Self::Refused, "refused"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(status, _)| *status == self).map_or("", |(_, name)| name)
    }
}

/// A row of `samples.csv`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// The name of the spec.
    pub(crate) experiment: String,
    /// Which trial it is of.
    pub(crate) id: TrialId,
    /// The seed of the random streams.
    pub(crate) seed: u64,
    /// How it ended.
    pub(crate) status: Status,
    /// Why the status is not `ok`, and what the process wrote to stderr.
    pub(crate) error: String,
    /// What was measured.
    pub(crate) metrics: Metrics,
    /// The name and version of the allocator that it was measured with. Empty in records of older versions.
    pub(crate) allocator_version: String,
    /// The hash of the program that measured it. Absent in records of older versions.
    pub(crate) build: Option<String>,
    /// The identity of the machine that measured it. Absent in records of older versions.
    pub(crate) machine: Option<String>,
}

/// The repeat of a row, and where it was measured. Only values with the same one are paired: a repeat may be spread
/// over machines and builds, and then what differs is not only what is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Block {
    repeat: u32,
    machine: Option<String>,
    build: Option<String>,
}

/// The names of the axes that schema version 1 has, or of the others.
pub(super) fn axis_names(is_first: bool) -> impl Iterator<Item = String> {
    AXES.iter().filter(move |info| info.is_first == is_first).map(|info| info.name.to_string())
}

impl Row for Sample {
    // The columns of version 1 come first, in their order.
    fn header() -> Vec<String> {
        let metrics = METRICS.iter().map(|info| info.name.to_string());
        let fixed = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let first = fixed(&["experiment"]).into_iter().chain(axis_names(true));
        let then = fixed(&["repeat", "seed", "status", "error"]).into_iter().chain(metrics);
        first
            .chain(then)
            .chain(axis_names(false))
            .chain(fixed(&["allocator_version", "build", "machine"]))
            .collect()
    }

    fn fields(&self) -> Vec<String> {
        let mut fields = vec![self.experiment.clone()];
        fields.extend(self.id.texts(true));
        fields.extend([self.id.repeat.to_string(), self.seed.to_string()]);
        fields.extend([self.status.name().to_string(), self.error.clone()]);
        fields.extend(self.metrics.texts());
        fields.extend(self.id.texts(false));
        fields.push(self.allocator_version.clone());
        fields.push(self.build.clone().unwrap_or_default());
        fields.push(self.machine.clone().unwrap_or_default());
        fields
    }

    fn read(fields: &Fields<'_>) -> Result<Self, String> {
        let status = fields.text("status")?;
        let known = Status::ALL.iter().find(|(_, name)| *name == status);
        let mut metrics = Metrics::default();
        for info in METRICS {
            let text = fields.text_or(info.name, "");
            metrics.set(info, text).map_err(|error| format!("{}: {error}", info.name))?;
        }
        let text_of = |column: &str| Some(fields.text_or(column, "").to_string());
        Ok(Self {
            experiment: fields.text("experiment")?.into(),
            id: fields.id()?,
            seed: fields.whole("seed")?,
            status: known.map(|(status, _)| *status).ok_or_else(|| format!("status `{status}`"))?,
            error: fields.text("error")?.into(),
            metrics,
            allocator_version: fields.text_or("allocator_version", "").into(),
            build: text_of("build").filter(|build| !build.is_empty()),
            machine: text_of("machine").filter(|machine| !machine.is_empty()),
        })
    }

    fn id_mut(&mut self) -> &mut TrialId {
        &mut self.id
    }
}

impl Sample {
    /// A row without measurements.
    pub(crate) fn unmeasured(trial: &Trial, status: Status, error: &str) -> Self {
        Self {
            experiment: trial.experiment.clone(),
            id: trial.id.clone(),
            seed: trial.seed,
            status,
            error: one_line(error),
            metrics: Metrics::default(),
            allocator_version: String::new(),
            build: Build::here().binary_hash.clone(),
            machine: this_machine().map(Into::into),
        }
    }

    /// Gives a row of an older version, which does not say where it was measured, what its manifest says.
    pub(super) fn name_origin(&mut self, manifest: &Manifest) {
        self.build = self.build.take().or_else(|| manifest.build.binary_hash.clone());
        self.machine = self.machine.take().or_else(|| manifest.machine.id().map(Into::into));
    }

    /// Returns the repeat, and where it was measured.
    pub(crate) fn block(&self) -> Block {
        let Self { build, machine, .. } = self;
        Block { repeat: self.id.repeat, machine: machine.clone(), build: build.clone() }
    }

    /// A measured row; of status `error` where a check failed. `said` is what the process wrote to
    /// stderr.
    pub(crate) fn measured(trial: &Trial, measured: &Measured, said: Option<&str>) -> Self {
        let status = if measured.error.is_some() { Status::Error } else { Status::Ok };
        let error = with_stderr(measured.error.as_deref(), said);
        let metrics = measured.metrics.clone();
        let allocator_version = measured.allocator.clone();
        Self { metrics, allocator_version, ..Self::unmeasured(trial, status, &error) }
    }

    /// Failed trials are tried again by `--resume`.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.status, Status::Ok | Status::Refused)
    }

    /// Returns whether other programs took so much of the workers' time that the row is worth little.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.metrics.disturbed.is_some_and(|share| share > USUALLY_TAKEN)
    }

    /// Returns whether it was measured, and all checks passed.
    pub(crate) fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::{parse, text_of};

    const HEADER: &str = "experiment,scheme,structure,workload,adversary,threads,stalled,allocator,repeat,seed,\
        status,error,ops,elapsed_ns,ops_per_second,retired,freed,unreclaimed_peak,unreclaimed_mean,\
        unreclaimed_end,unreclaimed_bound,rss_peak_bytes,cpu_ns,throttled_count,throttled_us,build";
    const ROW: &str =
        "x,ibr,list,w,none,4,0,mimalloc,1,1,ok,,9,100000000,9,9,9,9,9,9,,,150000000,0,0,b1";

    fn read(header: &str, row: &str) -> Result<Sample, String> {
        let rows = parse(&format!("{header}\n{row}\n")).map_err(|error| format!("{error:#}"));
        rows.map(|mut rows: Vec<Sample>| rows.remove(0))
    }

    #[test]
    fn rows_of_version_1_are_read() {
        let row = read(HEADER, ROW).expect("a row");
        let Sample { id, metrics, build, .. } = &row;
        assert_eq!((id.threads, metrics.ops, metrics.cpu_ns), (4, Some(9), Some(150_000_000)));
        assert_eq!((metrics.rss_peak_bytes, build.as_deref()), (None, Some("b1")));
        let header = HEADER.replace(",cpu_ns,throttled_count,throttled_us,build", "");
        let older = read(&header, ROW.trim_end_matches(",150000000,0,0,b1")).expect("a row");
        assert_eq!((older.metrics.ops, older.metrics.cpu_ns, older.build), (Some(9), None, None));
    }

    #[test]
    fn the_columns_of_version_1_come_first() {
        let header = Sample::header().join(",");
        assert!(header.starts_with(HEADER.trim_end_matches(",build")), "{header}");
        assert!(header.ends_with(",build,machine"), "{header}");
    }

    #[test]
    fn a_row_is_read_as_it_is_written() {
        let mut row = read(HEADER, ROW).expect("a row");
        row.error = "a, \"b\"".into();
        row.id.set("parameters", "batch=7 era_frequency=9").expect("an axis");
        row.metrics.disturbed = Some(0.125);
        let text = text_of(std::slice::from_ref(&row)).expect("a row");
        let header = Sample::header().join(",");
        assert_eq!(read(&header, text.trim_end()), Ok(row));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_column() {
        for (from, to, told) in [
            (",ok,", ",okay,", "status `okay`"),
            (",4,0,", ",x,0,", "threads: `x` is not a whole number"),
            (",9,100000000", ",-9,100000000", "ops: `-9`"),
        ] {
            let error = read(HEADER, &ROW.replacen(from, to, 1)).expect_err("refused");
            assert!(error.contains(told) && error.contains("line 2"), "{error}");
        }
        let error = read(&HEADER.replace(",seed", ",speed"), ROW).expect_err("refused");
        assert!(error.contains("no column `seed`"), "{error}");
    }
}
