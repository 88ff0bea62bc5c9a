//! What a command line chooses of a spec, and how much of it is measured.

use anyhow::{Result, ensure};
use clap::Args;
use kovan_lab_base::system::machine::Machine;
use regex_lite::Regex;

use crate::arguments::{Counts, Threads, cpus, regex, repeats, seconds, seed, stalled, threads};
use crate::plan::{Overrides, Pattern};
use crate::spec::ScaleName;

/// Arguments that decide which plan a spec is.
#[derive(Clone, Debug, Args)]
pub(super) struct Chosen {
    /// How long and how often to measure
    #[arg(long, value_enum, default_value_t = ScaleName::Laptop)]
    pub(super) scale: ScaleName,
    /// Only schemes that match this regular expression; '^kovan$' is one, 'kovan' matches several
    #[arg(long, value_name = "RE", value_parser = regex)]
    scheme: Option<Regex>,
    /// Only structures that match this regular expression
    #[arg(long, value_name = "RE", value_parser = regex)]
    structure: Option<Regex>,
    /// --scheme and --structure choose from all there are, not only from what the spec names
    #[arg(long)]
    all: bool,
    /// Worker threads, for example 1,2,4 or 1,HW,1.25HW
    #[arg(long, value_name = "L", value_parser = threads, allow_negative_numbers = true)]
    threads: Option<Threads>,
    /// What HW is in thread counts [default: the processors that this process may use]
    #[arg(long, value_name = "N", value_parser = cpus, allow_negative_numbers = true)]
    hw: Option<u32>,
    /// Threads of the adversary, for example 0,1,4; where the spec names no other they stop inside a guard
    #[arg(long, value_name = "L", value_parser = stalled, allow_negative_numbers = true)]
    stalled: Option<Counts>,
    /// Length of the measured window of each cell
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    seconds: Option<f64>,
    /// How often each cell is measured
    #[arg(long, value_name = "N", value_parser = repeats, allow_negative_numbers = true)]
    repeats: Option<u32>,
    /// Seed of the order, the keys and the operations [default: 1]
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true)]
    seed: Option<u64>,
}

impl Chosen {
    /// Refuses what contradicts itself.
    pub(super) fn ensure_consistent(&self) -> Result<()> {
        ensure!(
            !self.all || self.scheme.is_some() || self.structure.is_some(),
            "--all says where --scheme and --structure choose from; give one of them, '.' for all"
        );
        Ok(())
    }

    /// Says what HW is in thread counts, where the user does not.
    pub(super) fn or_hardware_threads(self, count: u32) -> Self {
        Self { hw: self.hw.or(Some(count)), ..self }
    }

    /// Returns what it changes of a spec.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            all: self.all,
            scheme: self.scheme.clone().map(Pattern),
            structure: self.structure.clone().map(Pattern),
            threads: self.threads.as_ref().map(|threads| threads.0.clone()),
            stalled: self.stalled.as_ref().map(|stalled| stalled.0.clone()),
            seconds: self.seconds,
            repeats: self.repeats,
            seed: self.seed,
            processors: self.hw.unwrap_or_else(|| Machine::here().hardware_threads()),
            ..Overrides::default()
        }
    }

    /// Returns the arguments that say the same.
    pub(super) fn words(&self) -> Vec<String> {
        fn list<T: ToString>(all: &[T]) -> String {
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        }
        let said = [
            ("--scale", Some(self.scale.to_string())),
            ("--scheme", self.scheme.as_ref().map(ToString::to_string)),
            ("--structure", self.structure.as_ref().map(ToString::to_string)),
            ("--threads", self.threads.as_ref().map(|threads| list(&threads.0))),
            ("--hw", self.hw.map(|count| count.to_string())),
            ("--stalled", self.stalled.as_ref().map(|stalled| list(&stalled.0))),
            ("--seconds", self.seconds.map(|seconds| seconds.to_string())),
            ("--repeats", self.repeats.map(|repeats| repeats.to_string())),
            ("--seed", self.seed.map(|seed| seed.to_string())),
        ];
        let mut words: Vec<String> = Vec::new();
        for (flag, value) in said {
            words.extend(value.map(|value| format!("{flag}={value}")));
        }
        words.extend(self.all.then(|| "--all".to_string()));
        words
    }
}
