//! Nodes that notice misuse, for the correctness gate: cargo feature `canary`.
//!
//! With the feature, each node carries a tag that says whether it is alive, retired or freed.
//! [`Shared::deref`](crate::Shared::deref) checks it, so every step of every structure is checked;
//! retirement and the free check and change it. A freed node is overwritten with a pattern, and
//! the allocator of this module keeps its memory back for a while, so that the pattern is still
//! there when a late reader comes, and so that a late write is found. A violation is one line on
//! stderr and an abort: what is already wrong must not run on.
//!
//! The quarantine hides what comes of an address that is used again at once, such as an exchange that
//! takes a new node for the old one. With [`reuse`] the allocator does the opposite: the next node of
//! the same size is the one that was freed last.
//!
//! Threads that ask for it ([`jitter`]) also give up the processor at random inside operations,
//! which makes more interleavings on few processors. The pointers and guards of this crate do so by
//! themselves; a scheme calls [`pause`] where its own steps can be interrupted to harm, such as
//! between the load of a pointer and the publication of its hazard.
//!
//! Or a test runs its own code at these points ([`at_points`]), which can go on with another operation
//! before it comes back. The destructor of each retired value is such a point, whatever its type.
//!
//! Without the feature all of this is empty: a tag is zero-sized, and no instruction is added.

#[cfg(feature = "canary")]
mod on;
#[cfg(feature = "canary")]
mod points;
#[cfg(feature = "canary")]
mod pool;
#[cfg(feature = "canary")]
mod quarantine;
#[cfg(feature = "canary")]
pub(crate) use on::{Tag, at, expect_link, poison};
#[cfg(feature = "canary")]
pub use on::{jitter, pause};
#[cfg(feature = "canary")]
pub use points::at_points;
#[cfg(feature = "canary")]
pub use pool::reuse;
#[cfg(feature = "canary")]
pub use quarantine::Allocator;

#[cfg(not(feature = "canary"))]
mod off;
#[cfg(not(feature = "canary"))]
pub(crate) use off::{Tag, at, expect_link, poison};
#[cfg(not(feature = "canary"))]
pub use off::{at_points, jitter, pause, reuse};

/// The kind of a point of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between two steps.
    Step,
    /// Before a pointer of a node or a structure is changed.
    Write,
    /// Where a retired value is destroyed, and its destructor may call the domain.
    Destructor,
}

/// Says whether the checks are compiled in.
pub const COMPILED: bool = cfg!(feature = "canary");
