//! Counters of the processor, as far as the kernel gives them: `perf_event_open`.
//!
//! Only what runs in the program itself is counted, not the kernel: that is what the kernel permits without
//! privileges (`/proc/sys/kernel/perf_event_paranoid` at 2), so the numbers mean the same everywhere.

use std::io;

/// What can be counted, as the kernel numbers it: the type of the event, and the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The name for people.
    pub name: &'static str,
    kind: u32,
    config: u64,
}

/// The events of the processor, in the order of their metrics.
pub const EVENTS: [Event; 4] = [
    Event { name: "cycles", kind: 0, config: 0 },
    Event { name: "instructions", kind: 0, config: 1 },
    // Of the last level, as far as the processor tells.
    Event { name: "cache misses", kind: 0, config: 3 },
    Event { name: "branch misses", kind: 0, config: 5 },
];

/// A counter of the thread that opened it. It counts from [`begin`](Self::begin) on.
#[derive(Debug)]
pub struct Counter(linux::Counter);

impl Counter {
    /// Opens a counter of the calling thread.
    ///
    /// # Errors
    /// If the kernel does not give it.
    pub fn open(event: Event) -> io::Result<Self> {
        linux::Counter::open(event).map(Self)
    }

    /// Begins to count.
    pub fn begin(&self) {
        self.0.begin();
    }

    /// Ends counting, and returns the count. Where several counters shared a register of the processor, it is
    /// scaled up to the whole time; nothing where it had no share.
    pub fn end(&self) -> Option<u64> {
        let [count, enabled, running] = self.0.end()?;
        scaled(count, enabled, running)
    }
}

/// A count of so much of the time that it was enabled.
fn scaled(count: u64, enabled: u64, running: u64) -> Option<u64> {
    if running == 0 {
        return None;
    }
    u64::try_from(u128::from(count) * u128::from(enabled) / u128::from(running)).ok()
}

/// Why the kernel does not give a counter, in a few words.
pub fn meaning(error: &io::Error) -> String {
    let meaning = match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => {
            "not permitted; kernel.perf_event_paranoid must be 2 or less, and a container must allow perf_event_open"
        }
        Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV) => {
            "not there: the processor, or the virtual machine around it, has no such counter"
        }
        Some(libc::ENOSYS) => "not there: this system has no perf_event_open",
        Some(libc::EMFILE | libc::ENFILE) => "not given: too many open files; raise `ulimit -n`",
        Some(libc::EBUSY) => "not given: another program uses the counters alone",
        _ => "not given",
    };
    format!("{meaning} ({error})")
}

/// What this machine gives of the processor's counters, for records.
pub fn availability() -> String {
    describe(
        &EVENTS.map(|event| {
            (event.name, Counter::open(event).map(drop).map_err(|error| meaning(&error)))
        }),
    )
}

/// The same where it does not give all of them.
pub fn refused() -> Option<String> {
    Some(availability()).filter(|told| told.contains(": not "))
}

