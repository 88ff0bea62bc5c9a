//! How this program was built.

use kovan::{DefaultMode, Mode};

/// The cargo profile, as the build script read it from the output directory.
pub const PROFILE: &str = env!("KOVAN_BENCHES_PROFILE");
/// The compiler.
pub const RUSTC: &str = env!("KOVAN_BENCHES_RUSTC");
/// The versions of the other libraries, as `name version, …`.
pub const LIBRARIES: &str = env!("KOVAN_BENCHES_LIBRARIES");

/// The global allocator of all programs.
pub const ALLOCATOR: &str = if cfg!(feature = "mimalloc") { "mimalloc" } else { "system" };

/// The default collector, which the cargo feature `kovan/robust` changes.
pub const COLLECTOR: &str = if DefaultMode::ROBUST { "robust" } else { "region" };

/// The profiles that are compared with each other: cargo's defaults, and the whole program optimised
/// at once.
pub const PROFILES: [&str; 2] = ["plain", "fat"];
/// The allocators that are measured.
pub const ALLOCATORS: [&str; 2] = ["system", "mimalloc"];
