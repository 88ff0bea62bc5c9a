//! What the operating system tells and gives: the machine, its limits, threads, and child processes of this program.

pub mod allocator;
pub mod cgroup;
pub mod hardware;
pub mod machine;
mod pipes;
pub mod placement;
pub mod process;
pub mod stop;
pub mod threads;
pub mod usage;
