//! The limits of the control groups of this process, and how often they stopped it.
//!
//! A group lies in others, and the tightest quota of them all counts. Both versions of the kernel's
//! interface are read, also beside each other: `cpu.max` of version 2, and `cpu.cfs_quota_us` with
//! `cpu.cfs_period_us` of version 1. Groups above the root of a container cannot be seen from inside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The control groups of this process: the folders of its own group and of those around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// These have files of version 2.
    unified: Vec<PathBuf>,
    /// These are of the controller `cpu` of version 1.
    cpu: Vec<PathBuf>,
    /// These are of the controller `memory` of version 1.
    memory: Vec<PathBuf>,
}

/// So much processor time in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    micros: u64,
    period_micros: u64,
}

/// How often, and how long, a quota kept threads from running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttled {
    /// Periods in which the quota was used up.
    pub count: u64,
    /// Time until the next period, of all processors together.
    pub time: Duration,
}

impl Groups {
    /// Those of this process; none where the system does not tell.
    pub fn here() -> Self {
        let read = |name: &str| fs::read_to_string(name).unwrap_or_default();
        Self::read(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
    }

    /// Reads them from the texts of `/proc/self/cgroup` and `/proc/self/mountinfo`.
    fn read(groups: &str, mounts: &str) -> Self {
        let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::parse).collect();
        let mut all = Self::default();
        for line in groups.lines() {
            // ID, controllers, path; the path may hold colons.
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            let has = |name| controllers.split(',').any(|controller| controller == name);
            let chain = |is: &dyn Fn(&Mount) -> bool| {
                let mount = mounts.iter().find(|mount| is(mount));
                mount.map(|mount| mount.chain(path)).unwrap_or_default()
            };
            if controllers.is_empty() {
                all.unified = chain(&|mount| mount.kind == "cgroup2");
            }
            if has("cpu") {
                all.cpu = chain(&|mount| mount.controls("cpu"));
            }
            if has("memory") {
                all.memory = chain(&|mount| mount.controls("memory"));
            }
        }
        all
    }

    /// The tightest quota. Nothing if no group has one or the system does not tell.
    pub fn quota(&self) -> Option<Quota> {
        let unified = self.unified.iter().filter_map(|dir| Quota::of_version_2(dir));
        let all = unified.chain(self.cpu.iter().filter_map(|dir| Quota::of_version_1(dir)));
        all.min_by(|one, other| one.processors().total_cmp(&other.processors()))
    }

    /// The quota as `cpu.max` writes it, in microseconds; `max` without one. Nothing where no group can
    /// be read.
    pub fn cpu_max(&self) -> Option<String> {
        let readable = |dirs: &[PathBuf], name: &str| {
            dirs.iter().any(|dir| fs::read_to_string(dir.join(name)).is_ok())
        };
        let told = || {
            // The root of version 2 has no `cpu.max`.
            readable(&self.unified, "cgroup.controllers")
                || readable(&self.unified, "cpu.max")
                || readable(&self.cpu, "cpu.cfs_quota_us")
        };
        match self.quota() {
            Some(Quota { micros, period_micros }) => Some(format!("{micros} {period_micros}")),
            None => told().then(|| "max".into()),
        }
    }

    /// The tightest limit of memory, in bytes, as `memory.max` writes it; `max` without one.
    pub(super) fn memory_max(&self) -> Option<String> {
        let files = |dirs: &[PathBuf], name: &str| -> Vec<String> {
            dirs.iter().filter_map(|dir| fs::read_to_string(dir.join(name)).ok()).collect()
        };
        let texts =
            [files(&self.unified, "memory.max"), files(&self.memory, "memory.limit_in_bytes")];
        let texts = texts.concat();
        let limits = texts.iter().filter_map(|text| text.trim().parse::<u64>().ok());
        // Version 1 writes the largest multiple of a page where there is no limit.
        let limit = limits.filter(|bytes| *bytes < u64::MAX / 4).min();
        let max = || (!texts.is_empty()).then(|| "max".to_string());
        limit.map(|bytes| bytes.to_string()).or_else(max)
    }

    /// The counters until now, of all groups with a quota together. Nothing where none is counted.
    pub fn throttled(&self) -> Option<Throttled> {
        let all = self.unified.iter().chain(&self.cpu);
        let counted: Vec<Throttled> = all
            .filter_map(|dir| fs::read_to_string(dir.join("cpu.stat")).ok())
            .filter_map(|text| Throttled::parse(&text))
            .collect();
        let sum = |sum: Throttled, next: Throttled| Throttled {
            count: sum.count.saturating_add(next.count),
            time: sum.time.saturating_add(next.time),
        };
        counted.into_iter().reduce(sum)
    }
}

