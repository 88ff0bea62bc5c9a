//! The time series of a folder, which may be longer than memory: only what is asked for is kept of it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use kovan_lab_base::data::{SeriesPoint, TrialId};

use super::sample::Sample;
use super::side::point_of;
use super::table::{Identity, Reader, SERIES};

/// What is kept of the time series of a folder.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// The points of the trials that were asked for, in the order of time.
    pub(crate) points: BTreeMap<TrialId, Vec<SeriesPoint>>,
    /// The nodes that were retired and freed at the end of each.
    ends: BTreeMap<TrialId, (u64, u64)>,
}

/// Reads the time series of a folder, and keeps those of some trials. A file that is not there has no rows. In tables
/// of version 1 rows lack columns of their trial, which are those of its `samples`.
pub(crate) fn read_series(
    dir: &Path,
    samples: &[Sample],
    is_kept: impl Fn(&TrialId) -> bool,
) -> Result<Series> {
    let mut series = Series::default();
    let Some(mut reader) = Reader::open(&dir.join(SERIES), true)? else { return Ok(series) };
    let mut identity = Identity::of(&reader, usual(samples));
    let (mut trial, mut points, mut end) = (None::<TrialId>, Vec::new(), (0, 0));
    let mut keeps = false;
    while let Some(fields) = reader.next()? {
        let point = point_of(&fields).map_err(|error| fields.told(&error))?;
        let (id, is_another) = identity.read(&fields)?;
        if is_another {
            series.add(trial.replace(id.clone()), std::mem::take(&mut points), end);
            keeps = is_kept(id);
        }
        end = (point.retired, point.freed);
        if keeps {
            points.push(point);
        }
    }
    series.add(trial, points, end);
    Ok(series)
}

/// Returns a trial that has what tables of version 1 have no column for.
pub(super) fn usual(samples: &[Sample]) -> TrialId {
    let workload = samples.first().map(|row| row.id.workload.clone()).unwrap_or_default();
    TrialId { workload, ..TrialId::default() }
}

impl Series {
    fn add(&mut self, id: Option<TrialId>, points: Vec<SeriesPoint>, end: (u64, u64)) {
        let Some(id) = id else { return };
        if !points.is_empty() {
            self.points.entry(id.clone()).or_default().extend(points);
        }
        self.ends.insert(id, end);
    }

    /// Returns a line about samples whose series is not there, or does not reach the end of the window.
    pub(crate) fn lost<'a>(
        &self,
        dir: &Path,
        samples: impl Iterator<Item = &'a Sample>,
    ) -> Option<String> {
        let (mut count, mut none, mut cut) = (0, 0, 0);
        for row in samples.filter(|row| row.is_ok()) {
            count += 1;
            match self.ends.get(&row.id) {
                None => none += 1,
                Some(end) if Some(*end) != row.metrics.retired.zip(row.metrics.freed) => cut += 1,
                Some(_) => {}
            }
        }
        (none + cut > 0).then(|| {
            format!(
                "{}: of {count} measured cells, {none} have no time series and {cut} a cut one, as after a power \
                 failure; figures over time lack them. To measure these cells again, delete their rows from \
                 samples.csv and use --resume",
                dir.join(SERIES).display()
            )
        })
    }
}
