//! The two kinds of protection that a collector can give.

mod sealed {
    pub trait Sealed {}
}

/// The kind of protection of a [`Collector`](crate::Collector): [`Region`], [`Robust`], or the
/// [`DefaultMode`].
pub trait Mode: sealed::Sealed + 'static {
    /// Says whether guards publish what they load.
    const ROBUST: bool;
}

/// A guard protects everything that is reachable at any time in its life, nodes already unlinked
/// too. A load is one atomic load. A thread that stops inside a guard holds all that is retired
/// after.
///
/// Structures that walk through unlinked nodes need this strength, and ask for it by its type: a
/// `Collector<Region>`.
#[derive(Debug)]
pub struct Region;

/// A guard protects every pointer that was loaded through it from a place that was *still
/// reachable* then, by the address that was loaded. It does **not** protect what is reached through
/// an unlinked node.
///
/// A load publishes the address that it returns, with a plain store, unless it is published
/// already. A thread that stops inside of a guard holds what it has loaded under it, at most 64
/// addresses of earlier sections, the nodes with a [header](crate::RetiredNode) that it may have
/// reached, and what was retired since its slot was last drained: a number of nodes that does not
/// grow, whatever was retired and however it was allocated. The bound is in `docs/ADVERSARIES.md`.
#[derive(Debug)]
pub struct Robust;

/// The mode of [`pin`](crate::pin) and [`retire`](crate::retire). Code for it may rely on what both
/// other modes give: a guard protects the pointers that were loaded through it from places that were
/// still reachable then. With the feature `robust` it is as [`Robust`], else as [`Region`]; since
/// any crate of a program may turn the feature on, it is a type of its own.
#[derive(Debug)]
pub struct DefaultMode;

impl sealed::Sealed for Region {}
impl sealed::Sealed for Robust {}
impl sealed::Sealed for DefaultMode {}
impl Mode for Region {
    const ROBUST: bool = false;
}
impl Mode for Robust {
    const ROBUST: bool = true;
}
impl Mode for DefaultMode {
    const ROBUST: bool = cfg!(feature = "robust");
}
