//! The tables beside `samples.csv`: several rows for each trial.

use super::sample::axis_names;
use super::table::{Fields, Row};
use kovan_lab_base::data::{Latency, RoleCount, SeriesPoint, Trial, TrialId};

/// A row of `series.csv`: the counters at a time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeriesRow {
    pub(crate) experiment: String,
    pub(crate) id: TrialId,
    pub(crate) point: SeriesPoint,
}

/// The axes that tables of time series have had since version 1.
const FIRST_OF_SERIES: [&str; 5] = ["scheme", "structure", "adversary", "threads", "stalled"];

/// The axes that such tables have had since version 2.
fn later_of_series() -> impl Iterator<Item = String> {
    let all = axis_names(true).chain(axis_names(false));
    all.filter(|name| !FIRST_OF_SERIES.contains(&name.as_str()))
}

fn text_of(id: &TrialId, axis: &str) -> String {
    id.get(axis).map(|value| value.text).unwrap_or_default()
}

impl Row for SeriesRow {
    fn header() -> Vec<String> {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let first = names(&["experiment"]).into_iter().chain(names(&FIRST_OF_SERIES));
        let own = names(&["repeat", "t_ns", "retired", "freed", "unreclaimed"]);
        let own = own.into_iter().chain(names(&["rss_bytes", "unreclaimed_bytes"]));
        first.chain(own).chain(later_of_series()).collect()
    }

    fn fields(&self) -> Vec<String> {
        let SeriesPoint { t_ns, retired, freed, rss_bytes, unreclaimed_bytes } = self.point;
        let mut fields = vec![self.experiment.clone()];
        fields.extend(FIRST_OF_SERIES.map(|axis| text_of(&self.id, axis)));
        let unreclaimed = self.point.unreclaimed();
        let numbers = [self.id.repeat.into(), t_ns, retired, freed, unreclaimed];
        fields.extend(numbers.map(|number| number.to_string()));
        let text = |bytes: Option<u64>| bytes.map_or_else(String::new, |bytes| bytes.to_string());
        fields.extend([rss_bytes, unreclaimed_bytes].map(text));
        fields.extend(later_of_series().map(|axis| text_of(&self.id, &axis)));
        fields
    }

    fn read(fields: &Fields<'_>) -> Result<Self, String> {
        let experiment = fields.text("experiment")?.into();
        Ok(Self { experiment, id: fields.id()?, point: point_of(fields)? })
    }

    fn id_mut(&mut self) -> &mut TrialId {
        &mut self.id
    }
}

/// Reads the counters of a row of a time series.
pub(super) fn point_of(fields: &Fields<'_>) -> Result<SeriesPoint, String> {
    let bytes = |column: &str| {
        let is_empty = fields.text_or(column, "").is_empty();
        if is_empty { Ok(None) } else { fields.whole(column).map(Some) }
    };
    Ok(SeriesPoint {
        t_ns: fields.whole("t_ns")?,
        retired: fields.whole("retired")?,
        freed: fields.whole("freed")?,
        rss_bytes: bytes("rss_bytes")?,
        unreclaimed_bytes: bytes("unreclaimed_bytes")?,
    })
}

/// A row of a table that has all axes, and columns of its own.
macro_rules! side_row {
    ($(#[$doc:meta])* $name:ident($value:ident: $type:ty) { $($column:literal => $field:expr,)* } read($fields:ident) $read:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct $name {
            pub(crate) experiment: String,
            pub(crate) id: TrialId,
            pub(crate) value: $type,
        }

        impl Row for $name {
            fn header() -> Vec<String> {
                let first = ["experiment".to_string()].into_iter();
                let axes = first.chain(axis_names(true)).chain(axis_names(false));
                axes.chain(["repeat", $($column,)*].map(String::from)).collect()
            }
            fn fields(&self) -> Vec<String> {
                let $value = &self.value;
                let mut fields = vec![self.experiment.clone()];
                fields.extend(self.id.texts(true).chain(self.id.texts(false)));
                fields.extend([self.id.repeat.to_string(), $($field.to_string(),)*]);
                fields
            }
            fn read($fields: &Fields<'_>) -> Result<Self, String> {
                let experiment = $fields.text("experiment")?.into();
                Ok(Self { experiment, id: $fields.id()?, value: $read })
            }
            fn id_mut(&mut self) -> &mut TrialId {
                &mut self.id
            }
        }
    };
}

