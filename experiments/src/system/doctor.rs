//! What on this machine, and in this build, spoils numbers.

use std::fs;
use std::thread;
use std::time::Duration;

use kovan_lab_base::system::machine::{Machine, line};
use kovan_lab_base::system::{allocator, hardware};
use serde::Serialize;

use super::builds::Build;

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// It is as it should be.
    Good,
    /// It limits what can be asked, or what can be believed.
    Mind,
    /// It makes numbers wrong, or different from one minute to the next.
    Spoils,
    /// The system does not tell.
    Unknown,
}

impl Verdict {
    /// Returns the word for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Mind => "mind",
            Self::Spoils => "spoils",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) what: &'static str,
    /// How it is here.
    pub(crate) state: String,
    /// How much that matters.
    pub(crate) verdict: Verdict,
    /// What it does to numbers, and what to do; empty where it is good.
    pub(crate) advice: String,
}

impl Finding {
    fn good(what: &'static str, state: impl Into<String>) -> Self {
        Self { what, state: state.into(), verdict: Verdict::Good, advice: String::new() }
    }

    fn new(what: &'static str, state: impl Into<String>, verdict: Verdict, advice: &str) -> Self {
        Self { what, state: state.into(), verdict, advice: advice.into() }
    }

    fn unknown(what: &'static str) -> Self {
        Self::new(what, "not told", Verdict::Unknown, "this system does not tell; look yourself")
    }
}

/// Looks at everything. It watches the processors for a second.
pub(crate) fn examine() -> Vec<Finding> {
    let machine = Machine::here();
    let mut findings = of_machine(&machine);
    findings.push(of_others(watch(Duration::from_secs(1))));
    findings.push(of_clock(
        line("/sys/devices/system/clocksource/clocksource0/current_clocksource").as_deref(),
    ));
    findings.push(of_huge_pages(line("/sys/kernel/mm/transparent_hugepage/enabled").as_deref()));
    findings.push(of_counters(hardware::refused()));
    findings.extend(
        allocator::names().map(|name| of_allocator(name, allocator::environment(name).map(|_| ()))),
    );
    findings.push(of_build(Build::here()));
    findings
}

/// What the machine's record says.
fn of_machine(machine: &Machine) -> Vec<Finding> {
    let processors = match machine.processors() {
        None => Finding::unknown("processors"),
        Some(count @ 0..8) => Finding::new(
            "processors",
            count.to_string(),
            Verdict::Mind,
            "with more threads than processors throughput is that of time slices; claims about many \
             threads cannot be asked here",
        ),
        Some(count) => Finding::good("processors", count.to_string()),
    };
    let quota = match machine.quota() {
        None => Finding::good("quota", "none"),
        Some(quota) => Finding::new(
            "quota",
            format!("{quota} processors"),
            Verdict::Spoils,
            "threads are stopped in every period; lift the quota of the control group, or run fewer threads \
             than it has processors",
        ),
    };
    vec![
        processors,
        quota,
        flag(
            "virtual machine",
            machine.virtualised,
            Verdict::Mind,
            "the host moves and stops processors \
            unseen, and the way between two of them changes; compare only within blocks (`plot --baseline`), \
            with 15 repeats or more",
        ),
        flag(
            "hardware threads share cores",
            machine.smt,
            Verdict::Mind,
            "two threads of one core slow each \
            other down; pin with the axis `placement`, or switch it off: echo off > \
            /sys/devices/system/cpu/smt/control",
        ),
        flag(
            "turbo",
            machine.turbo,
            Verdict::Mind,
            "one busy core is faster than all of them, so speed-ups \
            look worse than they are; switch it off: echo 1 > \
            /sys/devices/system/cpu/intel_pstate/no_turbo, or echo 0 > \
            /sys/devices/system/cpu/cpufreq/boost",
        ),
        of_governor(machine.governor.as_deref()),
    ]
}

/// Something that is better absent.
fn flag(what: &'static str, is_so: Option<bool>, verdict: Verdict, advice: &str) -> Finding {
    match is_so {
        None => Finding::unknown(what),
        Some(false) => Finding::good(what, "no"),
        Some(true) => Finding::new(what, "yes", verdict, advice),
    }
}

fn of_governor(governor: Option<&str>) -> Finding {
    match governor {
        None => Finding::unknown("governor"),
        Some("performance") => Finding::good("governor", "performance"),
        Some(other) => Finding::new(
            "governor",
            other,
            Verdict::Spoils,
            "the clock follows the load, so the first cells are slower; cpupower frequency-set -g performance",
        ),
    }
}

/// Processor time of the whole system, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    all: u64,
    idle: u64,
    stolen: u64,
}

impl Ticks {
    /// Reads the first line of `/proc/stat`.
    fn read(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> = line.split_whitespace().map_while(|one| one.parse().ok()).collect();
        let get = |at: usize| fields.get(at).copied();
        // The last two, of guests, are part of the first ones.
        let all = fields.iter().take(8).sum();
        Some(Self { all, idle: get(3)? + get(4)?, stolen: get(7).unwrap_or(0) })
    }

    /// Returns the shares that ran, and that the host took, since an earlier time.
    #[allow(clippy::cast_precision_loss)] // Shares.
    fn since(self, before: Self) -> Option<[f64; 2]> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)? as f64;
        let share = |now: u64, then: u64| now.saturating_sub(then) as f64 / all;
        let [idle, stolen] = [share(self.idle, before.idle), share(self.stolen, before.stolen)];
        Some([(1.0 - idle - stolen).max(0.0), stolen])
    }
}

