//! Random operations over random threads, keys and adversaries, on random pairs.
//!
//! For `KOVAN_FUZZ_SECONDS` (default: 2), from the seed `KOVAN_FUZZ_SEED` (default: from the clock). A
//! failure says which pair, check and seed; `kovan-lab verify` repeats it. With the feature `canary`
//! late reads are found too.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kovan_lab_worker::checks::{Budget, Check, run_pair};
use kovan_schemes::canary;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_operations_on_random_pairs() {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs());
    let mut seed = setting("KOVAN_FUZZ_SEED").unwrap_or_else(clock);
    println!("KOVAN_FUZZ_SEED={seed}");
    let length = Duration::from_secs(setting("KOVAN_FUZZ_SECONDS").unwrap_or(2));
    let (pairs, began) = (kovan_pairs::all(), Instant::now());
    let mut checks =
        vec![Check::Oracle, Check::Conservation, Check::Linearizability, Check::Canary];
    if canary::COMPILED {
        checks.push(Check::Interruptions);
    }
    while began.elapsed() < length {
        // One step of SplitMix64: the next pair, check and shape have nothing to do with this one's.
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 8;
        let pair = &pairs[usize::try_from(mixed).unwrap_or(0) % pairs.len()];
        let check = checks[usize::try_from(mixed >> 32).unwrap_or(0) % checks.len()];
        let name = format!("{} x {}, {}", pair.scheme.name, pair.structure.name, check.name());
        // Should the process crash, the last line says in what.
        println!("{name}, seed {mixed}");
        let budget = Budget { seed: mixed, length: Duration::from_millis(20), announce: false };
        if let Err(failure) = run_pair(check, pair, &budget) {
            panic!("{name}: {failure}");
        }
    }
}
