//! What every harness of this workspace measures with: random streams, and statistics of what was measured.
//!
//! The lab, the comparisons with other libraries (`benches/`) and the loop that measures throughput draw the same
//! numbers and take the same intervals. Both are pure: the same seed and the same values give the same answer on every
//! machine.

pub mod random;
pub mod stats;
