//! What all parts of `kovan-lab` share, from the top to the bottom. Each uses those below it only.
//!
//! | part | what it holds |
//! |---|---|
//! | [`data`] | plain types that files, processes and figures share |
//! | [`system`] | the machine, its limits, threads, and child processes of this program |
//! | [`support`] | the terminal, tables, numbers |

pub mod data;
pub mod support;
pub mod system;

use system::allocator::Chosen;

// They stand in this crate as `alloc` and `free` of the program are compiled where the static is, and this one is
// optimised. The tests of all crates above have the same allocator.

/// mimalloc, unless a worker is started with another one: glibc's allocator distorts cross-thread frees, which are
/// what reclamation does; and this one needs only a C compiler to build.
#[cfg(not(feature = "canary"))]
#[global_allocator]
static ALLOCATOR: Chosen = Chosen;

/// The same behind a quarantine for freed nodes, in builds for the gate.
#[cfg(feature = "canary")]
#[global_allocator]
static ALLOCATOR: kovan_schemes::canary::Allocator<Chosen> =
    kovan_schemes::canary::Allocator { inner: Chosen };
