//! Whole threads, in both modes: registration, pins, retirements, drains and exits. In the robust
//! mode with nodes that are protected by their address, and with nodes that are protected by the
//! era.

use std::sync::{Arc, Mutex};

use super::{Kind, World, check, join, see, spawn};
use crate::{Guard, Mode, Region, Robust};

/// The preemptions that a model has in each mode: programs of the robust one are longer, and those
/// with two nodes in the place of one even more.
fn preemptions<M: Mode>(kind: Kind, region: usize, robust: usize) -> usize {
    if M::ROBUST { robust - usize::from(kind == Kind::Proxy) } else { region }
}

/// A reader that registers and pins for the first time, and again, against a retirer.
fn pin_against_retire<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 4, 3), move || {
        let world = World::<M>::new(kind);
        let reader = spawn(&world, |world| {
            let handle = world.collector.register();
            world.read(&handle);
            world.read(&handle);
        });
        world.replace_once();
        join([reader]);
        world.finish();
    });
}

/// A reader that is the last to let go of a batch returns it to its retirer, who pins, and leaves.
fn return_against_pin<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 3, 3), move || {
        let world = World::<M>::new(kind);
        let handle = world.collector.register();
        world.read(&handle);
        let reader = spawn(&world, |world| {
            let handle = world.collector.register();
            world.read(&handle);
            world.read(&handle);
        });
        world.replace(&handle);
        world.read(&handle);
        drop(handle);
        join([reader]);
        world.finish();
    });
}

/// A reader that has an active slot already, against a retirer that drains it.
fn pin_against_drain<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 4, 3), move || {
        let world = World::<M>::new(kind);
        let handle = world.collector.register();
        world.read(&handle);
        let writer = spawn(&world, World::replace_once);
        world.read(&handle);
        drop(handle);
        join([writer]);
        world.finish();
    });
}

/// Two retirers push on one slot, and drain it, while its owner pins: links are cut and connected,
/// and each of them takes a list for its mark.
fn push_against_push<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 2, 1), move || {
        let world = World::<M>::new(kind);
        let handle = world.collector.register();
        world.read(&handle);
        let writers = [(); 2].map(|()| spawn(&world, World::replace_once));
        world.read(&handle);
        drop(handle);
        join(writers);
        world.finish();
    });
}

/// A slot changes hands while a retirer pushes on it: the one that leaves clears its bit, and its
/// reads come before a free that does not wait for it.
fn push_against_exit<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 4, 2), move || {
        let world = World::<M>::new(kind);
        let first = world.collector.register();
        world.read(&first);
        let writer = spawn(&world, World::replace_once);
        drop(first);
        let second = world.collector.register();
        world.read(&second);
        drop(second);
        join([writer]);
        world.finish();
    });
}

/// A thread registers, reads and leaves while another one publishes, which may find the bit and no
/// local yet, or no bit any more.
fn leave_against_publish<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 4, 3), move || {
        let world = World::<M>::new(kind);
        let reader = spawn(&world, |world| world.read(&world.collector.register()));
        let handle = world.collector.register();
        world.replace(&handle);
        world.replace(&handle);
        drop(handle);
        join([reader]);
        world.finish();
    });
}

/// A thread flushes, and so drains, while its neighbour reads in two sections.
fn flush_against_sections<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 3, 2), move || {
        let world = World::<M>::new(kind);
        let handle = world.collector.register();
        world.read(&handle);
        let writer = spawn(&world, |world| {
            let handle = world.collector.register();
            world.replace(&handle);
            handle.flush();
        });
        world.read(&handle);
        world.read(&handle);
        drop(handle);
        join([writer]);
        world.finish();
    });
}

/// A destructor that runs as a thread leaves keeps a guard: the local is left with that guard.
fn exit_keeps_a_guard<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 3, 2), move || {
        let world = World::<M>::with_batches_of(2, kind);
        let kept = Arc::new(Mutex::new(None));
        let handle = world.collector.register();
        let local = std::ptr::from_ref(handle.local());
        // A node whose end pins by the local that is just leaving, as a default handle does.
        let trigger = world.make(false, std::ptr::null_mut());
        let (keep, of) = (Arc::clone(&kept), Arc::downgrade(&world));
        // SAFETY: nodes stay allocated for the whole execution.
        *unsafe { &*trigger }.at_end.lock().expect("no panics") =
            Some(std::boxed::Box::new(move || {
                // SAFETY: the local that runs this is in use.
                let guard = unsafe { Guard::<M>::pin(local) };
                let world = of.upgrade().expect("the world is there");
                let node = world.load(&guard);
                *keep.lock().expect("no panics") = Some((guard, node));
            }));
        // SAFETY: never linked, and retired once.
        unsafe { world.retire(&handle, trigger) };
        // Without a flush, which would free for the thread that leaves.
        let writer = spawn(&world, World::replace_once);
        drop(handle);
        let (guard, node) = kept.lock().expect("no panics").take().expect("a guard was kept");
        see(node);
        drop(guard);
        join([writer]);
        world.finish();
    });
}

/// A thread retires what its own guard has loaded, and flushes under that guard.
fn retire_under_own_guard<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 1, 1), move || {
        let world = World::<M>::new(kind);
        let handle = world.collector.register();
        let guard = handle.pin();
        let node = world.load(&guard);
        world.replace(&handle);
        handle.flush();
        see(node);
        drop(guard);
        drop(handle);
        world.finish();
    });
}

/// What a thread could not free as it left is taken by one of two others.
fn orphans_against_adopters<M: Mode>(kind: Kind) {
    check(preemptions::<M>(kind, 1, 1), move || {
        let world = World::<M>::new(kind);
        let reader = world.collector.register();
        let guard = reader.pin();
        let node = world.load(&guard);
        // The batch of the node comes back with the node kept, or waits in the slot.
        world.replace_once();
        let flush = |world: &World<M>| world.collector.register().flush();
        let others = [(); 2].map(|()| spawn(&world, flush));
        see(node);
        drop(guard);
        drop(reader);
        join(others);
        world.finish();
    });
}

macro_rules! models {
    ($mode:ident, $nodes:ident: $($name:ident),*) => {
        $(#[test] fn $name() { super::$name::<super::$mode>(super::Kind::$nodes); })*
    };
}

mod region {
    models!(Region, Plain: pin_against_retire, return_against_pin, pin_against_drain);
    models!(Region, Plain: push_against_push, push_against_exit, leave_against_publish);
    models!(Region, Plain: flush_against_sections, exit_keeps_a_guard, orphans_against_adopters);
    models!(Region, Plain: retire_under_own_guard);
}
mod robust {
    models!(Robust, Plain: pin_against_retire, return_against_pin, pin_against_drain);
    models!(Robust, Plain: push_against_push, push_against_exit, leave_against_publish);
    models!(Robust, Plain: flush_against_sections, exit_keeps_a_guard, orphans_against_adopters);
    models!(Robust, Plain: retire_under_own_guard);
}
mod robust_by_era {
    models!(Robust, Proxy: pin_against_retire, return_against_pin, pin_against_drain);
}
