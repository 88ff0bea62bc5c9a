//! Batches of retired nodes, as the Hyaline family passes them on (Nikolaev & Ravindran, PLDI 2021).
//!
//! Who retires pushes one entry of a full batch on the list of every reservation that may protect
//! a node of it, and counts the pushes. Who ends a reservation takes its list and acknowledges
//! each batch in it. The last acknowledgement frees the batch: there is no scan.
//!
//! Deviation from the papers: an entry is not in its node but in an array of the batch, so that
//! live nodes pay nothing for it; and a batch without enough nodes for all reservations can be
//! filled up with empty entries, which the papers do by dummy nodes. A thread that leaves does so,
//! and leaves no batch behind. Other batches wait for more nodes, as in the papers.

use std::cell::Cell;
use std::fmt;
use std::ptr;
use std::sync::Arc;

use crate::facts::BoundInput;
use crate::parameters::{Parameter, Parameters};
use crate::parts::limbo::{self, Erased, Freeing};
use crate::sync::{AtomicIsize, AtomicPtr, AtomicU64, Ordering, Use, fence};

/// Nodes per batch, if there are not more reservations than that.
pub(crate) const BATCH: Parameter = Parameter {
    name: "batch",
    unit: "nodes",
    default: if cfg!(kovan_loom) { 1 } else { 64 },
    min: 1,
    max: 65_536,
    description: "A thread passes its retired nodes on when it has this many. If more reservations \
                  than that cover them, the batch waits for as many nodes again.",
    source: "Nikolaev & Ravindran, Snapshot-free, transparent, and robust memory reclamation for \
             lock-free data structures, PLDI 2021 (Hyaline-1)",
};

/// The source of `era_frequency` for the schemes of this family.
pub(crate) const ERAS: &str = "Nikolaev & Ravindran, PLDI 2021 (Hyaline-S: Freq)";

/// The most unreclaimed nodes, where each of so many reservations holds at most `held` nodes, each of
/// them alone in a batch.
pub(crate) fn bound(
    input: &BoundInput,
    parameters: &Parameters,
    reservations: u64,
    held: u64,
) -> u64 {
    // The largest batch: it may wait until it has an entry for each reservation.
    let batch = reservations.max(1).next_multiple_of(parameters.value(&BATCH));
    // Twice, as a thread may have stopped between taking a list and acknowledging it, and then in its
    // next guard. Where destructors use the domain, lists are acknowledged in destructors, so deep.
    let nested = if input.retired_in_destructors > 0 { u64::from(limbo::DEPTH) } else { 0 };
    let lists = reservations * (2 + nested);
    // Besides, each handle fills a batch, and places or frees one; and what destructors retire waits,
    // if they nest too deep.
    let in_hand = 2 * batch + input.retired_in_destructors;
    lists * batch * held + input.all_handles() * in_hand
}

/// A place in the list of one reservation.
#[derive(Debug)]
pub(crate) struct Entry {
    node: Option<Erased>,
    batch: *const Batch,
    /// The entry below. Written before the push, read after the list was taken.
    next: Cell<*mut Entry>,
    used: Use,
}

/// Nodes that are freed together. Of the thread that fills it; then shared; then of the thread
/// whose acknowledgement, or whose counting, was the last.
pub(crate) struct Batch {
    /// Pushes minus acknowledgements. Negative while acknowledgements are ahead of the count.
    refs: AtomicIsize,
    entries: Vec<Entry>,
    /// The oldest birth in it.
    min_birth: u64,
    /// In the list of batches whose nodes wait to be freed.
    next: *mut Batch,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

/// A `head` of a reservation that protects nothing.
fn inactive() -> *mut Entry {
    ptr::without_provenance_mut(align_of::<Entry>() - 1)
}

/// What a thread protects, and the batches that wait for it.
#[derive(Debug)]
pub(crate) struct Reservation {
    head: AtomicPtr<Entry>,
    /// Nodes born later are not protected. Only grows, also over owners. Schemes without eras
    /// leave it 0, as they leave births.
    era: AtomicU64,
}

impl Default for Reservation {
    fn default() -> Self {
        Self { head: AtomicPtr::new(inactive()), era: AtomicU64::new(0) }
    }
}

/// Batches taken from a reservation, to be acknowledged.
#[derive(Debug)]
#[must_use]
pub(crate) struct List(*mut Entry);

impl List {
    /// Returns whether there is nothing to acknowledge.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }
}

impl Reservation {
    /// Begins a reservation, in the era it had. Owner only.
    #[inline]
    pub(crate) fn activate(&self) {
        self.head.store(ptr::null_mut(), Ordering::Relaxed);
        // SeqCst: between this store and the owner's loads; pairs with the fence in `place`. If
        // ours is first, the retirer sees it active; if theirs is first, the loads see the unlinks.
        fence(Ordering::SeqCst);
    }

