//! Measures one trial, in a process of its own: prefill, adversary, warm up, measure, stop, verify.

mod adversary;
mod alias;
mod apply;
mod keys;
mod law;
mod meters;
mod nothing;
mod phase;
mod prefill;
mod probes;
mod steps;
mod stopped;
pub(crate) mod tally;
mod timing;
mod window;
mod work;

use std::io::Write;

use anyhow::{Context, Result, ensure};
use kovan_erased::{ErasedPair, Moves, Subject};
use kovan_harness::stats::growth::trend;
use kovan_lab_base::data::{
    AdversaryKind, BUCKETS, Manner, Metrics, SeriesPoint, Trial, WorkerMessage,
};
use kovan_lab_base::support::output::one_line;
use kovan_lab_base::system::allocator;
use kovan_lab_base::system::threads::{RAISE, TooFew, exit_with_parent, give_up};
use kovan_schemes::{BoundInput, Facts as SchemeFacts, ParameterError, Parameters, Payload};
use kovan_structures::StructureFacts;
use kovan_structures::registry::DispatchError;

use self::apply::refusal;
use self::prefill::{expected, prefill};
use self::tally::{Tally, check_gone, check_live};
use self::window::{Window, measure, per_second};
use crate::FindPair;

/// The child process: measures, and writes lines of JSON to stdout.
///
/// # Errors
/// If the definition is not that of a trial, names no pair, or stdout cannot be written to.
pub fn main(definition: &str, find: FindPair) -> Result<()> {
    let trial: Trial = serde_json::from_str(definition).context("not a trial")?;
    exit_with_parent();
    Payload::carry(u32::try_from(trial.id.value_bytes).context("value_bytes: too large")?);
    let messages = match on_pair(&trial, find) {
        Ok(Ok(messages)) => messages,
        Ok(Err(refused)) => give_up(&format!("{refused}: {RAISE}, or run with fewer --threads")),
        Err(DispatchError::Refused { reason }) => vec![WorkerMessage::Refused { reason }],
        Err(DispatchError::UnknownScheme(name)) => anyhow::bail!("unknown scheme `{name}`"),
        Err(DispatchError::UnknownStructure(name)) => anyhow::bail!("unknown structure `{name}`"),
    };
    let mut text = Vec::new();
    for message in &messages {
        serde_json::to_writer(&mut text, message)?;
        text.push(b'\n');
    }
    std::io::stdout().write_all(&text).context("cannot write the result")?;
    Ok(())
}

type Measured = Result<Vec<WorkerMessage>, TooFew>;

/// Measures the trial with its pair.
fn on_pair(trial: &Trial, find: FindPair) -> Result<Measured, DispatchError> {
    if cfg!(feature = "canary") {
        let reason = "this build checks every node, for `verify`, and measures nothing".into();
        return Err(DispatchError::Refused { reason });
    }
    let pair = find(&trial.id.scheme, &trial.id.structure)?;
    if let Some(error) = allocator::missing(&trial.id.allocator) {
        return Ok(Ok(vec![result(Some(error), Metrics::default())]));
    }
    Ok(match parameters(&pair, trial) {
        Ok(parameters) => on_pair_with(&pair, &parameters, trial),
        Err(error) => Ok(vec![result(Some(error.to_string()), Metrics::default())]),
    })
}

fn on_pair_with(pair: &ErasedPair, parameters: &Parameters, trial: &Trial) -> Measured {
    let facts = &pair.structure;
    if let Some(reason) = not_applicable(pair, parameters, trial) {
        return Ok(vec![WorkerMessage::Refused { reason }]);
    }
    let subject = pair.make_with(parameters, capacity_hint(trial));
    if let Some(reason) = unfit(facts, &*subject, trial) {
        return Ok(vec![WorkerMessage::Refused { reason }]);
    }
    let (harness_ns, harness_timed_ns) = probes::harness(trial, facts);
    let prefilled = prefill(&*subject, trial)?;
    let mut window = measure(&*subject, facts, trial)?;
    let mut tally = window.tally;
    tally.moves.add(&prefilled);

    let bound = pair.bound_with(&bound_input(trial, shields(facts, trial), &window), parameters);
    let checked = check(pair, trial, subject, &prefilled, &tally);
    window.metrics = Metrics {
        unreclaimed_bound: bound,
        restarts: facts.restarts.then_some(tally.restarts),
        harness_ns: Some(harness_ns),
        harness_timed_ns,
        unreclaimed_by_operation: tally.mean_look().filter(|_| frees_its_own(&pair.scheme, trial)),
        ..window.metrics
    };
    Ok(messages(window, &tally, checked))
}

