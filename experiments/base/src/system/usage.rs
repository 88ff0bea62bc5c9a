//! What this process has used so far.

use std::mem::MaybeUninit;

use super::machine::processor_time;

/// Sums over all threads since the process began. Absent: the system does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time.
    pub cpu_ns: Option<u64>,
    /// Page faults that needed no disk.
    pub minor_faults: Option<u64>,
    /// Page faults that needed a disk.
    pub major_faults: Option<u64>,
    /// Times that threads gave up their processor.
    pub voluntary_switches: Option<u64>,
    /// Times that threads were taken off their processor.
    pub involuntary_switches: Option<u64>,
}

impl Usage {
    /// Until now.
    pub fn now() -> Self {
        let cpu_ns = processor_time().and_then(|time| u64::try_from(time.as_nanos()).ok());
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: `usage` is a place for an `rusage`, and the call writes nothing else.
        if unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) } != 0 {
            return Self { cpu_ns, ..Self::default() };
        }
        // SAFETY: the call has succeeded, so it has filled in all of it.
        let usage = unsafe { usage.assume_init() };
        let count = |number: libc::c_long| u64::try_from(number).ok();
        Self {
            cpu_ns,
            minor_faults: count(usage.ru_minflt),
            major_faults: count(usage.ru_majflt),
            voluntary_switches: count(usage.ru_nvcsw),
            involuntary_switches: count(usage.ru_nivcsw),
        }
    }

    /// What was used since an earlier time.
    pub fn since(&self, earlier: &Self) -> Self {
        let less = |now: Option<u64>, then: Option<u64>| {
            now.zip(then).map(|(now, then)| now.saturating_sub(then))
        };
        Self {
            cpu_ns: less(self.cpu_ns, earlier.cpu_ns),
            minor_faults: less(self.minor_faults, earlier.minor_faults),
            major_faults: less(self.major_faults, earlier.major_faults),
            voluntary_switches: less(self.voluntary_switches, earlier.voluntary_switches),
            involuntary_switches: less(self.involuntary_switches, earlier.involuntary_switches),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_memory_faults() {
        let before = Usage::now();
        let bytes = vec![1_u8; 64 << 20];
        std::hint::black_box(&bytes);
        let used = Usage::now().since(&before);
        assert!(used.minor_faults.is_none_or(|faults| faults > 0), "{used:?}");
    }
}
