//! Plain types that files, processes and figures share. They have no behaviour beyond themselves.

mod adversary;
mod further;
mod measure;
mod message;
mod metrics;
mod shard;
mod trial;
mod workload;

pub use adversary::{Adversary, Kind as AdversaryKind, Manner, Point};
pub use further::{Further, Share, Stop, Time, Wide};
pub use measure::Measure;
pub use message::{Latency, Measured, RoleCount, SeriesPoint, Trial, WorkerMessage};
pub use metrics::{Draw, METRICS, MetricInfo, Metrics};
pub use shard::Shard;
pub use trial::{AXES, BUCKETS, SOUND, STRICT, Seconds, Settings, TrialId, Value, parameter_name};
pub use workload::{Keys, Mix, Operation, Prefill, PrefillOrder, Role, Workload};
