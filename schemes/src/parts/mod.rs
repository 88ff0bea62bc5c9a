//! What the schemes of this crate are made of. Each part exists once, and knows no scheme.

pub(crate) mod barrier;
pub(crate) mod batch;
pub(crate) mod epochs;
pub(crate) mod era;
pub(crate) mod every;
pub(crate) mod free;
#[cfg(not(kovan_loom))]
pub(crate) mod home;
pub(crate) mod limbo;
pub(crate) mod pool;
#[cfg(not(kovan_loom))]
pub(crate) mod process_wide;
pub(crate) mod slots;
