//! Guards of the robust mode: what they have loaded stays, by its address or by the era, though
//! others drain their slots meanwhile.

use std::boxed::Box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed as Std};

use loom::thread;

use super::{Kind, World, check, join, see, spawn, spawn_with_handle};
use crate::Robust;
use crate::node::{Entry, era};
use crate::sync::{AtomicPtr, Ordering};

/// A world with a node in every place.
fn world_with_more(kind: Kind) -> Arc<World<Robust>> {
    let world = World::new(kind);
    for place in &world.more {
        place.store(world.node(), Ordering::Release);
    }
    world
}

/// Loads from a place while the node there is replaced, retired and drained.
fn load_against_drain(kind: Kind) {
    check(2, move || {
        let world = World::<Robust>::new(kind);
        let handle = world.collector.register();
        let guard = handle.pin();
        let writer = spawn_with_handle(&world, World::replace);
        let first = world.load(&guard);
        let second = world.load(&guard);
        see(first);
        see(second);
        drop(guard);
        join([writer]);
        drop(handle);
        world.finish();
    });
}

/// An address that is displaced from its cell goes to the log, and the log is made larger, while a
/// drain reads.
#[test]
fn displaced_against_drain() {
    check(2, || {
        let world = world_with_more(Kind::Plain);
        let handle = world.collector.register();
        let guard = handle.pin();
        let first = world.load(&guard);
        let writer = spawn_with_handle(&world, World::replace);
        for place in &world.more {
            guard.protect(place, Ordering::Relaxed);
        }
        see(first);
        drop(guard);
        join([writer]);
        drop(handle);
        world.finish();
    });
}

/// What one section has read, and the next one has not, is freed after those reads, though a drain
/// meets the next section.
#[test]
fn next_section_against_drain() {
    check(2, || {
        let world = world_with_more(Kind::Plain);
        let handle = world.collector.register();
        let guard = handle.pin();
        let first = world.load(&guard);
        guard.protect(&world.more[0], Ordering::Relaxed);
        let writer = spawn_with_handle(&world, World::replace);
        see(first);
        drop(guard);
        let guard = handle.pin();
        guard.protect(&world.more[1], Ordering::Relaxed);
        drop(guard);
        join([writer]);
        drop(handle);
        world.finish();
    });
}

/// A load whose place changes in every round holds everything for its last one, and what that one
/// finds is published before it lets go.
#[test]
fn last_round_against_drain() {
    check(3, || {
        let world = World::<Robust>::new(Kind::Plain);
        let nodes = AtomicPtr::new(Box::into_raw(Box::new([(); 3].map(|()| world.node()))));
        let handle = world.collector.register();
        let guard = handle.pin();
        let writer = spawn_with_handle(&world, move |world, handle| {
            // SAFETY: made above, for this thread.
            let nodes = unsafe { Box::from_raw(nodes.load(Ordering::Relaxed)) };
            let mut old = [std::ptr::null_mut(); 3];
            for (old, &new) in old.iter_mut().zip(&*nodes) {
                *old = world.source.swap(new, Ordering::AcqRel);
                // To the reader, which is no preemption.
                thread::yield_now();
            }
            // SAFETY: unlinked above, once.
            old.into_iter().rev().for_each(|old| unsafe { world.retire(handle, old) });
        });
        see(world.load(&guard));
        drop(guard);
        join([writer]);
        drop(handle);
        world.finish();
    });
}

/// A guard protects a node that it has published itself, though another thread removes it at once.
fn own_publication(kind: Kind, aside: bool) {
    check(2, move || {
        let world = World::<Robust>::new(kind);
        let handle = world.collector.register();
        let writer = spawn_with_handle(&world, World::replace);
        let guard = handle.pin();
        // The node is younger than the era that the slot has from the beginning.
        era::advance();
        let new = world.node();
        if aside {
            guard.announce_aside(new);
        } else {
            guard.announce(new);
        }
        world.replace_by(&handle, &world.source, new);
        see(new);
        drop(guard);
        join([writer]);
        drop(handle);
        world.finish();
    });
}

/// Two handles of one thread: a guard has announced a node that the guard of the other handle protects,
/// and loads it; then the other guard ends. The slot of the first is drained first.
#[test]
fn announced_by_a_second_handle() {
    check(2, || {
        let world = World::<Robust>::new(Kind::Plain);
        let [first, second] = [(); 2].map(|()| world.collector.register());
        let (guard, holds) = (first.pin(), second.pin());
        let known = world.load(&holds);
        let writer = spawn_with_handle(&world, World::replace);
        // An exchange that fails announces, and publishes nothing.
        guard.announce(known);
        let node = world.load(&guard);
        drop(holds);
        see(node);
        drop(guard);
        join([writer]);
        drop((first, second));
        world.finish();
    });
}

/// Memory that was loaded, freed by hand and used again, for what a younger node with a header
/// stands for: its address is still in a cell. Whether the guard announces another node meanwhile.
fn used_again(announces: bool) {
    check(2, move || {
        let world = World::<Robust>::new(Kind::Proxy);
        let handle = world.collector.register();
        let guard = handle.pin();
        // The node of the other place has no header and is nobody's: freed by hand, in the model.
        let memory = world.make(false, std::ptr::null_mut());
        world.more[0].store(memory, Ordering::Release);
        guard.protect(&world.more[0], Ordering::Relaxed);
        world.more[0].store(std::ptr::null_mut(), Ordering::Release);
        // The clock moves.
        world.replace_once();
        let proxy = world.make(true, std::ptr::null_mut());
        // SAFETY: nodes stay allocated for the whole execution.
        unsafe { &*proxy }.child.store(memory, Ordering::Relaxed);
        world.more[1].store(memory, Ordering::Release);
        let proxy = AtomicPtr::new(proxy);
        let writer = spawn_with_handle(&world, move |world, handle| {
            world.more[1].store(std::ptr::null_mut(), Ordering::Release);
            let proxy = proxy.load(Ordering::Relaxed);
            handle.local().retire(Entry::reclaimable(proxy));
        });
        if announces {
            guard.announce_aside(world.make(false, std::ptr::null_mut()));
        }
        let node = guard.protect(&world.more[1], Ordering::Relaxed);
        if !node.is_null() {
            see(node);
        }
        drop(guard);
        join([writer]);
        drop(handle);
    });
}

