#![doc = include_str!("README.md")]

#[doc = include_str!("modes.md")]
pub mod modes {}

#[doc = include_str!("long_readers.md")]
pub mod long_readers {}

#[doc = include_str!("thread_exit.md")]
pub mod thread_exit {}

#[doc = include_str!("async_tasks.md")]
pub mod async_tasks {}

#[doc = include_str!("panics.md")]
pub mod panics {}

#[doc = include_str!("fork.md")]
pub mod fork {}

#[doc = include_str!("without_std.md")]
pub mod without_std {}

#[doc = include_str!("from_crossbeam_epoch.md")]
pub mod from_crossbeam_epoch {}

#[doc = include_str!("from_seize.md")]
pub mod from_seize {}

#[doc = include_str!("from_haphazard.md")]
pub mod from_haphazard {}

#[doc = include_str!("from_published_kovan.md")]
pub mod from_published_kovan {}
