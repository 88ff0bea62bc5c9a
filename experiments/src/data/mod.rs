//! Plain types that files, processes and figures share. They have no behaviour beyond themselves.

mod adversary;
mod further;
mod measure;
mod message;
mod metrics;
mod shard;
mod trial;
mod workload;

pub(crate) use adversary::{Adversary, Kind as AdversaryKind, Manner, Point};
pub(crate) use further::{Further, Share, Stop, Time, Wide};
pub(crate) use measure::Measure;
pub(crate) use message::{Latency, Measured, RoleCount, SeriesPoint, Trial, WorkerMessage};
pub(crate) use metrics::{Draw, METRICS, MetricInfo, Metrics};
pub(crate) use shard::Shard;
pub(crate) use trial::{
    AXES, BUCKETS, SOUND, STRICT, Seconds, Settings, TrialId, Value, parameter_name,
};
pub(crate) use workload::{Keys, Mix, Operation, Prefill, PrefillOrder, Role, Workload};