    /// Moves a reservation to a later era. Owner only.
    #[inline]
    pub(crate) fn renew(&self, era: u64) {
        self.era.store(era, Ordering::Relaxed);
        // SeqCst: as in `activate`, for the era.
        fence(Ordering::SeqCst);
    }

    /// Takes the list of a reservation that goes on, or begins one; to be followed by `renew`.
    /// Owner only, who uses nothing any more that it protected.
    #[inline]
    pub(crate) fn restart(&self) -> List {
        let head = self.head.load(Ordering::Relaxed);
        if head.is_null() {
            return List(ptr::null_mut());
        }
        if head == inactive() {
            // A store will do, as nobody pushes on one that has ended. Relaxed, as in `activate`: the fence of
            // `renew` follows. (A retirer that sees it beside an older era passes over nothing that this
            // reservation may have protected before: its fence came before the one of the later era.)
            self.head.store(ptr::null_mut(), Ordering::Relaxed);
            return List(ptr::null_mut());
        }
        // One exchange, and no store after it: an entry that is pushed in between would be lost,
        // and its batch never acknowledged.
        self.take(ptr::null_mut())
    }

    /// Returns whether it has begun, and not ended. Owner only, for whom nobody else changes that.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.head.load(Ordering::Relaxed) != inactive()
    }

    /// Returns whether it is active in this era. Owner only, who wrote both.
    #[inline]
    pub(crate) fn is_in(&self, era: u64) -> bool {
        self.era.load(Ordering::Relaxed) == era && self.is_active()
    }

    /// Ends a reservation. Owner only.
    #[inline]
    pub(crate) fn deactivate(&self) -> List {
        self.take(inactive())
    }

    fn take(&self, head: *mut Entry) -> List {
        // Acquire: pairs with the release of `push`: the unlinks of the nodes of these batches are
        // before our next loads. Release: our reads are before a free by who finds it inactive.
        let list = self.head.swap(head, Ordering::AcqRel);
        List(if list == inactive() { ptr::null_mut() } else { list })
    }

    /// Returns whether it may protect a node born in `min_birth` or later. After the fence of `place`.
    #[inline]
    fn covers(&self, min_birth: u64) -> bool {
        // Acquire: pairs with the release of `take`, if it is inactive: its owner's reads are
        // before the free that does not wait for it.
        self.head.load(Ordering::Acquire) != inactive()
            && self.era.load(Ordering::Relaxed) >= min_birth
    }

    /// Pushes, unless the reservation has ended. Lock-free.
    fn push(&self, entry: *mut Entry) -> bool {
        // Acquire: as in `covers`.
        let mut head = self.head.load(Ordering::Acquire);
        while head != inactive() {
            // SAFETY: not pushed yet, so the caller's own.
            let own = unsafe { &*entry };
            own.used.alone();
            own.next.set(head);
            // Release: pairs with `take`. Pushes below are in the release sequence of this one.
            match self.head.compare_exchange_weak(head, entry, Ordering::Release, Ordering::Acquire)
            {
                Ok(_) => return true,
                Err(other) => head = other,
            }
        }
        false
    }
}

/// The batches of a domain that no reservation holds and that wait to be freed: destructors nest
/// only so deep.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    head: AtomicPtr<Batch>,
}

impl Ready {
    /// Acknowledges every batch of a list, and frees those that were only waiting for that.
    #[inline]
    pub(crate) fn acknowledge(&self, list: List) {
        let mut entry = list.0;
        while !entry.is_null() {
            // SAFETY: an entry lives in its batch, which waits for this acknowledgement.
            let taken = unsafe { &*entry };
            taken.used.shared();
            let (next, batch) = (taken.next.get(), taken.batch);
            // AcqRel: Release orders this thread's reads before the free; Acquire, in the last
            // one, takes over those of all others. Partners: itself, and the count in `place`.
            // SAFETY: as above; others may free the batch right after.
            if unsafe { (*batch).refs.fetch_sub(1, Ordering::AcqRel) } == 1 {
                // SAFETY: the last one; from `Box::into_raw` in `place`.
                self.free(unsafe { Box::from_raw(batch.cast_mut()) });
            }
            entry = next;
        }
    }

    /// Frees the nodes of a batch, or leaves it to an outer call of this thread or to a later one.
    fn free(&self, batch: Box<Batch>) {
        let Some(_freeing) = Freeing::enter() else { return self.leave(Box::into_raw(batch)) };
        // SAFETY: nobody holds the batch any more.
        unsafe { batch.free() };
        self.finish();
    }