side_row! {
    /// A row of `roles.csv`: what the workers of a role did.
    RoleRow(role: RoleCount) {
        "role" => role.role,
        "role_threads" => role.threads,
        "ops" => role.ops,
        "ops_per_second" => role.ops_per_second,
    }
    read(fields) RoleCount {
        role: fields.text("role")?.into(),
        threads: u32::try_from(fields.whole("role_threads")?).unwrap_or(u32::MAX),
        ops: fields.whole("ops")?,
        ops_per_second: fields.whole("ops_per_second")?,
    }
}

side_row! {
    /// A row of `latency.csv`: the latencies of one kind of operation, as percentiles and as a histogram of
    /// `ns:count` pairs.
    LatencyRow(latency: Latency) {
        "operation" => latency.operation,
        "count" => latency.count(),
        "p50_ns" => latency.percentile(50.0),
        "p90_ns" => latency.percentile(90.0),
        "p99_ns" => latency.percentile(99.0),
        "p999_ns" => latency.percentile(99.9),
        "p9999_ns" => latency.percentile(99.99),
        "max_ns" => latency.percentile(100.0),
        "histogram" => histogram_text(latency),
    }
    read(fields) Latency {
        operation: fields.text("operation")?.into(),
        counts: histogram_of(fields.text("histogram")?)?,
    }
}

fn histogram_text(latency: &Latency) -> String {
    let pairs = latency.counts.iter().map(|(ns, count)| format!("{ns}:{count}"));
    pairs.collect::<Vec<_>>().join(" ")
}

fn histogram_of(text: &str) -> Result<Vec<(u64, u64)>, String> {
    let pair = |part: &str| {
        let (ns, count) = part.split_once(':')?;
        Some((ns.parse().ok()?, count.parse().ok()?))
    };
    let pairs: Option<Vec<_>> = text.split_whitespace().map(pair).collect();
    pairs.ok_or_else(|| "histogram: it is not pairs of `ns:count`, separated by spaces".into())
}

impl SeriesRow {
    /// The rows of a trial.
    pub(super) fn all(trial: &Trial, points: &[SeriesPoint]) -> Vec<Self> {
        let Trial { experiment, id, .. } = trial;
        let row = |point: &SeriesPoint| Self {
            experiment: experiment.clone(),
            id: id.clone(),
            point: *point,
        };
        points.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::{header_of, parse, text_of};

    #[test]
    fn side_rows_are_read_as_they_are_written() {
        let id = TrialId { scheme: "ibr".into(), key_range: 7, repeat: 3, ..TrialId::default() };
        let latency = Latency { operation: "put".into(), counts: vec![(100, 5), (2000, 1)] };
        let row = LatencyRow { experiment: "x".into(), id: id.clone(), value: latency };
        let text = header_of::<LatencyRow>() + &text_of(std::slice::from_ref(&row)).expect("a row");
        assert!(text.contains(",put,6,100,2000,2000,2000,2000,2000,100:5 2000:1\n"), "{text}");
        assert_eq!(parse::<LatencyRow>(&text).expect("read"), [row]);

        let count = RoleCount { role: "readers".into(), threads: 2, ops: 9, ops_per_second: 18 };
        let row = RoleRow { experiment: "x".into(), id: id.clone(), value: count };
        let text = header_of::<RoleRow>() + &text_of(std::slice::from_ref(&row)).expect("a row");
        assert_eq!(parse::<RoleRow>(&text).expect("read"), [row]);

        let (rss_bytes, unreclaimed_bytes) = (None, Some(160));
        let point = SeriesPoint { t_ns: 5, retired: 9, freed: 4, rss_bytes, unreclaimed_bytes };
        let row = SeriesRow { experiment: "x".into(), id, point };
        let text = header_of::<SeriesRow>() + &text_of(std::slice::from_ref(&row)).expect("a row");
        assert!(text.starts_with("experiment,scheme,structure,adversary,threads,stalled,repeat,t_ns,retired,freed,unreclaimed,rss_bytes,"));
        assert_eq!(parse::<SeriesRow>(&text).expect("read"), std::slice::from_ref(&row));
        // As versions wrote it that did not count bytes.
        let older = text.replace(",unreclaimed_bytes", "").replace(",,160,", ",,");
        let read = parse::<SeriesRow>(&older).expect("read");
        assert_eq!(read[0].point, SeriesPoint { unreclaimed_bytes: None, ..row.point });
        let wrong = parse::<SeriesRow>(&text.replace(",,160,", ",,many,")).expect_err("refused");
        let wrong = format!("{wrong:#}");
        assert!(wrong.contains("unreclaimed_bytes: `many` is not a"), "{wrong}");
    }
}
