//! What identifies a row: the quantities that a spec can sweep, each listed once.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time that is written as decimal seconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs_f64())
    }
}

/// Parameters of the scheme and the structure that an experiment sets; the others have their defaults.
/// Written as `batch=64 era_frequency=110`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Settings(pub BTreeMap<String, u64>);

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&all.join(" "))
    }
}

/// A value on an axis. Numbers are ordered by size and come before texts, which are ordered by the alphabet.
#[derive(Clone, Debug)]
pub struct Value {
    /// The number, where it is one.
    pub number: Option<f64>,
    /// The text in tables.
    pub text: String,
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.number, other.number) {
            (Some(one), Some(two)) => one.total_cmp(&two),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.text.cmp(&other.text),
        }
    }
}
impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Value {}

/// What a field of [`TrialId`] must do to be an axis.
trait Field: Sized {
    /// Reads a text; an error says what would be right.
    fn read(text: &str) -> Result<Self, String>;
    fn value(&self) -> Value;
}

impl Field for String {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
    fn value(&self) -> Value {
        Value { number: None, text: self.clone() }
    }
}

macro_rules! whole_numbers {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("`{text}` is not a whole number"))
            }
            fn value(&self) -> Value {
                #[allow(clippy::cast_precision_loss, clippy::cast_lossless)] // For places on axes.
                Value { number: Some(*self as f64), text: self.to_string() }
            }
        }
    )*};
}
whole_numbers!(u32, u64);

impl Field for Seconds {
    fn read(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().filter(|seconds| (0.0..=1e6).contains(seconds));
        let seconds = seconds.map(Duration::from_secs_f64).map(Seconds);
        seconds.ok_or_else(|| format!("`{text}` is not a number of seconds"))
    }
    fn value(&self) -> Value {
        Value { number: Some(self.0.as_secs_f64()), text: self.to_string() }
    }
}

impl Field for Settings {
    fn read(text: &str) -> Result<Self, String> {
        let setting = |part: &str| {
            let (name, value) = part.split_once('=')?;
            Some((name.to_string(), value.parse().ok()?))
        };
        let all: Option<BTreeMap<_, _>> = text.split_whitespace().map(setting).collect();
        all.map(Settings)
            .ok_or_else(|| format!("`{text}` is not `name=number`, separated by spaces"))
    }
    fn value(&self) -> Value {
        Value { number: None, text: self.to_string() }
    }
}

/// A quantity that can be swept.
#[derive(Debug)]
pub struct AxisInfo {
    /// The column in tables, and the key in specs.
    pub name: &'static str,
    /// The label in figures, with the unit.
    pub label: &'static str,
    /// Says whether tables of schema version 1 have the column.
    pub is_first: bool,
    get: fn(&TrialId) -> Value,
    set: fn(&mut TrialId, &str) -> Result<(), String>,
}

macro_rules! axes {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr, $label:literal, $first:literal;)*) => {
        /// Identifies a row: one trial of a plan.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct TrialId {
            $($(#[$doc])* pub $name: $type,)*
            /// How often the same was measured before, and this time; from 1.
            pub repeat: u32,
        }

        impl Default for TrialId {
            fn default() -> Self {
                Self { $($name: $default,)* repeat: 1 }
            }
        }

        /// Every axis, in the order of the columns.
        pub const AXES: &[AxisInfo] = &[$(AxisInfo {
            name: stringify!($name),
            label: $label,
            is_first: $first,
            get: |id| id.$name.value(),
            set: |id, text| {
                id.$name = <$type>::read(text)?;
                Ok(())
            },
        }),*];
    };
}

// Each axis once: the name of its column, its type, its value where a table lacks it, its label in
// figures, and whether tables of schema version 1 have it.
axes! {
    /// The reclamation scheme.
    scheme: String = String::new(), "scheme", true;
    /// The data structure.
    structure: String = String::new(), "structure", true;
    /// The name of the workload in the spec.
    workload: String = String::new(), "workload", true;
    /// The name of the adversary in the spec, or `none`.
    adversary: String = "none".into(), "adversary", true;
    /// Worker threads, which run the workload.
    threads: u32 = 0, "worker threads", true;
    /// Threads of the adversary.
    stalled: u32 = 0, "threads of the adversary", true;
    /// The allocator of the process.
    allocator: String = "mimalloc".into(), "allocator", true;
    /// Length of the measured window.
    seconds: Seconds = Seconds::default(), "length of the window (s)", false;
    /// Keys are below this.
    key_range: u64 = 0, "key range", false;
    /// The period of the adversary.
    period_ms: u64 = 0, "period of the adversary (ms)", false;
    /// Operations that all workers together are asked for in a second; 0: as many as they can.
    rate: u64 = 0, "arrivals (operations/s)", false;
    /// Where workers run: `none` leaves it to the system.
    placement: String = "none".into(), "placement", false;
    /// Bytes that each value carries beside its key.
    #[serde(default, skip_serializing_if = "is_zero")]
    value_bytes: u64 = 0, "payload of a value (bytes)", false;
    /// Parameters of scheme and structure that are set.
    parameters: Settings = Settings::default(), "parameters", false;
    /// How it is measured: `sound`, or `strict` as the harnesses of papers do it. Left out where it is as usual,
    /// so that plans of older versions keep their hashes.
    #[serde(default = "sound", skip_serializing_if = "is_sound")]
    method: String = sound(), "method", false;
}

/// The method of all cells that ask for no other.
fn sound() -> String {
    SOUND.into()
}