/// What a place points to is freed, and its memory used again and published there, while a load looks
/// at the place twice: both times it finds the same address.
#[test]
fn used_again_during_a_load() {
    check(2, || {
        let world = World::<Robust>::new(Kind::Plain);
        let memory = world.make(false, std::ptr::null_mut());
        let place = |world: &World<Robust>, to| world.more[0].store(to, Ordering::Release);
        let ended = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let proxy = |world: &World<Robust>, ended: &Arc<AtomicBool>| {
            let (proxy, ended) = (world.make(true, std::ptr::null_mut()), Arc::clone(ended));
            // SAFETY: nodes stay allocated for the whole execution.
            let at_end = &unsafe { &*proxy }.at_end;
            *at_end.lock().expect("no panics") = Some(Box::new(move || ended.store(true, Std)));
            proxy
        };
        place(&world, memory);
        let handle = world.collector.register();
        let guard = handle.pin();
        // The first is younger than the era that the slot has from the beginning.
        era::advance();
        let first = AtomicPtr::new(proxy(&world, &ended[0]));
        let second = Arc::clone(&ended[1]);
        let writer = spawn_with_handle(&world, move |world, handle| {
            place(world, std::ptr::null_mut());
            handle.local().retire(Entry::reclaimable(first.load(Ordering::Relaxed)));
            let next = proxy(world, &second);
            place(world, memory);
            place(world, std::ptr::null_mut());
            handle.local().retire(Entry::reclaimable(next));
        });
        let found = guard.protect(&world.more[0], Ordering::Relaxed);
        join([writer]);
        let both = ended.iter().all(|ended| ended.load(Std));
        assert!(found.is_null() || !both, "whatever was found is freed under its guard");
        drop(guard);
        drop(handle);
    });
}

/// A list that is put back while the owner is inside, and is taken by another drain before who has
/// put it back is done.
#[test]
fn put_back_against_drain() {
    check(2, || {
        let world = World::<Robust>::new(Kind::Plain);
        let [reader, other] = [(); 2].map(|()| world.collector.register());
        let guard = reader.pin();
        let node = world.load(&guard);
        // What a load that loses its rounds does: drains put back what they find.
        let slot = &reader.local().slot;
        slot.pinned.hold_everything();
        let writer = spawn_with_handle(&world, World::replace);
        slot.pinned.hold_shields();
        other.flush();
        see(node);
        drop(guard);
        join([writer]);
        drop((reader, other));
        world.finish();
    });
}

/// Two retirers drain a slot whose owner is inside: one of them meets the link of the other, which
/// is not connected yet.
#[test]
fn unconnected_against_drain() {
    check(2, || {
        let world = world_with_more(Kind::Plain);
        let [reader, other] = [(); 2].map(|()| world.collector.register());
        let guard = reader.pin();
        let nodes = [world.load(&guard), guard.protect(&world.more[0], Ordering::Relaxed)];
        let writer = spawn_with_handle(&world, World::replace);
        world.replace_by(&other, &world.more[0], world.node());
        nodes.into_iter().for_each(see);
        drop(guard);
        join([writer]);
        drop((reader, other));
        world.finish();
    });
}

/// A drain that found the owner outside ends after another drain has found it inside: the mark that is
/// there then is not its own.
#[test]
fn marks_of_two_drains() {
    check(2, || {
        let world = world_with_more(Kind::Plain);
        let [owner, first] = [(); 2].map(|()| world.collector.register());
        world.read(&owner);
        let thread = spawn_with_handle(&world, move |world, second| {
            let guard = owner.pin();
            let node = world.load(&guard);
            world.replace_by(second, &world.more[1], world.node());
            world.replace(second);
            see(node);
            drop(guard);
            world.handles.lock().expect("no panics").push(owner);
        });
        world.replace_by(&first, &world.more[0], world.node());
        join([thread]);
        drop(first);
        world.finish();
    });
}

/// A thread leaves though a guard holds what it has retired.
#[test]
fn exit_though_held() {
    check(2, || {
        let world = World::<Robust>::new(Kind::Plain);
        let handle = world.collector.register();
        let guard = handle.pin();
        let node = world.load(&guard);
        let writer = spawn(&world, World::replace_once);
        see(node);
        drop(guard);
        join([writer]);
        drop(handle);
        world.finish();
    });
}

macro_rules! models {
    ($($name:ident: $call:expr;)*) => { $(#[test] fn $name() { $call; })* };
}
models! {
    load_against_drain_by_address: load_against_drain(Kind::Plain);
    load_against_drain_by_era: load_against_drain(Kind::Proxy);
    announced_by_address: own_publication(Kind::Plain, false);
    announced_by_era: own_publication(Kind::Proxy, false);
    announced_aside_by_address: own_publication(Kind::Plain, true);
    announced_aside_by_era: own_publication(Kind::Proxy, true);
    used_again_by_a_proxy: used_again(false);
    used_again_by_a_proxy_after_an_announcement: used_again(true);
}
