//! What an operation must not leave behind when a comparison or a copy of keys or values panics, and
//! how values leave a node that one thread alone can reach.

use std::mem::forget;
use std::vec;

use kovan_schemes::{Atomic, Domain, Guard, Owned, Reclaimer, Shared, Shield};

/// A node that is not published, so its maker's alone. Freed on drop.
pub(crate) struct Fresh<'g, 'h, T, R: Reclaimer> {
    guard: &'g Guard<'h, R>,
    /// Not null.
    node: Shared<'g, T, R>,
}

impl<'g, 'h, T, R: Reclaimer> Fresh<'g, 'h, T, R> {
    pub(crate) fn new(guard: &'g Guard<'h, R>, value: T) -> Self {
        Self { guard, node: guard.alloc(value).into_shared() }
    }

    pub(crate) fn value(&self) -> &T {
        // SAFETY: freed by our drop at the earliest; nobody makes mutable references to it.
        let Some(value) = (unsafe { self.node.deref() }) else { unreachable!("not null") };
        value
    }

    /// To link it in what is not published either. If that is published, [`keep`](Self::keep) is
    /// called next.
    pub(crate) fn shared(&self) -> Shared<'g, T, R> {
        self.node
    }

    /// Publishes the node by replacing `from` at `link`. Gives it back, with what is there, if that
    /// is another.
    pub(crate) fn publish(
        self,
        link: &Atomic<T, R>,
        from: Shared<'_, T, R>,
    ) -> Result<Shared<'g, T, R>, (Self, Shared<'g, T, R>)> {
        self.publish_tagged(link, from, 0)
    }

    /// Publishes it as [`publish`](Self::publish) does; the link gets `tag` by the same exchange.
    pub(crate) fn publish_tagged(
        self,
        link: &Atomic<T, R>,
        from: Shared<'_, T, R>,
        tag: usize,
    ) -> Result<Shared<'g, T, R>, (Self, Shared<'g, T, R>)> {
        let (guard, node) = (self.guard, self.node);
        match link.compare_exchange(from, node.with_tag(tag), guard) {
            Ok(_) => {
                self.keep();
                Ok(node)
            }
            Err(now) => Err((self, now)),
        }
    }

    /// Protects the node before its publication, after which others may remove it at once.
    pub(crate) fn protect(&self, shield: &mut Shield<'h, R>) {
        let _ = self.guard.protect(shield, &Atomic::new(self.node));
    }

    /// Moves the value out, and frees the node.
    pub(crate) fn into_value(self) -> T {
        let (guard, node) = (self.guard, self.node);
        forget(self);
        // SAFETY: not null, and not published: what is, is forgotten.
        guard.take_back(unsafe { node.into_owned() })
    }

    /// It is published.
    pub(crate) fn keep(self) {
        forget(self);
    }
}

impl<T, R: Reclaimer> Drop for Fresh<'_, '_, T, R> {
    fn drop(&mut self) {
        // SAFETY: not null, and not published: what is, is forgotten.
        self.guard.discard(unsafe { self.node.into_owned() });
    }
}

/// Moves what `item` makes of their values out of the nodes of a structure, and frees the nodes.
pub(crate) fn into_items<T, I, R: Reclaimer>(
    domain: &Domain<R>,
    nodes: impl Iterator<Item = Owned<T, R>>,
    mut item: impl FnMut(T) -> Option<I>,
) -> vec::IntoIter<I> {
    let mut items = Vec::new();
    domain.discard_with(nodes, |node| items.extend(item(node.into_value())));
    items.into_iter()
}

/// Calls the function when it is dropped: by a panic, as it is [defused](Self::defuse) otherwise.
pub(crate) struct OnUnwind<F: Fn()>(pub(crate) F);

impl<F: Fn()> OnUnwind<F> {
    pub(crate) fn defuse(self) {
        forget(self);
    }
}

impl<F: Fn()> Drop for OnUnwind<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
