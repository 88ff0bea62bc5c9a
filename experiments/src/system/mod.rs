//! What the operating system tells and gives: the machine, its limits, threads, and this program itself.

pub(crate) mod allocator;
pub(crate) mod builds;
pub(crate) mod cgroup;
pub(crate) mod doctor;
pub(crate) mod hardware;
pub(crate) mod machine;
pub(crate) mod placement;
pub(crate) mod stop;
pub(crate) mod threads;
pub(crate) mod usage;
