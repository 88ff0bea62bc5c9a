//! The programs: three to six threads with several operations each.

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use std::prelude::v1::*;
use std::vec;

use super::check;
use super::world::{Actor, Kind, World};
use crate::sync::Ordering;
use crate::{Free, Mode, Region, Robust};

/// Schedules of each kind for each program and mode.
const SCHEDULES: usize = 1000;

/// Nested sections and several loads, against threads that replace and flush.
fn readers_and_writers<M: Mode>() {
    check(SCHEDULES, || {
        let world = World::<M>::any();
        let mut threads = Vec::new();
        for _ in 0..2 {
            threads.push(world.spawn(|world| {
                let actor = Actor::new(world);
                for _ in 0..3 {
                    let mut outer = actor.section();
                    outer.load(world.place());
                    actor.read();
                    outer.load(world.place());
                }
            }));
            threads.push(world.spawn(|world| {
                let actor = Actor::new(world);
                (0..4).for_each(|_| actor.replace());
                actor.handle.flush();
                actor.replace();
            }));
        }
        world.finish(threads);
    });
}

/// Threads that read once and are idle then are drained, and read again.
fn idle_after_a_section<M: Mode>() {
    check(SCHEDULES, || {
        let world = World::<M>::any();
        let mut threads = Vec::new();
        for _ in 0..2 {
            threads.push(world.spawn(|world| {
                let actor = Actor::new(world);
                for _ in 0..3 {
                    actor.read();
                    (0..8).for_each(|_| thread::yield_now());
                }
            }));
            threads.push(world.spawn(|world| {
                let actor = Actor::new(world);
                for _ in 0..3 {
                    actor.replace();
                    actor.drain();
                }
            }));
        }
        world.finish(threads);
    });
}

/// Threads leave and others take over their slots, while retirers push and drain there.
fn slots_change_hands<M: Mode>() {
    check(SCHEDULES, || {
        let world = World::<M>::any();
        let mut threads: Vec<_> = (0..3)
            .map(|_| {
                world.spawn(|world| {
                    for _ in 0..3 {
                        let actor = Actor::new(world);
                        actor.read();
                        actor.replace();
                    }
                })
            })
            .collect();
        threads.push(world.spawn(|world| {
            let actor = Actor::new(world);
            (0..4).for_each(|_| actor.replace());
        }));
        world.finish(threads);
    });
}

/// A guard outlives its handle: the thread leaves with its last guard.
fn guards_without_a_handle<M: Mode>() {
    check(SCHEDULES, || {
        let world = World::<M>::any();
        let threads = (0..3).map(|_| {
            world.spawn(|world| {
                for _ in 0..2 {
                    let actor = Actor::new(world);
                    actor.replace();
                    let new = [(); 2].map(|()| world.node(None));
                    let mut outer = actor.section();
                    let mut inner = actor.section();
                    outer.load(world.place());
                    drop(actor);
                    inner.load(world.place());
                    let next = Actor::new(world);
                    inner.replace(&next, world.place(), new[0]);
                    drop(inner);
                    outer.load(world.place());
                    outer.replace(&next, world.place(), new[1]);
                    outer.guard.flush();
                    outer.refresh();
                    outer.load(world.place());
                }
            })
        });
        let threads = threads.collect();
        world.finish(threads);
    });
}

/// Destructors that retire: in a pin, in a flush, as a thread leaves, and with the collector.
fn destructors_that_retire<M: Mode>() {
    check(SCHEDULES, || {
        let world = World::<M>::any();
        let threads = (0..3).map(|_| {
            world.spawn(|world| {
                let actor = Actor::new(world);
                for _ in 0..3 {
                    actor.replace_with_parent();
                    actor.read();
                }
                actor.handle.flush();
                actor.replace_with_parent();
            })
        });
        let threads = threads.collect();
        world.finish(threads);
    });
}

/// A long section, renewed now and then, while others replace what it reads and drain it.
fn a_long_section<M: Mode>() {
    check(SCHEDULES, || {
        let world = World::<M>::any();
        let mut threads: Vec<_> = (0..2)
            .map(|_| {
                world.spawn(|world| {
                    let actor = Actor::new(world);
                    for _ in 0..3 {
                        (0..2).for_each(|_| actor.replace());
                        actor.drain();
                    }
                })
            })
            .collect();
        threads.push(world.spawn(|world| {
            let actor = Actor::new(world);
            let mut section = actor.section();
            for round in 0..6 {
                section.load(world.place());
                if round % 2 == 1 {
                    section.refresh();
                }
            }
        }));
        world.finish(threads);
    });
}