/// A line of `/proc/self/mountinfo`.
struct Mount<'a> {
    /// The group that the folder shows.
    root: String,
    folder: String,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        // ID, parent, device, root, folder, options, and others until ` - `; kind, source, options.
        let (mount, system) = line.split_once(" - ")?;
        let (mut mount, mut system) = (mount.split(' ').skip(3), system.split(' '));
        Some(Self {
            root: unescape(mount.next()?),
            folder: unescape(mount.next()?),
            kind: system.next()?,
            options: system.nth(1).unwrap_or_default(),
        })
    }

    /// Returns whether it shows this controller of version 1.
    fn controls(&self, controller: &str) -> bool {
        self.kind == "cgroup" && self.options.split(',').any(|option| option == controller)
    }

    /// The folder of a group and of those around it, the group's own first.
    fn chain(&self, path: &str) -> Vec<PathBuf> {
        let top = Path::new(&self.folder);
        // A group outside of what the mount shows: its outermost folder is the nearest.
        let inside = Path::new(path).strip_prefix(&self.root).ok();
        let inside = inside.filter(|path| path.components().all(is_name));
        let own = inside.map_or_else(|| top.into(), |inside| top.join(inside));
        own.ancestors().take_while(|dir| dir.starts_with(top)).map(Into::into).collect()
    }
}

fn is_name(part: std::path::Component<'_>) -> bool {
    matches!(part, std::path::Component::Normal(_))
}

/// Spaces and others are octal in `mountinfo`: `\040`.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.into(), |text: String, (escaped, plain)| text.replace(escaped, plain))
}

impl Quota {
    fn new(micros: u64, period_micros: u64) -> Option<Self> {
        (micros > 0 && period_micros > 0).then_some(Self { micros, period_micros })
    }

    fn of_version_2(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(dir.join("cpu.max")).ok()?;
        let mut fields = text.split_whitespace();
        // `max` is no number. The period may be left out.
        let micros = fields.next()?.parse().ok()?;
        Self::new(micros, fields.next().map_or(Some(100_000), |period| period.parse().ok())?)
    }

    fn of_version_1(dir: &Path) -> Option<Self> {
        let read = |name: &str| fs::read_to_string(dir.join(name)).ok()?.trim().parse().ok();
        // -1 is no quota, and no unsigned number.
        Self::new(read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?)
    }

    /// How many processors it is worth.
    #[allow(clippy::cast_precision_loss)] // Microseconds of a second.
    pub fn processors(self) -> f64 {
        self.micros as f64 / self.period_micros as f64
    }

    /// Reads it from the text of [`Groups::cpu_max`].
    pub fn parse(cpu_max: &str) -> Option<Self> {
        let (micros, period) = cpu_max.split_once(' ')?;
        Self::new(micros.parse().ok()?, period.parse().ok()?)
    }
}

impl Throttled {
    fn parse(stat: &str) -> Option<Self> {
        let field = |name: &str| {
            let value =
                |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok();
            stat.lines().find_map(value)
        };
        // Microseconds in version 2, nanoseconds in version 1.
        let time = field("throttled_usec").map(Duration::from_micros);
        let time = time.or_else(|| field("throttled_time").map(Duration::from_nanos))?;
        Some(Self { count: field("nr_throttled")?, time })
    }

