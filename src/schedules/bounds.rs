//! The bounds of `docs/PROTOCOL.md`, "Progress", as sums of named parts. In steps: operations on
//! atomics, and fences.

use crate::batch::CAPACITY;
use crate::guard::ROUNDS;
use crate::shields::{CELLS, READS};
use crate::slot::BACKLOG;
use crate::sync::counted::Steps;

/// An acknowledged link: a load and a swap of `next`, a subtraction; or, on behalf of an owner, two
/// looks and a subtraction, or a look, `kept` and a subtraction.
const LINK: usize = 3;
/// Swap, exchange, connection.
const PUSH: usize = 3;
/// A push; `backlog` and the log's length; the addition.
const SEND: usize = PUSH + 2 + 1;
/// A batch that is added to the queue or taken out: what waits there is looked at, taken and stored.
const QUEUE: usize = 3;
/// A batch that no guard holds any more, on its way to its retirer: `head` and `backlog` of the slot
/// there; sent; added to the queue.
const FREE_BATCH: usize = 2 + SEND + QUEUE;
/// A batch that is left to others because there are too many: taken out of the queue, sent; or added
/// again.
const SHARE: usize = QUEUE + SEND + QUEUE;
/// A list that is put back, as the parcel of a batch that may be this thread's again at once.
const PUT_BACK: usize = SEND + FREE_BATCH;
/// Taking the own list: `backlog`, `fenced`, `head`, a fence; in robust mode the cells. What one pin
/// does not acknowledge is put back.
const TAKE: usize = 4 + PUT_BACK + BACKLOG * SHARE;
/// What others have left: a look, taken, the rest put back; added to the queue.
const ADOPT: usize = 1 + 5 + PUT_BACK + QUEUE;
/// The beginning of an outermost section, before a list is taken: `pinned` twice, `barrier::light`,
/// `head`.
const ENTER: usize = 4;
/// The end of the section before destructors; the count of what was freed; its beginning, but for the
/// list; `SLOW_PATH`. A look at the queue, and at what others have left.
const AROUND_DESTRUCTORS: usize = 1 + 2 + ENTER + 1 + QUEUE + 1;
/// A robust load that finds its address and the era published: the pointer, a cell, the clock, the era.
const CHECK: usize = 4;
/// An address that is published: its cell twice, the log (`pinned`, an entry, `pinned`), its cell; the
/// era.
const ADDRESS: usize = 2 + 3 + 1 + 1;
/// A round of a load: the clock; an address, a barrier, the pointer; the clock.
const ROUND: usize = 1 + ADDRESS + 2 + 1;
/// The last round of a load: `pinned` twice, the clock; an address, a barrier, the pointer; the clock,
/// an address; `pinned` twice.
const LAST_ROUND: usize = 3 + ADDRESS + 2 + 1 + ADDRESS + 2;
/// The most entries of a log here: a section of these programs publishes no more addresses.
const LOGGED: usize = 32;
/// A log that takes the place of one: the old one, its entries; the generation twice; the new entries
/// and the log.
const GROW: usize = 1 + LOGGED + 2 + LOGGED + 1;
/// What a slot protects, read by another thread: `pinned`, the generation, the cells, the era,
/// `pinned`, the log and its entries, the generation.
const READ: usize = (2 + CELLS + 3 + LOGGED + 1) * READS;
/// A drain, but for what it finds: a look at the list and at `pinned`; `head`, the barrier, whether its
/// failure matters (twice), `pinned`.
const DRAIN: usize = 2 + 5;
/// What it finds: an owner outside, whose slot is made inactive, `backlog`, the count; or a list that
/// is put back.
const FOUND: usize = PUT_BACK;
/// Or an owner that holds what it has published: a link that is looked at in vain, a list put back,
/// `backlog`, the count.
const FOUND_INSIDE: usize = READ + 2 + PUT_BACK + 3;
/// A slot that a batch is pushed to, but for a drain: its local, `head`; a push; `backlog` and the log's
/// length.
const SLOT: usize = 2 + PUSH + 2;
/// A chunk of the registry: `owned`, the next one.
const CHUNK: usize = 2;
/// A node that is added to the open batch: the batch (once more if it is new: two stores), the cursor
/// twice, how many there are (2), the cursor.
const ADD: usize = 3 + 2 + 2 + 1;
/// A published batch but for its slots: how many nodes there are (2), the batch, two stores; the count
/// of what was retired, the era, a fence, `pinned`, the addition.
const PUBLISH: usize = 5 + 2 + 4 + FREE_BATCH;
/// Around the publication of a full batch: the own list, outside of guards (`pinned`, a look,
/// `backlog`, `head`); the orphans (a look, taken, the rest put back); what is left to others.
const AROUND_PUBLISH: usize = 4 + 5 + PUT_BACK + BACKLOG * SHARE;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    QuietPin,
    NestedPin,
    Pin,
    PinAndFree,
    RegionLoad,
    RobustLoad,
    NestedDrop,
    Drop,
    Refresh,
    Header,
    RetireOnly,
    Retire,
    Flush,
    Leave,
}

