//! Facts of the machine and of this process.

use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What the numbers were measured on. What the system does not tell is absent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    cpu_model: Option<String>,
    cores: Option<u64>,
    /// Whether two hardware threads share a core.
    smt: Option<bool>,
    /// Of the first core, for example `L2 Unified 1024K`.
    caches: Vec<String>,
    governor: Option<String>,
    turbo: Option<bool>,
    /// Whether a hypervisor runs below the system.
    virtualised: Option<bool>,
    memory_bytes: Option<u64>,
    /// `cpu.max` of the control group: quota and period in microseconds, or `max`.
    cgroup_cpu_max: Option<String>,
    /// `memory.max` of the control group: bytes, or `max`.
    cgroup_memory_max: Option<String>,
    kernel: Option<String>,
    architecture: String,
}

const CPU: &str = "/sys/devices/system/cpu";

impl Machine {
    /// The model of its processor, or its architecture where the system does not tell.
    pub(crate) fn processor(&self) -> &str {
        self.cpu_model.as_deref().unwrap_or(&self.architecture)
    }

    /// The processors in a few words.
    pub(crate) fn name(&self) -> String {
        let count = self.cores.map_or_else(|| "?".into(), |cores| cores.to_string());
        let kind = if self.virtualised == Some(true) { "virtual processors" } else { "processors" };
        format!("{}, {count} {kind}", self.processor())
    }

    /// How many processors this process may use.
    pub(crate) fn processors(&self) -> Option<u64> {
        self.cores
    }

    /// This machine.
    pub(crate) fn here() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kilobytes = field(&memory, "MemTotal").and_then(|value| {
            value.split_whitespace().next().and_then(|number| number.parse::<u64>().ok())
        });
        let cgroup = |name: &str| line(&format!("/sys/fs/cgroup/{name}"));
        Self {
            cpu_model: field(&cpu, "model name"),
            cores: std::thread::available_parallelism().ok().map(|cores| cores.get() as u64),
            smt: line(&format!("{CPU}/smt/active")).map(|active| active == "1"),
            caches: caches(),
            governor: line(&format!("{CPU}/cpu0/cpufreq/scaling_governor")),
            turbo: turbo(),
            virtualised: field(&cpu, "flags")
                .map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
            memory_bytes: kilobytes.map(|kilobytes| kilobytes * 1024),
            cgroup_cpu_max: cgroup("cpu.max"),
            cgroup_memory_max: cgroup("memory.max"),
            kernel: line("/proc/sys/kernel/osrelease"),
            architecture: std::env::consts::ARCH.into(),
        }
    }
}

/// The text of a file of one line.
fn line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().into())
}

fn caches() -> Vec<String> {
    let read = |index: u32, name: &str| line(&format!("{CPU}/cpu0/cache/index{index}/{name}"));
    (0..8)
        .map_while(|index| {
            let (level, size) = (read(index, "level")?, read(index, "size")?);
            Some(format!("L{level} {} {size}", read(index, "type")?))
        })
        .collect()
}

fn turbo() -> Option<bool> {
    let intel = line(&format!("{CPU}/intel_pstate/no_turbo")).map(|off| off == "0");
    intel.or_else(|| line(&format!("{CPU}/cpufreq/boost")).map(|on| on == "1"))
}

fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_string())
    })
}

/// The file that this process runs, also where a build has put another one in its place.
pub(crate) fn this_program() -> std::io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return Ok(running.into());
    }
    // Without /proc this fails on Linux: what is left is the name by which it was called.
    let called = || std::env::args_os().next().map(PathBuf::from).filter(|path| path.is_file());
    std::env::current_exe().or_else(|error| called().ok_or(error))
}

/// Resident memory of this process, where the system tells it.
pub(crate) fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    // SAFETY: no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page).ok()?)
}

/// Processor time of this process until now, all its threads together.
pub(crate) fn processor_time() -> Option<Duration> {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `usage` is a place for a `rusage`, and the call writes nothing else.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) } != 0;
    if failed {
        return None;
    }
    // SAFETY: the call has succeeded, so it has filled in all of it.
    let usage = unsafe { usage.assume_init() };
    let time = |of: libc::timeval| {
        let (seconds, micros) = (u64::try_from(of.tv_sec).ok()?, u64::try_from(of.tv_usec).ok()?);
        Some(Duration::from_secs(seconds) + Duration::from_micros(micros))
    };
    Some(time(usage.ru_utime)? + time(usage.ru_stime)?)
}

/// The time now in UTC, as in RFC 3339.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    utc(since.map_or(0, |time| time.as_secs()))
}

/// A time in UTC, as in RFC 3339. Days to dates after Hinnant, `civil_from_days`.
pub(crate) fn utc(unix_seconds: u64) -> String {
    let (days, rest) = (unix_seconds / 86_400 + 719_468, unix_seconds % 86_400);
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let before = processor_time().expect("told");
        let began = std::time::Instant::now();
        while processor_time().expect("told") < before + Duration::from_millis(20) {
            assert!(began.elapsed() < Duration::from_secs(60), "no time passes");
        }
    }

    #[test]
    fn known_times() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(utc(1_767_225_599), "2025-12-31T23:59:59Z");
    }
}