/// One thread moves the era clock all the time, others replace nodes that are born late, and a
/// reader stays behind and loads again.
fn births<M: Mode>() {
    check(SCHEDULES, || {
        let world = World::<M>::new(2, Free::Amortised(1));
        let kind = if M::ROBUST { Kind::ByProxy } else { Kind::Plain };
        let mut threads = vec![
            world.spawn(move |world| {
                let actor = Actor::new(world);
                for _ in 0..10 {
                    let node = world.node_of(kind, None);
                    // SAFETY: never linked.
                    unsafe { world.retire(&actor.handle, node) };
                }
            }),
            world.spawn(|world| {
                let actor = Actor::new(world);
                let mut stays = actor.section();
                stays.load(world.place());
                (0..20).for_each(|_| thread::yield_now());
                stays.load(world.place());
            }),
            world.spawn(|world| {
                let actor = Actor::new(world);
                (0..4).for_each(|_| actor.read());
            }),
        ];
        for _ in 0..2 {
            threads.push(world.spawn(move |world| {
                let actor = Actor::new(world);
                for _ in 0..5 {
                    let new = world.node_of(kind, None);
                    actor.section().replace(&actor, world.place(), new);
                }
                actor.handle.flush();
            }));
        }
        world.finish(threads);
    });
}

/// Readers that stay in one section for long and load what others replace: drains keep what they
/// have loaded, their logs grow, and lists are put back.
fn stalled_readers<M: Mode>() {
    check(SCHEDULES, || {
        let world = World::<M>::any();
        let mut threads = Vec::new();
        for _ in 0..2 {
            threads.push(world.spawn(|world| {
                let actor = Actor::new(world);
                for _ in 0..2 {
                    let mut section = actor.section();
                    for _ in 0..6 {
                        section.load(world.place());
                        (0..4).for_each(|_| thread::yield_now());
                    }
                }
            }));
        }
        for _ in 0..3 {
            threads.push(world.spawn(|world| {
                let actor = Actor::new(world);
                (0..6).for_each(|_| actor.replace());
                actor.drain();
            }));
        }
        world.finish(threads);
    });
}

/// Six threads that do anything.
fn anything<M: Mode>() {
    check(SCHEDULES, || {
        let world = World::<M>::any();
        let threads = (0..6).map(|_| world.spawn(do_anything)).collect();
        world.finish(threads);
    });
}

fn do_anything<M: Mode>(world: &World<M>) {
    for _ in 0..thread_rng().gen_range(1..3) {
        let actor = Actor::new(world);
        for _ in 0..thread_rng().gen_range(1..5) {
            match thread_rng().gen_range(0..8) {
                0 | 1 => actor.read(),
                2 => actor.replace(),
                3 => actor.replace_with_parent(),
                4 => actor.handle.flush(),
                5 => actor.drain(),
                6 => {
                    let mut section = actor.section();
                    section.load(world.place());
                    actor.replace();
                    section.refresh();
                    section.load(world.place());
                }
                _ => (0..5).for_each(|_| thread::yield_now()),
            }
        }
        if thread_rng().r#gen() {
            let mut last = actor.section();
            drop(actor);
            last.load(world.place());
        }
    }
}

/// A region protects what is reached through a node that was unlinked under it: a chain of nodes
/// is taken apart from its front, each node retired with its link still in it.
#[test]
fn walk_through_unlinked_nodes() {
    check(SCHEDULES, || {
        let world = World::<Region>::any();
        let writer = |world: &World<Region>| {
            let actor = Actor::new(world);
            for _ in 0..3 {
                let mut section = actor.section();
                let nodes = [(); 3].map(|()| world.node(None));
                for pair in nodes.windows(2) {
                    // SAFETY: nodes stay allocated until the end.
                    unsafe { &*pair[0] }.next.store(pair[1], Ordering::Release);
                }
                section.replace(&actor, &world.places[0], nodes[0]);
                section.replace(&actor, &world.places[0], nodes[1]);
                actor.handle.flush();
                section.replace(&actor, &world.places[0], nodes[2]);
            }
        };
        let mut threads = vec![world.spawn(writer)];
        for _ in 0..3 {
            threads.push(world.spawn(|world| {
                let actor = Actor::new(world);
                for _ in 0..2 {
                    let mut section = actor.section();
                    let mut node = section.load(&world.places[0]);
                    // SAFETY: nodes stay allocated until the end.
                    while let Some(found) = unsafe { node.as_ref() } {
                        node = section.load(&found.next);
                    }
                }
            }));
        }
        world.finish(threads);
    });
}

macro_rules! programs {
    ($($name:ident),*) => {
        mod region {
            $(#[test] fn $name() { super::$name::<super::Region>(); })*
        }
        mod robust {
            $(#[test] fn $name() { super::$name::<super::Robust>(); })*
        }
    };
}
programs!(
    readers_and_writers,
    idle_after_a_section,
    slots_change_hands,
    guards_without_a_handle,
    destructors_that_retire,
    a_long_section,
    births,
    stalled_readers,
    anything
);
