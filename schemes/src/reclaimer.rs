//! The trait that a scheme implements.

use crate::facts::{BoundInput, Facts};
use crate::node::Node;
use crate::parameters::Parameters;
use crate::sync::AtomicPtr;

/// A memory reclamation scheme. A value of the implementing type is a *domain*: no state is shared
/// between two domains, and dropping one frees all that was retired in it (unless
/// [`Facts::frees_on_drop`] says otherwise).
///
/// Structures do not call this trait; they use [`Domain`](crate::Domain) and its guards, which add
/// the instrumentation.
///
/// # Safety
/// 1. [`retire`](Self::retire) frees the node at most once, with [`Retired`](crate::node::Retired),
///    and not while it is protected in the sense of `FACTS.strength`.
/// 2. Nodes are freed only inside calls of this trait or in the domain's own drop.
/// 3. Destructors of nodes may call into the same domain through another handle or guard.
pub unsafe trait Reclaimer: Sized + Send + Sync + 'static {
    /// What the scheme declares about itself.
    const FACTS: Facts;
    /// Says whether [`protect`](Self::protect) may free nodes. Only then are its frees counted: for
    /// others a load does not pay for that.
    const PROTECT_FREES: bool = false;
    /// Says whether the end of a guard may free nodes; as above.
    const UNPIN_FREES: bool = true;
    /// What it keeps beside each value.
    type Header: Send + Sync + 'static;
    /// A thread's registration. Stays on its thread.
    type Local;
    /// A critical section.
    type Guard<'l>
    where
        Self: 'l;
    /// Protects one pointer at a time; zero-sized where the guard protects.
    type Shield<'l>
    where
        Self: 'l;

    /// Makes a domain. The parameters must be such as [`Parameters::check`] finds right.
    fn new(parameters: &Parameters) -> Self;

    /// Returns the most unreclaimed nodes there can be in a domain with these parameters, or `None`
    /// where there is no bound.
    fn bound(input: &BoundInput, parameters: &Parameters) -> Option<u64>;

    /// Registers the calling thread.
    ///
    /// # Safety
    /// The local is dropped before the domain, and not while a guard or shield of it lives.
    unsafe fn register(&self) -> Self::Local;

    /// The header of a node allocated now.
    fn header(&self, local: &Self::Local) -> Self::Header;

    /// Begins a critical section. Sections of one local may nest.
    fn pin<'l>(&'l self, local: &'l Self::Local) -> Self::Guard<'l>;

    /// A shield that protects nothing yet.
    fn shield<'l>(&'l self, local: &'l Self::Local) -> Self::Shield<'l>;

    /// Loads `source` and protects the node behind it, until the shield protects another or is
    /// dropped (pointer strength) or until the guard ends. The bits of `tag_mask` are not part of
    /// the address, and are returned as loaded. At least acquire.
    fn protect<T>(
        guard: &Self::Guard<'_>,
        shield: &mut Self::Shield<'_>,
        source: &AtomicPtr<Node<T, Self::Header>>,
        tag_mask: usize,
    ) -> *mut Node<T, Self::Header>;

    /// Hands an unlinked node over, to be freed when no protection covers it.
    ///
    /// # Safety
    /// 1. `node` came from `Box::into_raw`, allocated with a header of this domain.
    /// 2. No thread can reach it any more except through protections that exist now.
    /// 3. It is retired once.
    unsafe fn retire<T: Send + 'static>(
        &self,
        guard: &Self::Guard<'_>,
        node: *mut Node<T, Self::Header>,
    );

    /// Tries to reclaim what this thread retired. Best effort.
    fn flush(&self, local: &Self::Local);
}

/// A guard protects every pointer that was loaded through it *from a place still reachable*.
///
/// # Safety
/// `FACTS.strength` is at least [`Strength::Guard`](crate::Strength::Guard), and true.
#[diagnostic::on_unimplemented(
    message = "the guards of scheme `{Self}` do not protect the pointers loaded through them",
    label = "this structure keeps pointers without a shield each",
    note = "pointer schemes protect one pointer per shield; choose a structure that sets shields, or a scheme of strength `guard` or `region`"
)]
pub unsafe trait GuardProtection: Reclaimer {}

/// A guard protects everything reachable at any time in its life, unlinked nodes too.
///
/// # Safety
/// `FACTS.strength` is [`Strength::Region`](crate::Strength::Region), and true.
#[diagnostic::on_unimplemented(
    message = "scheme `{Self}` does not protect nodes that are reached through unlinked nodes",
    label = "this structure traverses optimistically, out of unlinked nodes",
    note = "a node behind an unlinked one may already be freed under schemes of strength `pointer` or `guard`; choose a scheme of strength `region` (an epoch, `kovan`, `leak`), or a structure that validates each step, such as `MichaelList`"
)]
pub unsafe trait RegionProtection: GuardProtection {}