/// A sentence about each event, those with the same reason together.
fn describe(events: &[(&str, Result<(), String>)]) -> String {
    let mut groups: Vec<(&Result<(), String>, Vec<&str>)> = Vec::new();
    for (name, outcome) in events {
        match groups.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => names.push(name),
            None => groups.push((outcome, vec![name])),
        }
    }
    let told = |(outcome, names): &(&Result<(), String>, Vec<&str>)| {
        let outcome = outcome.as_ref().map_or_else(String::as_str, |()| "permitted");
        format!("{}: {outcome}", names.join(", "))
    };
    groups.iter().map(told).collect::<Vec<_>>().join("; ")
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::{self, Read};
    use std::os::fd::{AsRawFd, FromRawFd};

    use super::Event;

    /// `perf_event_attr` of the kernel, as far as its first version goes; the kernel takes what is behind as 0.
    #[repr(C)]
    struct Attributes {
        kind: u32,
        size: u32,
        config: u64,
        sample_period: u64,
        sample_type: u64,
        read_format: u64,
        flags: u64,
        wakeup_events: u32,
        breakpoint_type: u32,
        config1: u64,
    }

    /// The counter does not count until it is enabled.
    const DISABLED: u64 = 1;
    const EXCLUDE_KERNEL: u64 = 1 << 5;
    const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
    /// A read gives the count, the time for which it was enabled, and that for which it ran.
    const WITH_TIMES: u64 = 1 | 2;
    /// `_IO('$', 0)`, `_IO('$', 1)` and `_IO('$', 3)` of `linux/perf_event.h`.
    const ENABLE: u32 = 0x2400;
    const DISABLE: u32 = 0x2401;
    const RESET: u32 = 0x2403;

    #[derive(Debug)]
    pub(super) struct Counter(File);

    impl Counter {
        pub(super) fn open(event: Event) -> io::Result<Self> {
            let attributes = Attributes {
                kind: event.kind,
                size: u32::try_from(size_of::<Attributes>()).map_err(io::Error::other)?,
                config: event.config,
                sample_period: 0,
                sample_type: 0,
                read_format: WITH_TIMES,
                flags: DISABLED | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR,
                wakeup_events: 0,
                breakpoint_type: 0,
                config1: 0,
            };
            let (this_thread, any_processor, no_group): (libc::pid_t, i32, i32) = (0, -1, -1);
            let close_on_exec: libc::c_ulong = 8;
            // SAFETY: the kernel reads `size` bytes of the attributes, which are all initialised, and writes to no
            // memory of this process; the other arguments are numbers.
            let file = unsafe {
                libc::syscall(
                    libc::SYS_perf_event_open,
                    &raw const attributes,
                    this_thread,
                    any_processor,
                    no_group,
                    close_on_exec,
                )
            };
            let file = i32::try_from(file).map_err(io::Error::other)?;
            if file < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: the call has succeeded, so it is an open file, and nobody else has its number.
            Ok(Self(unsafe { File::from_raw_fd(file) }))
        }

        fn control(&self, request: u32) -> bool {
            // SAFETY: the file is open, and these requests take no memory.
            unsafe { libc::ioctl(self.0.as_raw_fd(), request.into(), 0) == 0 }
        }

        pub(super) fn begin(&self) {
            // Where that fails, so will the read.
            let _ = self.control(RESET) && self.control(ENABLE);
        }

        pub(super) fn end(&self) -> Option<[u64; 3]> {
            if !self.control(DISABLE) {
                return None;
            }
            let mut bytes = [0; 24];
            (&self.0).read_exact(&mut bytes).ok()?;
            let mut words =
                bytes.chunks_exact(8).map(|word| word.try_into().map(u64::from_ne_bytes));
            let mut next = || words.next()?.ok();
            Some([next()?, next()?, next()?])
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod linux {
    use std::io;

    #[derive(Debug)]
    pub(super) enum Counter {}

    impl Counter {
        pub(super) fn open(_: super::Event) -> io::Result<Self> {
            Err(io::Error::from_raw_os_error(libc::ENOSYS))
        }
        pub(super) fn begin(&self) {
            match *self {}
        }
        pub(super) fn end(&self) -> Option<[u64; 3]> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{GlobalAlloc, Layout, System};

    use super::*;

    /// Events that the kernel counts itself: the time that a thread runs, and page faults.
    const TASK_CLOCK: Event = Event { name: "task clock", kind: 1, config: 1 };
    const PAGE_FAULTS: Event = Event { name: "page faults", kind: 1, config: 2 };

    /// Writes to memory that no allocator keeps: the system maps blocks of this size anew, and unmaps them.
    fn touch(mebibytes: usize) {
        const PAGE: usize = 4096;
        let layout = Layout::from_size_align(mebibytes << 20, PAGE).expect("a layout");
        // SAFETY: the size is not 0; each write is within the block, which is freed once, with its layout.
        unsafe {
            let block = System.alloc(layout);
            assert!(!block.is_null(), "no memory");
            for at in (0..layout.size()).step_by(PAGE) {
                block.add(at).write_volatile(1);
            }
            System.dealloc(block, layout);
        }
    }

    #[test]
    fn what_the_kernel_counts_itself_is_counted_from_the_begin_to_the_end() {
        let opened =
            Counter::open(TASK_CLOCK).and_then(|one| Ok((one, Counter::open(PAGE_FAULTS)?)));
        let (clock, faults) = match opened {
            Ok(opened) => opened,
            Err(error) => return eprintln!("skipped: software events are {}", meaning(&error)),
        };
        touch(40);
        clock.begin();
        faults.begin();
        touch(64);
        let counts = (clock.end(), faults.end());
        touch(40);
        let (Some(ran), Some(faulted)) = counts else { panic!("no count: {counts:?}") };
        // With pages of 2 MiB there are 32.
        assert!((16..1_000_000).contains(&faulted), "{faulted}");
        assert!((100_000..60_000_000_000).contains(&ran), "{ran} ns");
        faults.begin();
        assert!(faults.end().is_some_and(|again| again < faulted), "begins from 0");
    }

    #[test]
    fn an_event_that_is_not_there_is_an_error_with_a_meaning() {
        let error = Counter::open(Event { name: "none", kind: 1, config: 9999 });
        let told = meaning(&error.expect_err("no such event"));
        assert!(told.starts_with("not "), "{told}");
    }

    #[test]
    fn reasons_are_told_once() {
        let refused = || Err(meaning(&io::Error::from_raw_os_error(libc::EACCES)));
        let told = describe(&[("cycles", Ok(())), ("a", refused()), ("b", refused())]);
        assert!(told.starts_with("cycles: permitted; a, b: not permitted; kernel.perf"), "{told}");
        assert!(!availability().is_empty());
    }

    #[test]
    fn counts_of_a_part_of_the_time_are_scaled() {
        assert_eq!(scaled(10, 100, 25), Some(40));
        assert_eq!(scaled(10, 100, 100), Some(10));
        assert_eq!(scaled(0, 100, 0), None);
    }
}
