//! What a spec may say beyond what its types allow; what is wrong is named with its line.

use std::collections::BTreeSet;

use anyhow::{Error, anyhow};
use kovan_lab_base::data::{AXES, METRICS, Measure, TrialId};
use kovan_lab_base::support::suggest::suggest;

use super::actors::{check_adversary, check_workload};
use super::fault::{Fault, at, at_item, require};
use super::language::{Axes, Scale, Spec};
use super::limits::{
    check_further, check_known, check_name, check_repeats, check_seconds, check_text, check_value,
    counts, thread_counts,
};
use super::parameters::check_parameter;

impl Spec {
    pub(super) fn check(&self) -> Result<(), Fault> {
        at("name", check_name("name", &self.name))?;
        at("question", check_text("question", &self.question))?;
        at("citation", check_text("citation", &self.citation))?;
        let asks = !self.question.trim().is_empty();
        require("question", asks, || "question: is empty".into())?;
        let schemes = kovan_schemes::registry::all();
        let known: Vec<_> = schemes.iter().map(|facts| facts.name).collect();
        at_item("schemes", check_known("schemes", "scheme", self.schemes.as_deref(), &known))?;
        let here = match &self.schemes {
            Some(schemes) => schemes.iter().map(String::as_str).collect(),
            None => known,
        };
        let named = self.strict.schemes().filter(|named| !named.is_empty());
        at_item("strict", check_known("strict", "scheme of this experiment", named, &here))?;
        let structures = kovan_structures::registry::structures();
        let known: Vec<_> = structures.iter().map(|facts| facts.name).collect();
        let named = self.structures.as_deref();
        at_item("structures", check_known("structures", "structure", named, &known))?;
        let known = Measure::ALL.map(Measure::name);
        let named = self.measure.as_deref().filter(|named| !named.is_empty());
        at_item("measure", check_known("measure", "group of metrics", named, &known))?;
        at_item("threads", thread_counts(&self.threads))?;
        at_item("stalled", stalled_counts(self.stalled.as_deref()))?;
        check_axes(&self.axes).map_err(|fault| fault.within(&["axes"], "axes"))?;
        for (name, value) in &self.parameters {
            let told = |error| Fault::new(&["parameters", name], anyhow!("parameters: {error}"));
            parameter(name, *value).map_err(told)?;
        }
        self.check_workloads()?;
        self.check_adversaries()?;
        self.check_drawing()?;
        self.check_claims()?;
        if let Some(seconds) = self.timeout_seconds {
            at("timeout_seconds", check_seconds("timeout_seconds", seconds))?;
        }
        for (name, scale) in self.scales.all() {
            if let Some(scale) = scale {
                let outer = ["scales", name];
                scale.check().map_err(|fault| fault.within(&outer, &outer.join(".")))?;
            }
        }
        Ok(())
    }

    fn check_workloads(&self) -> Result<(), Fault> {
        let some = !self.workloads.is_empty();
        require("workloads", some, || "workloads: none is given".into())?;
        let mut names = BTreeSet::new();
        for (place, workload) in self.workloads.iter().enumerate() {
            let (place, name) = (place.to_string(), &workload.name);
            if !names.insert(name) {
                let error = anyhow!("workloads: `{name}` is listed twice");
                return Err(Fault::new(&["workloads", &place, "name"], error));
            }
            let outer = ["workloads", &place];
            check_workload(workload, self.axes.contains_key("key_range"))
                .map_err(|fault| fault.within(&outer, &format!("workload `{name}`")))?;
        }
        Ok(())
    }

    fn check_adversaries(&self) -> Result<(), Fault> {
        let mut names = BTreeSet::new();
        for (place, adversary) in self.adversaries.iter().enumerate() {
            let (place, name) = (place.to_string(), &adversary.name);
            if name == "none" || !names.insert(name) {
                let error = anyhow!("adversaries: `{name}` is taken; each has a name of its own");
                return Err(Fault::new(&["adversaries", &place, "name"], error));
            }
            let outer = ["adversaries", &place];
            let has_period = self.axes.contains_key("period_ms");
            check_adversary(adversary, has_period)
                .map_err(|fault| fault.within(&outer, &format!("adversary `{name}`")))?;
        }
        Ok(())
    }

