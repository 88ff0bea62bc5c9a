//! Michael's sorted list (2002), a map. Sound for every scheme.
//!
//! A traversal never follows the link of a marked node: it unlinks the node first, or starts again.
//! So each node is read from a link that was reachable when the shield was set, which is all that
//! the weakest protection asks for.

use kovan_schemes::{Atomic, Guard, Reclaimer, Shared};

use crate::bucket::{Find, MARK, Node, Place, Shields, unlink};
use crate::list::{List, Traversal};
use crate::structure::{Key, StructureFacts, Value};

/// A lock-free sorted map in a linked list.
pub type MichaelList<K, V, R> = List<K, V, R, Michael>;

/// Michael's traversal, which unlinks every marked node that it meets. Look-ups are lock-free.
#[derive(Debug)]
pub struct Michael;

impl<R: Reclaimer> Traversal<R> for Michael {
    type Find = Self;
    const LIST: StructureFacts = StructureFacts {
        name: "michael-list",
        paper: "Michael, High performance dynamic lock-free hash tables and list-based sets, SPAA 2002",
        shields: 4,
        ..StructureFacts::MAP
    };
    const MAP: StructureFacts = StructureFacts { name: "hash-map", ..<Self as Traversal<R>>::LIST };
}

impl<R: Reclaimer> Find<R> for Michael {
    fn find<'g, 'h, K: Key, V: Value>(
        head: &'g Atomic<Node<K, V, R>, R>,
        guard: &'g Guard<'h, R>,
        before: impl Fn(&K) -> bool,
    ) -> Place<'g, 'h, Node<K, V, R>, R> {
        let mut shields = Shields::new(guard);
        'again: loop {
            let mut prev = head;
            // The head is never tagged.
            let mut cur = guard.protect(&mut shields.cur, prev);
            loop {
                // SAFETY: protected by `shields.cur`: `cur` was loaded untagged from `prev` after
                // that shield was set. `prev` is the head or the link of a protected node, and the
                // missing tag says that this node was not marked, so still linked (nodes are
                // unlinked only after marking); hence `cur` was reachable, so not yet retired.
                // The reference lives as long as `Place`, or until the shields move on below;
                // nobody makes mutable references to published nodes.
                let Some(node) = (unsafe { cur.deref::<'g>() }) else {
                    return Place { shields, prev, cur, node: None, next: Shared::null() };
                };
                let next = guard.protect(&mut shields.next, &node.next);
                if next.tag() == MARK {
                    // `next` may be freed already: it is linked here, never dereferenced. It is
                    // right to link it: if `cur` is still behind `prev`, so is its successor,
                    // which does not change after the mark.
                    // SAFETY: `cur` is protected and marked, and `next` is its frozen successor.
                    if !unsafe { unlink(guard, prev, cur, next.with_tag(0)) } {
                        crate::restarts::count();
                        continue 'again;
                    }
                    cur = guard.protect(&mut shields.cur, prev);
                    if cur.tag() == MARK {
                        crate::restarts::count();
                        continue 'again;
                    }
                    continue;
                }
                if !before(&node.key) {
                    return Place { shields, prev, cur, node: Some(node), next };
                }
                // `next` was untagged, so `node` was not marked when `next` was protected.
                shields.advance();
                prev = &node.next;
                cur = next;
            }
        }
    }
}