/// Returns whether each worker frees what it has retired, so that the difference is what it holds.
fn frees_its_own(scheme: &SchemeFacts, trial: &Trial) -> bool {
    let is_alone = trial.id.threads == 1 && trial.id.stalled == 0;
    is_alone || !scheme.frees_others
}

/// Why the structure cannot run the workload, if it cannot.
fn unfit(facts: &StructureFacts, subject: &dyn Subject, trial: &Trial) -> Option<String> {
    let mut reason = None;
    subject.join().pinned(&mut |on| {
        let roles = trial.workload.all_roles();
        reason = roles.iter().find_map(|role| refusal(facts, on, &role.mix));
    });
    reason
}

/// Why the adversary has nothing to do with the scheme, if it has not.
fn not_applicable(pair: &ErasedPair, parameters: &Parameters, trial: &Trial) -> Option<String> {
    let adversary = trial.adversary.as_ref().filter(|adversary| adversary.stops_in_destructor())?;
    let (name, scheme) = (&adversary.name, pair.scheme.name);
    (!frees_in_retirements(pair, parameters)).then(|| {
        format!(
            "adversary `{name}` is not applicable: {scheme} frees nothing within its retirements, so no destructor \
             can stop there; `how = \"stopped\"` can"
        )
    })
}

/// Returns whether a scheme frees anything within its retirements, where nobody is in its way.
fn frees_in_retirements(pair: &ErasedPair, parameters: &Parameters) -> bool {
    /// More than any threshold or batch in use.
    const ENOUGH: u32 = 1 << 17;
    let (subject, mut tried) = (pair.make_with(parameters, 1), 0);
    let own = subject.join();
    own.stop_in_retirement(&mut || {}, &mut || {
        tried += 1;
        tried > ENOUGH
    })
}

/// What the worker tells of a trial.
fn messages(mut window: Window, tally: &Tally, checked: Result<()>) -> Vec<WorkerMessage> {
    let error = checked.err().map(|error| one_line(&format!("check failed: {error:#}")));
    let own = std::mem::take(&mut window.metrics);
    let elapsed = own.elapsed_ns.unwrap_or_default();
    let mut metrics = Metrics {
        ops: Some(tally.ops),
        ops_per_second: Some(per_second(tally.ops, elapsed)),
        free_burst_max: Some(tally.free_burst),
        ..with_series(&window.points, own)
    };
    let mut messages: Vec<_> =
        window.timing.finish(&mut metrics).into_iter().map(WorkerMessage::Latency).collect();
    messages.extend(window.roles.into_iter().map(WorkerMessage::Role));
    messages.extend(window.points.into_iter().map(WorkerMessage::Point));
    messages.push(result(error, metrics));
    messages
}

fn result(error: Option<String>, metrics: Metrics) -> WorkerMessage {
    WorkerMessage::Result { error, allocator: allocator::here(), metrics: Box::new(metrics) }
}

/// The parameters of the scheme; those of the structure stand beside them.
fn parameters(pair: &ErasedPair, trial: &Trial) -> Result<Parameters, ParameterError> {
    let all = trial.id.parameters.0.iter().filter(|(name, _)| *name != BUCKETS);
    Parameters::of_scheme(&pair.scheme, all.map(|(name, value)| (name, *value)))
}

/// How many keys a structure of fixed size is made for: as many as there are at the begin, unless the parameter
/// `buckets` says another number.
fn capacity_hint(trial: &Trial) -> usize {
    let keys = trial.workload.prefill.keys(trial.id.key_range);
    let hint = trial.id.parameters.0.get(BUCKETS).copied().unwrap_or(keys);
    usize::try_from(hint).unwrap_or(usize::MAX).max(1)
}

/// Shields that one handle uses at a time: an iteration holds more than an operation.
fn shields(facts: &StructureFacts, trial: &Trial) -> u64 {
    let scans = trial.workload.all_roles().iter().any(|role| role.mix.scan > 0);
    facts.shields + if scans { kovan_structures::ITERATION_SHIELDS } else { 0 }
}