    fn leave(&self, batch: *mut Batch) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: ours, not published yet.
            unsafe { (*batch).next = head };
            // Release: pairs with the acquire of `finish`.
            match self.head.compare_exchange_weak(head, batch, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(other) => head = other,
            }
        }
    }

    /// Frees what was left.
    fn finish(&self) {
        while !self.head.load(Ordering::Relaxed).is_null() {
            // Acquire: pairs with the release of `leave`.
            let mut batch = self.head.swap(ptr::null_mut(), Ordering::Acquire);
            while !batch.is_null() {
                // SAFETY: from `Box::into_raw`; the swap took the list, so it is ours alone.
                let taken = unsafe { Box::from_raw(batch) };
                batch = taken.next;
                // SAFETY: nobody holds the batch any more.
                unsafe { taken.free() };
            }
        }
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Batch {
    fn new(capacity: usize) -> Box<Self> {
        Box::new(Self {
            refs: AtomicIsize::new(0),
            entries: Vec::with_capacity(capacity),
            min_birth: u64::MAX,
            next: ptr::null_mut(),
        })
    }

    #[inline]
    fn add(&mut self, node: Option<Erased>) {
        let next = Cell::new(ptr::null_mut());
        self.entries.push(Entry { node, batch: ptr::null(), next, used: Use::default() });
    }

    /// # Safety
    /// No reservation protects a node of it.
    unsafe fn free(mut self) {
        self.entries.iter().for_each(|entry| entry.used.alone());
        for node in self.entries.drain(..).filter_map(|entry| entry.node) {
            // SAFETY: 1: retired once, and freed with its only batch. 2: caller.
            unsafe { node.free() };
        }
    }
}

/// The batch that a thread fills.
pub(crate) struct Batcher {
    open: Cell<Option<Box<Batch>>>,
    /// The nodes that fill a batch, if they are enough for the reservations.
    nodes: usize,
    /// The length of the open batch at which it is to be placed.
    due: Cell<usize>,
    /// Kept for its capacity; empty between placements.
    eligible: Cell<Vec<*const Reservation>>,
    pub(crate) ready: Arc<Ready>,
}

impl Batcher {
    /// A batcher of the domain whose batches wait there.
    pub(crate) fn new(ready: &Arc<Ready>, parameters: &Parameters) -> Self {
        let (open, eligible) = (Cell::default(), Cell::default());
        let nodes = parameters.value(&BATCH) as usize;
        Self { open, nodes, due: Cell::new(nodes), eligible, ready: Arc::clone(ready) }
    }

    /// Adds a node. Returns whether the batch is to be placed.
    #[inline]
    pub(crate) fn add(&self, node: Erased, birth: u64) -> bool {
        let mut batch = self.open.take().unwrap_or_else(|| Batch::new(self.nodes));
        batch.min_birth = batch.min_birth.min(birth);
        batch.add(Some(node));
        let full = batch.entries.len() >= self.due.get();
        self.open.set(Some(batch));
        full
    }

    /// Passes the batch on to the reservations that cover a node of it. If they are more than its
    /// entries, it gets empty ones (`pad`), or it stays open until as many nodes came again.
    ///
    /// Lock-free; one step for each reservation and each failed exchange.
    pub(crate) fn place<'a>(&self, pad: bool, all: impl Iterator<Item = &'a Reservation>) {
        let Some(mut batch) = self.open.take() else { return };
        // SeqCst: between the unlinks and the reads of the reservations; pairs with the fences in
        // `activate` and `renew`, which say what follows. All are read before the first push: the
        // batch must not be shared if it turns out too small.
        fence(Ordering::SeqCst);
        let mut eligible = self.eligible.take();
        eligible.extend(all.filter(|r| r.covers(batch.min_birth)).map(ptr::from_ref));
        if batch.entries.len() < eligible.len() {
            if !pad {
                eligible.clear();
                self.eligible.set(eligible);
                self.due.set(batch.entries.len() + self.nodes);
                return self.open.set(Some(batch));
            }
            (batch.entries.len()..eligible.len()).for_each(|_| batch.add(None));
        }
        self.due.set(self.nodes);
        let batch = Box::into_raw(batch);
        // SAFETY: not shared yet.
        let entries = unsafe {
            (*batch).entries.iter_mut().for_each(|entry| entry.batch = batch);
            (*batch).entries.as_mut_ptr()
        };
        let mut pushed = 0;
        for (at, reservation) in eligible.drain(..).enumerate() {
            // SAFETY: reservations live as long as their registry, which the caller borrows. There
            // are as many entries at least. A batch is not freed before its pushes are counted.
            pushed += isize::from(unsafe { (*reservation).push(entries.add(at)) });
        }
        self.eligible.set(eligible);
        // AcqRel: Release hands the batch to the last acknowledgement; Acquire takes over what was
        // read before the acknowledgements, if those came first.
        // SAFETY: not freed before this count, which is the last use unless it makes zero.
        if unsafe { (*batch).refs.fetch_add(pushed, Ordering::AcqRel) } == -pushed {
            // SAFETY: all pushes were acknowledged, and this thread has it alone.
            self.ready.free(unsafe { Box::from_raw(batch) });
        }
    }
}

impl fmt::Debug for Batcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").finish_non_exhaustive()
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        debug_assert!(self.open.take().is_none(), "a thread left without placing its batch");
    }
}
