//! Every combination of the values of all axes.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, ensure};
use kovan_lab_base::data::{
    Adversary, Measure, PrefillOrder, SOUND, STRICT, Seconds, Settings, Trial, TrialId,
    parameter_name,
};

use super::{Overrides, ensure_few, trial_seed};
use crate::spec::{Axes, Literal, Scale, Spec};

/// What is combined.
pub(super) struct Input<'a> {
    pub(super) spec: &'a Spec,
    pub(super) scale: &'a Scale,
    pub(super) overrides: &'a Overrides,
    pub(super) seed: u64,
    pub(super) schemes: Vec<String>,
    pub(super) structures: Vec<String>,
}

/// An adversary with the number of its threads and its period; none for cells without one.
type Opponent = (Option<Adversary>, u32, u64);

impl Input<'_> {
    /// All cells, as trials of the first repeat. With all repeats they may be so many at most.
    pub(super) fn cells(&self, most: usize) -> Result<Vec<Trial>> {
        let bases = self.bases(most)?;
        let repeats = self.overrides.repeats.unwrap_or(self.scale.repeats);
        let pairs = self.schemes.len() * self.structures.len();
        let workloads = self.spec.workloads.len() * repeats as usize;
        let opponents = self.opponents()?;
        let threads = self.threads();
        ensure_few(
            [bases.len(), pairs, workloads, opponents.len(), threads.len()]
                .iter()
                .fold(1_usize, |product, count| product.saturating_mul(*count)),
            most,
        )?;
        let mut trials = Vec::new();
        let mut seen = BTreeSet::new();
        for workload in &self.spec.workloads {
            for &threads in &threads {
                for opponent in &opponents {
                    for base in &bases {
                        let mut id = TrialId { threads, ..base.clone() };
                        id.workload.clone_from(&workload.name);
                        let trial = self.trial(id, workload.clone(), opponent)?;
                        self.with_pairs(&trial, &mut seen, &mut trials);
                    }
                }
            }
        }
        Ok(trials)
    }

    /// A trial without scheme and structure.
    fn trial(
        &self,
        mut id: TrialId,
        mut workload: kovan_lab_base::data::Workload,
        (adversary, count, period): &Opponent,
    ) -> Result<Trial> {
        if let Some(adversary) = adversary {
            id.adversary.clone_from(&adversary.name);
        }
        (id.stalled, id.period_ms) = (*count, *period);
        if id.key_range == 0 {
            id.key_range = workload.key_range;
        }
        let range = id.key_range;
        workload.key_range = range;
        if id.is_strict() {
            // As the harnesses do it: so many draws, by the thread that measures.
            (workload.prefill_order, workload.prefill_threads) = (PrefillOrder::WithReplacement, 1);
        }
        let keys = workload.prefill.keys(range);
        ensure!(
            keys <= range,
            "workload `{}`: prefill: {keys} distinct keys do not fit a key_range of {range}",
            workload.name
        );
        let of_workers = adversary.as_ref().is_some_and(Adversary::is_of_workers);
        ensure!(
            !of_workers || *count <= id.threads,
            "adversary `{}`: {count} workers are to sleep, of {}",
            id.adversary,
            id.threads
        );
        let is_alone = !adversary.as_ref().is_some_and(Adversary::stops_in_destructor);
        ensure!(
            is_alone || *count == 1,
            "adversary `{}`: one thread can stop in a destructor, not {count}: what the first one holds back is not \
             freed, so that no other comes to its own; with how = \"stopped\" several can",
            id.adversary
        );
        let seconds = id.seconds.0.as_secs_f64();
        // A short window asks for a short run: the warm-up is never longer than the window.
        let warmup_seconds = self.scale.warmup_seconds.min(seconds);
        let usual = 30.0 + 4.0 * (seconds + warmup_seconds);
        Ok(Trial {
            experiment: self.spec.name.clone(),
            seed: trial_seed(self.seed, &id),
            adversary: adversary.clone(),
            warmup_seconds,
            timeout_seconds: self.spec.timeout_seconds.unwrap_or(usual),
            latency_every: self.spec.latency_every,
            measure: self.measure(),
            workload,
            id,
        })
    }

    /// What else the spec asks for. Its names were checked.
    fn measure(&self) -> Vec<Measure> {
        let named = |of: &Measure| self.spec.measure.iter().flatten().any(|name| name == of.name());
        Measure::ALL.into_iter().filter(named).collect()
    }

    /// Adds the trial with every scheme and structure. What differs in the parameters of others only is one
    /// trial.
    fn with_pairs(&self, trial: &Trial, seen: &mut BTreeSet<TrialId>, trials: &mut Vec<Trial>) {
        for structure in &self.structures {
            for scheme in &self.schemes {
                if trial.id.is_strict() && !self.spec.strict.is_of(scheme) {
                    continue;
                }
                let mut id = trial.id.clone();
                id.scheme.clone_from(scheme);
                id.structure.clone_from(structure);
                id.parameters = own_parameters(&trial.id.parameters, scheme, structure);
                if seen.insert(id.clone()) {
                    trials.push(Trial { id, ..trial.clone() });
                }
            }
        }
    }

    /// The combinations of all axes in `[axes]`, and of the windows.
    fn bases(&self, most: usize) -> Result<Vec<TrialId>> {
        let mut axes: Axes = self.spec.axes.clone();
        axes.extend(self.scale.axes.clone());
        axes.remove("period_ms");
        if self.spec.strict.is_asked_for() {
            let methods = [SOUND, STRICT].map(|name| Literal::Text(name.into()));
            axes.insert("method".into(), methods.to_vec());
        }
        if self.overrides.seconds.is_some() {
            axes.remove("seconds");
        }
        let seconds = self.overrides.seconds.unwrap_or(self.scale.seconds);
        let first = TrialId {
            seconds: Seconds(std::time::Duration::from_secs_f64(seconds)),
            parameters: Settings(self.spec.parameters.clone()),
            ..TrialId::default()
        };
        let mut bases = vec![first];
        for (name, values) in &axes {
            ensure_few(bases.len().saturating_mul(values.len()), most)?;
            let mut more = Vec::new();
            for base in &bases {
                for value in values {
                    let mut id = base.clone();
                    let text = value.to_string();
                    if name.contains('.') {
                        let number = text.parse().map_err(|_| anyhow!("{name}: `{text}`"))?;
                        id.parameters.0.insert(name.clone(), number);
                    } else {
                        id.set(name, &text).map_err(|error| anyhow!("{name}: {error}"))?;
                    }
                    more.push(id);
                }
            }
            bases = more;
        }
        Ok(bases)
    }

    fn threads(&self) -> Vec<u32> {
        let named = self.overrides.threads.as_ref().or(self.scale.threads.as_ref());
        let mut counts: Vec<u32> = Vec::new();
        for count in named.unwrap_or(&self.spec.threads) {
            let count = count.resolve(self.overrides.processors);
            // On a small machine two of them may be the same.
            if !counts.contains(&count) {
                counts.push(count);
            }
        }
        counts
    }

    fn opponents(&self) -> Result<Vec<Opponent>> {
        let Self { spec, scale, overrides, .. } = self;
        let named = overrides.stalled.as_ref().or(scale.stalled.as_ref()).or(spec.stalled.as_ref());
        let counts: &[u32] = named.map_or(&[], Vec::as_slice);
        if spec.adversaries.is_empty() {
            let counts = if counts.is_empty() { &[0] } else { counts };
            let stalled = |count: &u32| (*count > 0).then(Adversary::stalled);
            return Ok(counts.iter().map(|count| (stalled(count), *count, 0)).collect());
        }
        let periods = scale.axes.get("period_ms").or(spec.axes.get("period_ms"));
        let mut all: Vec<Opponent> = Vec::new();
        if counts.contains(&0) {
            all.push((None, 0, 0));
        }
        for adversary in &spec.adversaries {
            let own: Vec<u32> = match (adversary.count, counts.iter().any(|count| *count > 0)) {
                (Some(count), _) => vec![count],
                (None, true) => counts.iter().copied().filter(|count| *count > 0).collect(),
                (None, false) => vec![1],
            };
            let own_periods: Vec<u64> = match (adversary.period_ms, periods) {
                (Some(period), _) => vec![period],
                (None, Some(periods)) => periods
                    .iter()
                    .map(|period| period.to_string().parse())
                    .collect::<Result<_, _>>()?,
                (None, None) => vec![0],
            };
            for count in own {
                all.extend(own_periods.iter().map(|p| (Some(adversary.clone()), count, *p)));
            }
        }
        Ok(all)
    }
}

/// Returns the parameters of this scheme and of this structure, from a list with names like
/// `ibr.era_frequency`, by their own names.
fn own_parameters(all: &Settings, scheme: &str, structure: &str) -> Settings {
    // They were checked with the spec.
    let is_own = |name: &str| {
        name.split_once('.').is_some_and(|(owner, _)| owner == scheme || owner == structure)
    };
    let own = all.0.iter().filter(|(name, _)| is_own(name));
    Settings(own.map(|(name, value)| (parameter_name(name).to_string(), *value)).collect())
}
