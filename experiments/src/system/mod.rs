//! What the operating system tells and gives: the machine, its limits, threads, and this program itself.

pub(crate) mod builds;
pub(crate) mod cgroup;
pub(crate) mod machine;
pub(crate) mod threads;
