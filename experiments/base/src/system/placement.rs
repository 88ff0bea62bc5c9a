//! On which processors threads run.

use std::fs;

/// More processors than a set can name; what asks for one of them is a mistake.
const MOST: usize = 1024;

/// The processors of the workers, by turns; none leaves it to the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(Vec<usize>);

/// A processor with the place where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Processor {
    package: u64,
    core: u64,
    number: usize,
}

impl Places {
    /// Places by what a spec says: `none`, `compact`, `scatter` or a list of processors like `0-3,8`.
    pub fn of(text: &str) -> Self {
        match text {
            "none" => Self::default(),
            "compact" => Self(compact(allowed())),
            "scatter" => Self(scatter(allowed())),
            list => Self(numbers(list).unwrap_or_default()),
        }
    }

    /// Moves the calling thread to the place of the `nth` worker. Where the system does not let it, it stays.
    pub fn go(&self, nth: u32) {
        if let Some(number) = self.0.get(nth as usize % self.0.len().max(1)) {
            pin_to(*number);
        }
    }
}

/// Checks that a text is one that [`Places::of`] understands.
///
/// # Errors
/// If it is not; the error says what would be right.
pub fn check(text: &str) -> Result<(), String> {
    let known = ["none", "compact", "scatter"].contains(&text);
    let told =
        || format!("`{text}` is not none, compact, scatter or a list of processors like 0-3,8");
    if known { Ok(()) } else { numbers(text).map(drop).ok_or_else(told) }
}

/// The numbers of a list like `0-3,8`.
fn numbers(text: &str) -> Option<Vec<usize>> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let fits = first <= last && last < MOST;
        all.extend(fits.then_some(first..=last)?);
    }
    Some(all)
}

/// Neighbours first: all threads of a core, then the next core, then the next package.
fn compact(mut all: Vec<Processor>) -> Vec<usize> {
    all.sort_unstable();
    all.into_iter().map(|processor| processor.number).collect()
}

/// Strangers first: one of each package by turns, and the second thread of a core last.
fn scatter(mut all: Vec<Processor>) -> Vec<usize> {
    all.sort_unstable();
    let nth_of =
        |is_before: &dyn Fn(&Processor) -> bool| all.iter().filter(|p| is_before(p)).count();
    let mut keyed: Vec<_> = all
        .iter()
        .map(|one| {
            let thread = nth_of(&|p| {
                (p.package, p.core) == (one.package, one.core) && p.number < one.number
            });
            let core = nth_of(&|p| p.package == one.package && p.core < one.core);
            ((thread, core, one.package), one.number)
        })
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, number)| number).collect()
}

/// The processors that this process may run on.
fn allowed() -> Vec<Processor> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let read = |number: usize, name: &str| -> Option<u64> {
        let path = format!("/sys/devices/system/cpu/cpu{number}/topology/{name}");
        fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    let processor = |number: usize| Processor {
        package: read(number, "physical_package_id").unwrap_or(0),
        core: read(number, "core_id").unwrap_or(number as u64),
        number,
    };
    list.and_then(numbers).unwrap_or_default().into_iter().map(processor).collect()
}

#[cfg(target_os = "linux")]
fn pin_to(number: usize) {
    // SAFETY: a set of bits may be all zeros.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number is below the size of the set, which `numbers` looks at.
    unsafe { libc::CPU_SET(number, &mut set) };
    // SAFETY: `set` has the size that is told, and the call only reads it.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
}

#[cfg(not(target_os = "linux"))]
fn pin_to(_: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_topology() {
        // Two packages of two cores with two threads each.
        let all: Vec<Processor> = (0..8)
            .map(|number| Processor {
                package: number / 2 % 2,
                core: number % 2,
                number: number as usize,
            })
            .collect();
        assert_eq!(compact(all.clone()), [0, 4, 1, 5, 2, 6, 3, 7]);
        assert_eq!(scatter(all), [0, 2, 1, 3, 4, 6, 5, 7]);
    }

    #[test]
    fn lists_are_read_and_mistakes_told() {
        assert_eq!(numbers("0-2,5"), Some(vec![0, 1, 2, 5]));
        for wrong in ["", "x", "3-1", "0-99999999", "1,,2"] {
            assert!(check(wrong).is_err_and(|told| told.contains("compact")), "{wrong}");
        }
        assert!(check("scatter").is_ok() && check("0,1").is_ok());
        assert_eq!(Places::of("none"), Places::default());
    }
}