    /// What came since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            count: self.count.saturating_sub(before.count),
            time: self.time.saturating_sub(before.time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder for the files of groups, removed at the end.
    struct Mounted(PathBuf);

    impl Mounted {
        fn new(test: &str) -> Self {
            let name = format!("kovan lab-cgroup-{test}-{}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&dir);
            Self(dir)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("created");
            fs::write(path, text).expect("written");
        }

        /// A line of `mountinfo`; the name of the folder has a space.
        fn mount(&self, root: &str, folder: &str, system: &str) -> String {
            let folder = self.0.join(folder).display().to_string().replace(' ', "\\040");
            format!("31 23 0:28 {root} {folder} rw,relatime shared:9 - {system}\n")
        }
    }

    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const V2: &str = "cgroup2 cgroup2 rw";

    #[test]
    fn the_tightest_quota_of_nested_groups_counts() {
        let at = Mounted::new("v2");
        let groups = Groups::read("0::/a/b/c\n", &at.mount("/", "v2", V2));
        assert_eq!(groups.cpu_max(), None, "nothing can be read");
        at.write("v2/cgroup.controllers", "cpu memory\n");
        assert_eq!(groups.cpu_max().as_deref(), Some("max"));
        at.write("v2/a/cpu.max", "150000 100000\n");
        at.write("v2/a/b/cpu.max", "max 100000\n");
        at.write("v2/a/b/c/cpu.max", "40000 20000\n");
        assert_eq!(groups.cpu_max().as_deref(), Some("150000 100000"), "1.5, not 2");
        at.write("v2/a/b/cpu.max", "25000 50000\n");
        assert_eq!(groups.quota().map(Quota::processors), Some(0.5));
        // No other group's.
        at.write("v2/a/b/c/d/cpu.max", "1000 100000\n");
        at.write("v2/other/cpu.max", "1000 100000\n");
        assert_eq!(groups.quota().map(Quota::processors), Some(0.5));
        let stat = |count, micros| {
            format!("usage_usec 9\nnr_periods 5\nnr_throttled {count}\nthrottled_usec {micros}\n")
        };
        at.write("v2/a/cpu.stat", &stat(3, 700));
        at.write("v2/a/b/cpu.stat", &stat(2, 50));
        let before = groups.throttled().expect("counted");
        assert_eq!(before, Throttled { count: 5, time: Duration::from_micros(750) });
        at.write("v2/a/b/cpu.stat", &stat(4, 60));
        let since = groups.throttled().expect("counted").since(before);
        assert_eq!(since, Throttled { count: 2, time: Duration::from_micros(10) });
        at.write("v2/a/memory.max", "max\n");
        assert_eq!(groups.memory_max().as_deref(), Some("max"));
        at.write("v2/a/b/c/memory.max", "4096\n");
        assert_eq!(groups.memory_max().as_deref(), Some("4096"));
    }

    #[test]
    fn version_1_is_read_beside_version_2() {
        let at = Mounted::new("v1");
        let mounts = [
            at.mount("/", "cpu,cpuacct", "cgroup cgroup rw,cpu,cpuacct"),
            at.mount("/", "cpuset", "cgroup cgroup rw,cpuset"),
            at.mount("/", "memory", "cgroup cgroup rw,memory"),
            at.mount("/", "unified", V2),
        ];
        let list = "5:memory:/m\n4:cpuset:/\n3:cpu,cpuacct:/x:y/z\n1:name=systemd:/\n0::/\n";
        let groups = Groups::read(list, &mounts.concat());
        at.write("cpu,cpuacct/x:y/z/cpu.cfs_quota_us", "-1\n");
        at.write("cpu,cpuacct/x:y/z/cpu.cfs_period_us", "100000\n");
        assert_eq!(groups.cpu_max().as_deref(), Some("max"));
        at.write("cpu,cpuacct/x:y/cpu.cfs_quota_us", "50000\n");
        at.write("cpu,cpuacct/x:y/cpu.cfs_period_us", "100000\n");
        assert_eq!(groups.cpu_max().as_deref(), Some("50000 100000"), "of the group around it");
        at.write(
            "cpu,cpuacct/x:y/cpu.stat",
            "nr_periods 8\nnr_throttled 7\nthrottled_time 12500\n",
        );
        let throttled = groups.throttled().expect("counted");
        assert_eq!(throttled, Throttled { count: 7, time: Duration::from_nanos(12_500) });
        at.write("memory/m/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(groups.memory_max().as_deref(), Some("max"));
        at.write("memory/memory.limit_in_bytes", "1048576\n");
        assert_eq!(groups.memory_max().as_deref(), Some("1048576"));
    }

    #[test]
    fn a_container_sees_its_own_part_of_the_tree() {
        let at = Mounted::new("container");
        at.write("v2/cpu.max", "100000 100000\n");
        at.write("v2/in/cpu.max", "200000 100000\n");
        let mount = at.mount("/docker/1", "v2", V2);
        for path in ["/docker/1", "/docker/1/in", "/docker/2", "/../..", "/docker/1/../x", "x"] {
            let groups = Groups::read(&format!("0::{path}\n"), &mount);
            assert_eq!(groups.quota().map(Quota::processors), Some(1.0), "{path}");
        }
    }

    #[test]
    fn what_is_malformed_is_no_quota() {
        let at = Mounted::new("malformed");
        for text in ["", "\n", "max", "0 100000", "100000 0", "-1 100000", "x y", "9 9x", "\0"] {
            at.write("v2/cpu.max", text);
            let groups = Groups::read("0::/\n", &at.mount("/", "v2", V2));
            assert_eq!(groups.quota(), None, "{text:?}");
            at.write("v1/cpu.cfs_quota_us", text);
            at.write("v1/cpu.cfs_period_us", "100000");
            let groups = Groups::read("1:cpu:/\n", &at.mount("/", "v1", "cgroup cgroup rw,cpu"));
            assert_eq!(groups.quota(), None, "{text:?}");
            assert_eq!(Throttled::parse(text), None, "{text:?}");
        }
        at.write("v2/cpu.max", "50000");
        let groups = Groups::read("0::/\n", &at.mount("/", "v2", V2));
        assert_eq!(groups.quota().map(Quota::processors), Some(0.5), "the usual period");
        assert_eq!(Throttled::parse("nr_throttled 1\nthrottled_usec x\n"), None);
        let lists = ["", ":", "0", "0:", "0::", "a:b:c\n::", "0::\u{0}"];
        let mounts = ["", " - ", "1 2 3", "1 2 3 / /x - ", "1 2 3 / - cgroup2", "- - - - - - -"];
        for (list, mount) in lists.iter().flat_map(|list| mounts.map(|mount| (list, mount))) {
            assert_eq!(Groups::read(list, mount).quota(), None, "{list:?} {mount:?}");
        }
    }
}
