//! Facts of the machine and of this process.

use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kovan_harness::random::fnv;
use serde::{Deserialize, Serialize};

use crate::system::cgroup::{Groups, Quota};
use crate::system::hardware;

/// What the numbers were measured on. What the system does not tell is absent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Tells it from others with the same processors: FNV-1a of the host's name and of its processors. Absent in records
    /// of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The name of the node, where Slurm runs this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    cpu_model: Option<String>,
    /// Processors that this process may run on, whatever the quota of its control group.
    cores: Option<u64>,
    /// Says whether two hardware threads share a core.
    pub smt: Option<bool>,
    /// The caches of the first core, for example `L2 Unified 1024K`.
    caches: Vec<String>,
    /// How the system chooses the frequency.
    pub governor: Option<String>,
    /// Says whether the processor may run above its nominal frequency.
    pub turbo: Option<bool>,
    /// Says whether a hypervisor runs below the system.
    pub virtualised: Option<bool>,
    memory_bytes: Option<u64>,
    /// The tightest quota of the control groups around this process: microseconds of processor time, and
    /// the period in microseconds; or `max`.
    cgroup_cpu_max: Option<String>,
    /// The tightest limit of the control groups: bytes, or `max`.
    cgroup_memory_max: Option<String>,
    kernel: Option<String>,
    /// What the kernel gives of the processor's counters. Absent in records of older versions.
    hardware_counters: Option<String>,
    architecture: String,
}

const CPU: &str = "/sys/devices/system/cpu";

impl Machine {
    /// The model of its processor, or its architecture where the system does not tell.
    pub fn processor(&self) -> &str {
        self.cpu_model.as_deref().unwrap_or(&self.architecture)
    }

    /// The processors in a few words, the quota apart.
    pub fn name(&self) -> String {
        let count = self.cores.map_or_else(|| "?".into(), |cores| cores.to_string());
        let kind = if self.virtualised == Some(true) { "virtual processors" } else { "processors" };
        let quota = self.quota().map_or_else(String::new, |quota| format!(", quota {quota}"));
        format!("{}, {count} {kind}{quota}", self.processor())
    }

    /// The processors, the memory and the system, for reports.
    pub fn description(&self) -> String {
        let memory =
            self.memory().map(|bytes| format!(", {} MiB", bytes >> 20)).unwrap_or_default();
        let kernel = self.kernel.as_ref().map(|kernel| format!(", kernel {kernel}"));
        format!("{}{memory}{}", self.name(), kernel.unwrap_or_default())
    }

    /// Processors that this process may run on, where the system tells.
    pub fn processors(&self) -> Option<u64> {
        self.cores
    }

    /// The same as a number of threads; one where the system does not tell.
    pub fn hardware_threads(&self) -> u32 {
        self.cores.and_then(|cores| u32::try_from(cores).ok()).unwrap_or(1)
    }

    /// Returns whether a hypervisor is known to run below the system.
    pub fn is_virtual(&self) -> bool {
        self.virtualised == Some(true)
    }

    /// The memory that this process may use, in bytes, where the system tells.
    pub fn memory(&self) -> Option<u64> {
        let limit = self.cgroup_memory_max.as_ref().and_then(|limit| limit.parse().ok());
        self.memory_bytes.into_iter().chain(limit).min()
    }

    /// The quota of the control groups, in processors.
    pub fn quota(&self) -> Option<f64> {
        let quota = Quota::parse(self.cgroup_cpu_max.as_deref()?)?.processors();
        Some((quota * 1000.0).round() / 1000.0)
    }

    /// How many processors this process can keep busy all the time.
    #[allow(clippy::cast_precision_loss)] // A number of processors.
    pub fn capacity(&self) -> Option<f64> {
        let cores = self.cores? as f64;
        Some(self.quota().map_or(cores, |quota| quota.min(cores)))
    }

    /// Returns whether both have the same processors and quota. A quota that was not recorded may be any.
    pub fn is_same(&self, other: &Self) -> bool {
        let processors = |machine: &Self| {
            (machine.processor().to_string(), machine.cores, machine.virtualised == Some(true))
        };
        let known = self.cgroup_cpu_max.is_some() && other.cgroup_cpu_max.is_some();
        processors(self) == processors(other) && (!known || self.quota() == other.quota())
    }