    /// What is drawn, and against what.
    fn check_drawing(&self) -> Result<(), Fault> {
        let is_axis = |name: &str| AXES.iter().any(|info| info.name == name) || name.contains('.');
        let axes = || AXES.iter().map(|info| info.name);
        let told = |key: &str, name: &str| {
            format!("{key}: there is no axis `{name}`; {}", suggest(name, axes()))
        };
        let x = self.x_axis.as_str();
        require("x_axis", is_axis(x), || told("x_axis", x))?;
        for (place, name) in self.lines.iter().flatten().enumerate() {
            if !is_axis(name) {
                return Err(Fault::new(
                    &["lines", &place.to_string()],
                    anyhow!(told("lines", name)),
                ));
            }
        }
        let others = ["throughput", "over-time", "latency", "roles"];
        let metrics = || METRICS.iter().map(|info| info.name).chain(others);
        for (place, name) in self.figures.iter().flatten().enumerate() {
            let wrong = name.split(" against ").find(|name| !metrics().any(|known| known == *name));
            if let Some(wrong) = wrong {
                let near = suggest(wrong, metrics().collect::<Vec<_>>().into_iter());
                let error = anyhow!("figures: there is no metric `{wrong}`; {near}");
                return Err(Fault::new(&["figures", &place.to_string()], error));
            }
        }
        Ok(())
    }
}

/// Axes that have keys of their own in a spec.
const OWN_KEYS: [(&str, &str); 7] = [
    ("scheme", "schemes"),
    ("structure", "structures"),
    ("workload", "[[workloads]]"),
    ("adversary", "[[adversaries]]"),
    ("threads", "threads"),
    ("stalled", "stalled"),
    ("method", "strict = true"),
];

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number"))
}

fn parameter(name: &str, value: u64) -> Result<(), String> {
    check_parameter(name, value).map_err(|error| error.to_string())
}

/// The values of axes: each can be read, none is twice.
fn check_axes(axes: &Axes) -> Result<(), Fault> {
    for (name, values) in axes {
        if let Some((_, key)) = OWN_KEYS.iter().find(|(axis, _)| axis == name) {
            return Err(Fault::new(
                &[name],
                anyhow!("{name}: is written as `{key}`, outside of [axes]"),
            ));
        }
        let is_parameter = name.contains('.');
        let known = AXES.iter().any(|info| info.name == name && name != "parameters");
        require(name, is_parameter || known, || {
            let free = AXES.iter().map(|info| info.name).filter(|name| {
                *name != "parameters" && !OWN_KEYS.iter().any(|(axis, _)| axis == name)
            });
            format!("{name}: there is no such axis; {}", suggest(name, free))
        })?;
        require(name, !values.is_empty(), || format!("{name}: the list is empty"))?;
        let mut seen = BTreeSet::new();
        for (place, value) in values.iter().enumerate() {
            let text = value.to_string();
            let read = if is_parameter {
                whole(&text).and_then(|value| parameter(name, value))
            } else {
                TrialId::default().set(name, &text).and_then(|()| check_value(name, &text))
            };
            let twice = if seen.insert(text.clone()) {
                Ok(())
            } else {
                Err(format!("{text} is listed twice"))
            };
            if let Err(error) = read.and(twice) {
                return Err(Fault::new(&[name, &place.to_string()], anyhow!("{name}: {error}")));
            }
        }
    }
    Ok(())
}

impl Scale {
    fn check(&self) -> Result<(), Fault> {
        at("seconds", check_seconds("seconds", self.seconds))?;
        let warm_up = self.warmup_seconds;
        require("warmup_seconds", (0.0..=3600.0).contains(&warm_up), || {
            format!("warmup_seconds: must be from 0 to 3600, but is {warm_up}")
        })?;
        at("repeats", check_repeats("repeats", self.repeats))?;
        at("most_repeats", check_further(&self.further(), self.repeats))?;
        if let Some(threads) = &self.threads {
            at_item("threads", thread_counts(threads))?;
        }
        at_item("stalled", stalled_counts(self.stalled.as_deref()))?;
        check_axes(&self.axes).map_err(|fault| fault.within(&["axes"], "axes"))
    }
}

fn stalled_counts(stalled: Option<&[u32]>) -> Result<(), (Option<usize>, Error)> {
    stalled.map_or(Ok(()), |stalled| counts("stalled", stalled, 0))
}
