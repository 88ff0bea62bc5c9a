//! The two kinds of protection a collector can give.

mod sealed {
    pub trait Sealed {}
}

/// The kind of protection of a [`Collector`](crate::Collector): [`Region`] or [`Robust`].
pub trait Mode: sealed::Sealed + 'static {
    /// Whether loads check the era.
    const ROBUST: bool;
}

/// A guard protects everything reachable at any time in its life, nodes already unlinked too. A
/// load is one atomic load. A thread that stops inside a guard holds all that is retired after.
#[derive(Debug)]
pub struct Region;

/// A guard protects every pointer loaded through it from a place that is *still reachable*; it
/// does **not** protect what is reached through an unlinked node. A load reads the era besides. A
/// thread that stops inside a guard holds only nodes that were born before it stopped, as long as
/// nodes carry their birth ([`Guard::birth_era`](crate::Guard::birth_era)); nodes without one
/// count as oldest. One exception: a load that meets a moving era 16 times in a row gives up on
/// eras, and a thread that stops in that very guard holds everything.
#[derive(Debug)]
pub struct Robust;

impl sealed::Sealed for Region {}
impl sealed::Sealed for Robust {}
impl Mode for Region {
    const ROBUST: bool = false;
}
impl Mode for Robust {
    const ROBUST: bool = true;
}

/// The mode of [`pin`](crate::pin) and [`retire`](crate::retire): [`Robust`] with the feature
/// `robust`, else [`Region`].
pub type DefaultMode = Chosen;

#[cfg(not(feature = "robust"))]
use Region as Chosen;
#[cfg(feature = "robust")]
use Robust as Chosen;