/// The conditions of the declared bound, as far as they are known of this trial.
fn bound_input(trial: &Trial, shields: u64, window: &Window) -> BoundInput {
    let (threads, further) = (u64::from(trial.id.threads), u64::from(trial.id.stalled));
    let adversary = trial.adversary.as_ref();
    let stopped = match adversary {
        // Who works before it stops is as any other handle, which may lose its processor wherever it is.
        Some(adversary) if adversary.holds_guards() && !adversary.works_first() => further,
        _ => 0,
    };
    let of_workers = adversary.is_some_and(|adversary| adversary.is_of_workers());
    let all = if of_workers { threads } else { threads + further };
    // Guards that go on for long see what is allocated meanwhile; nobody knows how much, but not more than all.
    let is_long = |kind| matches!(kind, AdversaryKind::LongReader | AdversaryKind::LongWriter);
    let lasts = |role: kovan_lab_base::data::Role| {
        role.mix.operations_per_guard > 1 || role.mix.pause_in_guard_us > 0 || role.mix.scan > 0
    };
    // A thread that is stopped between two loads goes on loading after it.
    let goes_on = adversary.is_some_and(|of| is_long(of.kind) || of.how == Manner::Stopped)
        || trial.workload.all_roles().into_iter().any(lasts);
    BoundInput {
        handles: all - stopped,
        stalled: stopped,
        shields,
        live: window.live,
        allocated_in_guard: if goes_on { window.allocated } else { 0 },
        ..BoundInput::default()
    }
}

/// Checks that keys and nodes add up, while the structure is there and when all is gone.
fn check(
    pair: &ErasedPair,
    trial: &Trial,
    mut subject: Box<dyn Subject>,
    prefilled: &Moves,
    tally: &Tally,
) -> Result<()> {
    if let Some(expected) = expected(trial) {
        ensure!(
            prefilled.inserted == expected,
            "prefill: {} of {expected} keys went in",
            prefilled.inserted
        );
    }
    ensure!(
        tally.ops > 0,
        "no operation finished in the window: it is too short, or others keep the processors busy"
    );
    let mut contents = subject.contents();
    tally.check_contents(&pair.structure.kind, &mut contents)?;
    check_live(&subject.totals(), contents.len() as u64, &pair.structure.nodes)?;
    let [_, gone] = subject.finish();
    check_gone(&gone, pair.scheme.frees_on_drop)
}

/// How unreclaimed nodes grow, as a share of the rate of retirements.
#[allow(clippy::cast_precision_loss)] // A slope.
fn growth(points: &[SeriesPoint]) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let seconds = |point: &SeriesPoint| point.t_ns as f64 * 1e-9;
    let rate = (last.retired - first.retired) as f64 / (seconds(last) - seconds(first));
    let sample = |point: &SeriesPoint| (seconds(point), point.unreclaimed() as f64);
    let samples: Vec<_> = points.iter().map(sample).collect();
    let share = trend(&samples, rate)?.share.estimate;
    Some((share * 1e4).round() / 1e4)
}

/// Returns the mean, rounded to a whole number; 0 of nothing.
fn rounded_mean(values: impl Iterator<Item = u64> + Clone) -> Option<u64> {
    let count = u128::try_from(values.clone().count().max(1)).ok()?;
    let sum: u128 = values.map(u128::from).sum();
    u64::try_from((sum + count / 2) / count).ok()
}

/// Returns the metrics with what the time series comes to.
fn with_series(points: &[SeriesPoint], others: Metrics) -> Metrics {
    let unreclaimed = || points.iter().map(SeriesPoint::unreclaimed);
    let bytes = || points.iter().filter_map(|point| point.unreclaimed_bytes);
    let last = points.last();
    Metrics {
        retired: last.map(|point| point.retired),
        freed: last.map(|point| point.freed),
        unreclaimed_peak: unreclaimed().max(),
        unreclaimed_mean: rounded_mean(unreclaimed()),
        unreclaimed_end: unreclaimed().next_back(),
        unreclaimed_bytes_peak: bytes().max(),
        unreclaimed_bytes_mean: rounded_mean(bytes()),
        unreclaimed_bytes_end: bytes().next_back(),
        growth: growth(points),
        rss_peak_bytes: points.iter().filter_map(|point| point.rss_bytes).max(),
        ..others
    }
}