    /// This machine.
    pub fn here() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kilobytes = field(&memory, "MemTotal").and_then(|value| {
            value.split_whitespace().next().and_then(|number| number.parse::<u64>().ok())
        });
        let groups = Groups::here();
        let machine = Self {
            id: None,
            node: std::env::var("SLURMD_NODENAME").ok(),
            cpu_model: field(&cpu, "model name"),
            cores: processors(),
            smt: line(&format!("{CPU}/smt/active")).map(|active| active == "1"),
            caches: caches(),
            governor: line(&format!("{CPU}/cpu0/cpufreq/scaling_governor")),
            turbo: turbo(),
            virtualised: field(&cpu, "flags")
                .map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
            memory_bytes: kilobytes.map(|kilobytes| kilobytes * 1024),
            cgroup_cpu_max: groups.cpu_max(),
            cgroup_memory_max: groups.memory_max(),
            kernel: line("/proc/sys/kernel/osrelease"),
            hardware_counters: Some(hardware::availability()),
            architecture: std::env::consts::ARCH.into(),
        };
        let host = line("/proc/sys/kernel/hostname");
        let identity = (host.unwrap_or_default(), machine.name());
        let id = Some(format!("{:016x}", fnv(format!("{identity:?}").as_bytes())));
        Self { id, ..machine }
    }

    /// Tells it from others with the same processors, where it is known.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns its processors, and its node where there is one.
    pub fn name_and_node(&self) -> String {
        let node = self.node.as_ref().map_or_else(String::new, |node| format!("{node}: "));
        format!("{node}{}", self.name())
    }

    /// Returns whether both are one machine, as far as that is known.
    pub fn is_this(&self, other: &Self) -> bool {
        self.is_same(other) && self.id().zip(other.id()).is_none_or(|(one, two)| one == two)
    }
}

/// Tells this machine from others: what rows name.
pub fn this_machine() -> Option<&'static str> {
    static ID: OnceLock<Option<String>> = OnceLock::new();
    ID.get_or_init(|| Machine::here().id).as_deref()
}

/// How many processors this process may run on. (`available_parallelism` alone is less under a quota.)
#[cfg(target_os = "linux")]
fn processors() -> Option<u64> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: `set` is a place for so many bytes, and the call writes nothing else.
    if unsafe { libc::sched_getaffinity(0, size, set.as_mut_ptr()) } != 0 {
        // There are more processors than the set holds.
        return available();
    }
    // SAFETY: zeroed, and a set of bits may be any; the count only reads it.
    let count = unsafe { libc::CPU_COUNT(set.assume_init_ref()) };
    u64::try_from(count).ok().filter(|count| *count > 0)
}

#[cfg(not(target_os = "linux"))]
fn processors() -> Option<u64> {
    available()
}

fn available() -> Option<u64> {
    std::thread::available_parallelism().ok().map(|cores| cores.get() as u64)
}

/// The text of a file of one line.
pub fn line(path: &str) -> Option<String> {
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
pub fn this_program() -> std::io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return Ok(running.into());
    }
    // Without /proc this fails on Linux: what is left is the name by which it was called.
    let called = || std::env::args_os().next().map(PathBuf::from).filter(|path| path.is_file());
    std::env::current_exe().or_else(|error| called().ok_or(error))
}

/// Resident memory of this process, where the system tells it.
pub fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    // SAFETY: no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page).ok()?)
}

/// Processor time of this process until now, all its threads together.
pub(super) fn processor_time() -> Option<Duration> {
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
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    utc(since.map_or(0, |time| time.as_secs()))
}

/// A time in UTC, as in RFC 3339. Days to dates after Hinnant, `civil_from_days`.
fn utc(unix_seconds: u64) -> String {
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
    fn processors_and_quota_are_told_apart() {
        let here = Machine::here();
        let with = |cpu_max: Option<&str>| Machine {
            cpu_model: Some("X".into()),
            cores: Some(2),
            virtualised: None,
            cgroup_cpu_max: cpu_max.map(Into::into),
            ..here.clone()
        };
        let quota = with(Some("150000 100000"));
        assert_eq!(
            (quota.name().as_str(), quota.capacity()),
            ("X, 2 processors, quota 1.5", Some(1.5))
        );
        let free = with(Some("max"));
        assert_eq!((free.name().as_str(), free.capacity()), ("X, 2 processors", Some(2.0)));
        assert_eq!(with(Some("900000 100000")).capacity(), Some(2.0));
        assert!(!quota.is_same(&free) && quota.is_same(&with(Some("75000 50000"))));
        assert!(quota.is_same(&with(None)), "older versions did not see every quota");
        assert!(here.cores >= available(), "a quota does not take processors away");
    }

    #[test]
    fn known_times() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(utc(1_767_225_599), "2025-12-31T23:59:59Z");
    }
}