/// What the bound of a call depends on.
#[derive(Clone, Copy)]
pub(super) struct Size {
    /// Places for threads, which are looked at in chunks.
    pub(super) slots: usize,
    /// Nodes per batch.
    pub(super) batch: usize,
    pub(super) steps: Steps,
    /// Nodes that the call has freed.
    pub(super) freed: usize,
    pub(super) robust: bool,
}

impl Size {
    fn drain(self) -> usize {
        DRAIN + if self.robust { FOUND_INSIDE } else { FOUND }
    }

    fn publish(self) -> usize {
        let slots = (SLOT + self.drain()) * self.slots;
        PUBLISH + AROUND_PUBLISH + CHUNK * self.slots.div_ceil(4) + slots
    }

    fn take(self) -> usize {
        TAKE + if self.robust { CELLS + 2 } else { 0 }
    }

    /// A batch of nodes that were taken to be freed, each out of another batch, and are added to the
    /// open one again.
    fn kept(self) -> usize {
        self.added(CAPACITY) + if self.robust { CAPACITY * QUEUE } else { 0 }
    }

    fn added(self, nodes: usize) -> usize {
        if self.robust { nodes * (2 + ADD) } else { 0 }
    }

    fn published(self, nodes: usize) -> usize {
        if self.robust { nodes.div_ceil(self.batch) * self.publish() } else { 0 }
    }

    /// Nodes that were taken to be freed, and are retired again.
    fn again(self, nodes: usize) -> usize {
        self.added(nodes) + self.published(nodes)
    }
}

impl Call {
    /// The most steps that a call may take.
    pub(super) fn bound(self, size: Size) -> usize {
        let Steps { links, batches, sent, .. } = size.steps;
        // With each batch, a list may have travelled, and the rest of it is put back.
        let all_links = LINK * links + (FREE_BATCH + PUT_BACK + 2 + SHARE) * batches;
        match self {
            Self::QuietPin => ENTER,
            Self::NestedPin | Self::RegionLoad | Self::Header | Self::Drop => 1,
            Self::Pin => ENTER + size.take() + ADOPT + all_links,
            // Once before its destructors, and once after them.
            Self::PinAndFree => {
                Self::Pin.bound(size) + AROUND_DESTRUCTORS + size.take() + size.again(CAPACITY)
            }
            Self::RobustLoad => CHECK + ROUND * ROUNDS + LAST_ROUND + 2 * GROW,
            Self::NestedDrop => 0,
            Self::Refresh => Self::Drop.bound(size) + Self::PinAndFree.bound(size),
            // The queue may be emptier than its owner knows.
            Self::RetireOnly => 1 + ADD + QUEUE + 2 + size.kept(),
            // At most as many nodes that wait as a batch has.
            Self::Retire => {
                let again = size.kept() + size.published(CAPACITY);
                1 + ADD + size.publish() + QUEUE + 2 + again + all_links
            }
            // What waits is retired again in as many batches as it sends. In robust mode it may go round
            // once more.
            Self::Flush => {
                let rounds = if size.robust { 2 } else { 1 };
                let round = size.publish() + (size.drain() + 2) * size.slots + QUEUE + 2;
                rounds * (round + size.again(sent * size.batch)) + all_links
            }
            // A round at least for each node that it has freed; what is left is sent to the orphans.
            Self::Leave => {
                let round = 2 + size.publish() + QUEUE + 2 + 1;
                2 + ADOPT
                    + (3 + size.freed) * round
                    + sent * (SEND + QUEUE)
                    + size.again(sent * size.batch)
                    + all_links
            }
        }
    }
}
