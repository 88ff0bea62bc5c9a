//! Counts the restarts of traversals. The calls are where a traversal restarts, so that others pay nothing.

#[cfg(test)]
mod tests;

use std::cell::Cell;

thread_local! {
    static RESTARTS: Cell<u64> = const { Cell::new(0) };
}

/// Returns how many traversals the calling thread has restarted so far, in all structures.
///
/// A traversal restarts if it goes back to its first node, at the head or the root, because what it had read
/// is no longer valid or because it failed to unlink a node on the way. An iteration restarts if it searches
/// for its place from there. Evaluations report this of lists and trees, as that of SCOT does (Arovi and
/// Nikolaev, PPoPP 2026, Table 2). These do not count:
///
/// - a step back to a node on the way, as that of Harris's list with validated chains;
/// - another attempt at the same place: a protected load, an exchange, a look at the head of a queue;
/// - the next traversal of an update whose own exchange failed, or which helped another update: the
///   traversal before it came to its end.
#[must_use]
pub fn restarts() -> u64 {
    RESTARTS.get()
}

/// Counts one restart of the calling thread.
#[cold]
pub(crate) fn count() {
    RESTARTS.set(RESTARTS.get() + 1);
}