fn is_sound(method: &String) -> bool {
    method == SOUND
}

/// The name of the lab's method.
pub const SOUND: &str = "sound";
/// The name of the method of published harnesses.
pub const STRICT: &str = "strict";

/// Says of an axis that is newer than others whether it is as it was before: then plans of older versions have
/// the same hash.
#[allow(clippy::trivially_copy_pass_by_ref)] // As `serde` calls it.
fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl TrialId {
    /// The bytes that the heap has for a value beside its node.
    pub fn bytes_beside_node(&self) -> u64 {
        if self.value_bytes == 0 {
            0
        } else {
            kovan_schemes::payload::HEAD_BYTES + self.value_bytes
        }
    }

    /// The value of an axis by its column's name; a parameter by its own name.
    pub fn get(&self, axis: &str) -> Option<Value> {
        if let Some(info) = AXES.iter().find(|info| info.name == axis) {
            return Some((info.get)(self));
        }
        let value = self.parameters.0.get(parameter_name(axis))?;
        Some(value.value())
    }

    /// Sets an axis from a text.
    ///
    /// # Errors
    /// If there is no such axis, or the text is not such a value: what would be right.
    pub fn set(&mut self, axis: &str, text: &str) -> Result<(), String> {
        match AXES.iter().find(|info| info.name == axis) {
            Some(info) => (info.set)(self, text),
            None => Err(format!("there is no axis `{axis}`")),
        }
    }

    /// Returns whether it is measured as published harnesses do it.
    pub fn is_strict(&self) -> bool {
        self.method == STRICT
    }

    /// Returns the cell: the same without its repeat, which is 0.
    pub fn cell(&self) -> Self {
        Self { repeat: 0, ..self.clone() }
    }

    /// Returns the texts of the axes that tables for people always have.
    pub fn usual(&self) -> [String; 5] {
        let Self { scheme, structure, workload, threads, stalled, .. } = self;
        let [scheme, structure, workload] = [scheme, structure, workload].map(String::clone);
        [scheme, structure, workload, threads.to_string(), stalled.to_string()]
    }

    /// The texts of some axes, in the order of the columns.
    pub fn texts(&self, is_first: bool) -> impl Iterator<Item = String> {
        AXES.iter().filter(move |info| info.is_first == is_first).map(|info| (info.get)(self).text)
    }

    /// What people call it: the axes of schema version 1, and those of the others that are not as usual.
    pub fn name(&self) -> String {
        let Self { scheme, structure, workload, threads, stalled, repeat, .. } = self;
        let mut others = self.unusual();
        if !others.is_empty() {
            others.push(' ');
        }
        format!(
            "{scheme} {structure} {workload} threads={threads} stalled={stalled} {others}repeat={repeat}"
        )
    }

    /// The axes of later versions that are not as usual, as `rate=5`.
    pub fn unusual(&self) -> String {
        let usual = Self { seconds: self.seconds, key_range: self.key_range, ..Self::default() };
        let others = AXES.iter().filter(|info| !info.is_first || info.name == "allocator");
        let others = others.map(|info| (info.name, (info.get)(self), (info.get)(&usual)));
        let others = others.filter(|(_, value, usual)| value != usual);
        others
            .map(|(name, value, _)| format!("{name}={}", value.text))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// The parameter of hash maps of fixed size, the only one that a structure has.
pub const BUCKETS: &str = "buckets";

/// The name of a parameter without what has it: `ibr.era_frequency` is `era_frequency`.
pub fn parameter_name(axis: &str) -> &str {
    axis.split_once('.').map_or(axis, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_axis_is_read_as_it_is_written() {
        let texts = ["7", "0.25", "a-b", "batch=64 era_frequency=110"];
        for info in AXES {
            let read: Vec<String> = texts
                .iter()
                .filter_map(|text| {
                    let mut id = TrialId::default();
                    id.set(info.name, text).ok()?;
                    let read = id.get(info.name).expect("an axis").text;
                    assert_eq!(read, *text, "{}", info.name);
                    Some(read)
                })
                .collect();
            assert!(!read.is_empty(), "{} reads none of {texts:?}", info.name);
        }
        let mut id = TrialId::default();
        id.set("parameters", "batch=64").expect("read");
        assert_eq!(id.get("hyaline-1.batch").and_then(|value| value.number), Some(64.0));
        assert!(id.set("colour", "red").is_err_and(|error| error.contains("no axis `colour`")));
    }

    #[test]
    fn a_trial_without_payloads_is_written_as_before() {
        let mut id = TrialId { scheme: "ibr".into(), ..TrialId::default() };
        let text = serde_json::to_string(&id).expect("text");
        assert!(!text.contains("value_bytes"), "plans of older versions keep their hash: {text}");
        id.value_bytes = 64;
        let text = serde_json::to_string(&id).expect("text");
        assert_eq!(serde_json::from_str::<TrialId>(&text).expect("read"), id);
        assert!(id.name().contains("value_bytes=64 repeat"), "{}", id.name());
    }

    #[test]
    fn names_have_what_is_unusual() {
        let id = TrialId { scheme: "ibr".into(), key_range: 9, ..TrialId::default() };
        assert_eq!(id.name(), "ibr   threads=0 stalled=0 repeat=1");
        let id = TrialId { allocator: "jemalloc".into(), rate: 5, ..id };
        assert!(id.name().contains("allocator=jemalloc rate=5 repeat=1"), "{}", id.name());
    }
}