/// The shares of the processors that others use while this process waits, and that the host takes.
fn watch(time: Duration) -> Option<[f64; 2]> {
    let now = || fs::read_to_string("/proc/stat").ok().as_deref().and_then(Ticks::read);
    let before = now()?;
    thread::sleep(time);
    now()?.since(before)
}

fn of_others(shares: Option<[f64; 2]>) -> Finding {
    const WHAT: &str = "other programs";
    let Some([busy, stolen]) = shares else { return Finding::unknown(WHAT) };
    let state = format!("{:.0} % busy, {:.0} % stolen", busy * 100.0, stolen * 100.0);
    if busy + stolen < 0.02 {
        return Finding::good(WHAT, state);
    }
    let verdict = if busy + stolen < 0.1 { Verdict::Mind } else { Verdict::Spoils };
    let advice = if stolen > busy {
        "the host gives this time to other machines; wait, or take another machine"
    } else {
        "end them (`top` shows which); cells that they disturb have a value in `disturbed`, and \
         `kovan-lab resume DIR --redo disturbed` measures them again"
    };
    Finding::new(WHAT, state, verdict, advice)
}

fn of_clock(source: Option<&str>) -> Finding {
    match source {
        None => Finding::unknown("clock"),
        Some(fast @ ("tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page")) => {
            Finding::good("clock", fast)
        }
        Some(slow) => Finding::new(
            "clock",
            slow,
            Verdict::Spoils,
            "reading it is a system call, which latencies include; boot with clocksource=tsc where the \
             processor has a stable one",
        ),
    }
}

fn of_huge_pages(text: Option<&str>) -> Finding {
    const WHAT: &str = "huge pages";
    let chosen =
        text.and_then(|text| text.split_once('[')?.1.split_once(']')).map(|(word, _)| word);
    match chosen {
        None => Finding::unknown(WHAT),
        Some("always") => Finding::new(
            WHAT,
            "always",
            Verdict::Mind,
            "resident memory grows by 2 MiB at a time, and the kernel merges pages while threads run; \
             echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
        ),
        Some(other) => Finding::good(WHAT, other),
    }
}

fn of_counters(refused: Option<String>) -> Finding {
    match refused {
        None => Finding::good("hardware counters", "permitted"),
        Some(why) => Finding::new(
            "hardware counters",
            why,
            Verdict::Mind,
            "`measure = [\"hardware\"]` leaves its columns empty",
        ),
    }
}

fn of_allocator(name: &str, found: Result<(), String>) -> Finding {
    const WHAT: &str = "allocator";
    match found {
        Ok(()) => Finding::good(WHAT, name),
        Err(why) => Finding::new(WHAT, name, Verdict::Mind, &why),
    }
}

fn of_build(build: &Build) -> Finding {
    let name = build.name();
    if build.is_optimised() && !kovan_schemes::canary::COMPILED {
        return Finding::good("build", name);
    }
    Finding::new(
        "build",
        name,
        Verdict::Spoils,
        "this build is not optimised, or checks every node; run it by `cargo run --release`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_time_between_two_looks() {
        let before = Ticks::read("cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1\n").expect("ticks");
        assert_eq!(before, Ticks { all: 1000, idle: 850, stolen: 0 });
        let after = Ticks::read("cpu  160 0 60 900 50 0 10 20 7 0\n").expect("ticks");
        let [busy, stolen] = after.since(before).expect("time has passed");
        assert!((busy - 0.4).abs() < 1e-9 && (stolen - 0.1).abs() < 1e-9, "{busy} {stolen}");
        assert_eq!(before.since(before), None, "no time has passed");
        assert_eq!(Ticks::read("intr 1 2"), None);
    }

    #[test]
    fn what_spoils_says_what_to_do() {
        let all = [
            of_others(Some([0.5, 0.0])),
            of_others(Some([0.0, 0.3])),
            of_governor(Some("powersave")),
            of_clock(Some("hpet")),
        ];
        for finding in all {
            assert_eq!(finding.verdict, Verdict::Spoils, "{finding:?}");
            assert!(finding.advice.len() > 40, "{finding:?}");
        }
        assert!(of_others(Some([0.0, 0.3])).advice.contains("host"));
        assert!(of_others(Some([0.3, 0.0])).advice.contains("--redo disturbed"));
    }

    #[test]
    fn what_is_as_it_should_be_is_good() {
        let all = [
            of_others(Some([0.01, 0.0])),
            of_governor(Some("performance")),
            of_clock(Some("tsc")),
            of_huge_pages(Some("always [madvise] never\n")),
            flag("turbo", Some(false), Verdict::Mind, "advice"),
            of_allocator("mimalloc", Ok(())),
            of_counters(None),
        ];
        for finding in all {
            assert_eq!(
                (finding.verdict, finding.advice.as_str()),
                (Verdict::Good, ""),
                "{finding:?}"
            );
        }
        assert_eq!(of_huge_pages(Some("[always] madvise never")).verdict, Verdict::Mind);
        assert_eq!(of_huge_pages(Some("?")).verdict, Verdict::Unknown);
        assert_eq!(of_clock(None).verdict, Verdict::Unknown);
        let missing = of_allocator("jemalloc", Err("install it".into()));
        assert_eq!((missing.verdict, missing.advice.as_str()), (Verdict::Mind, "install it"));
    }
}
