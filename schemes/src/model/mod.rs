//! Model checks of the schemes: loom explores the interleavings and the reorderings that the
//! memory model allows. `ci/scheme-models` runs them, `docs/SCHEME-MODELS.md` says what they show.
//!
//! Every node holds a cell that readers read and its destructor writes, so a read that a free does
//! not wait for is a failure, as is a node that is freed twice or never. Constants are small: a
//! scan, an advance, a batch or a step of the clock at each occasion, one cell per chunk.
//!
//! These are the programs, generic over the schemes. Each node is read by some threads, and
//! unlinked, retired and freed by others.

mod limbo;
mod world;

use crate::reclaimer::Reclaimer;
use crate::schemes::{
    Crystalline, Debra, DebraAf, EbrList, GuardCount, HazardEras, HpAsym, HpNaive, Hyaline1,
    Hyaline1S, Ibr, Qsbr, Token, TokenAf, Wfe,
};
use crate::variants::WfePending;
use world::{World, check};

/// Loads of `wfe` that are pending after two tries, so that they meet those that are not.
type WfeBoth = crate::wfe::Scheme<2>;

/// A thread that registers and reads, against one that replaces what it reads.
fn protect_against_retire<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let reader = world.spawn(|world| world.member().section(&[0]));
        world.member().replace_and_flush(&[0]);
        world.finish([reader]);
    });
}

/// One shield for two places, one after the other, against one that replaces both.
fn move_against_retire<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let member = world.member();
        member.section(&[1]);
        let writer = world.spawn(|world| world.member().replace_and_flush(&[0, 1]));
        member.section(&[0, 1]);
        drop(member);
        world.finish([writer]);
    });
}

/// One guard that holds two nodes, with a shield each, against one that replaces both.
fn hold_against_retire<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let member = world.member();
        let writer = world.spawn(|world| world.member().replace_and_flush(&[0, 1]));
        member.hold();
        drop(member);
        world.finish([writer]);
    });
}

/// A reader with two guards, that moves the clock in between, against one that replaces what they read.
fn again_against_retire<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let member = world.member();
        let writer = world.spawn(|world| world.member().replace_and_flush(&[0]));
        member.section(&[0]);
        member.age();
        member.section(&[0]);
        drop(member);
        world.finish([writer]);
    });
}

/// A node that may be two eras younger than the clock that its reader saw, and is replaced.
fn age_against_protect<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let writer = world.spawn(|world| {
            let member = world.member();
            member.age();
            member.replace(0);
            member.replace(0);
        });
        world.member().section(&[0]);
        world.finish([writer]);
    });
}

/// A place that is replaced twice: what is read there may be younger than the reader's era.
fn birth_against_protect<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let member = world.member();
        member.section(&[0]);
        let writer = world.spawn(|world| {
            let member = world.member();
            member.replace_and_flush(&[0]);
            member.replace_and_flush(&[0]);
        });
        member.section(&[0]);
        drop(member);
        world.finish([writer]);
    });
}

/// A reader that first tries to free, which moves epochs, against one that began long before.
fn flush_against_retire<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let reader = world.spawn(|world| {
            let member = world.member();
            member.flush();
            member.section(&[0]);
        });
        world.member().replace_and_flush(&[0]);
        world.finish([reader]);
    });
}

/// A thread that leaves what it retired to another, which frees it, against a reader.
fn exit_against_protect<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let member = world.member();
        let reader = world.spawn(|world| world.member().section(&[0]));
        let leaver = world.spawn(|world| world.member().replace(0));
        member.flush();
        drop(member);
        world.finish([reader, leaver]);
    });
}

/// The same with two threads: one leaves, the other reads, and then frees what that one made too.
fn exit_against_flush<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let leaver = world.spawn(|world| {
            let member = world.member();
            member.replace(0);
            member.replace(0);
        });
        let member = world.member();
        member.section(&[0]);
        member.flush();
        drop(member);
        world.finish([leaver]);
    });
}

/// Two threads that leave what they retired at the same time.
fn leave_against_leave<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let leaver = world.spawn(|world| world.member().replace(0));
        world.member().replace(1);
        world.finish([leaver]);
    });
}

/// A thread leaves, and another takes what it had in the registry, against one that frees.
fn reuse_against_retire<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let readers = [(); 2].map(|()| world.spawn(|world| world.member().section(&[0])));
        world.member().replace_and_flush(&[0]);
        world.finish(readers);
    });
}

/// Two threads that retire, against a reader whose section ends.
fn push_against_push<R: Reclaimer>(preemptions: usize) {
    check(preemptions, || {
        let world = World::<R>::new();
        let member = world.member();
        let writers = [0, 1]
            .map(|place| world.spawn(move |world| world.member().replace_and_flush(&[place])));
        member.section(&[0, 1]);
        drop(member);
        world.finish(writers);
    });
}

macro_rules! models {
    ($($module:ident: $scheme:ident { $($name:ident $preemptions:literal,)* })*) => {
        $(mod $module {
            $(#[test] fn $name() { super::$name::<super::$scheme>($preemptions); })*
        })*
    };
}
models! {
    hp_naive: HpNaive {
        protect_against_retire 4, move_against_retire 4, hold_against_retire 3,
        exit_against_protect 3, exit_against_flush 4, reuse_against_retire 2,
        again_against_retire 3,
    }
    hp_asym: HpAsym { protect_against_retire 4, move_against_retire 4, }
    debra: Debra {
        protect_against_retire 3, move_against_retire 2, flush_against_retire 1,
        exit_against_flush 2,
    }
    debra_af: DebraAf { protect_against_retire 2, }
    qsbr: Qsbr {
        protect_against_retire 3, move_against_retire 3, flush_against_retire 1,
        exit_against_flush 2, again_against_retire 3, leave_against_leave 3,
    }
    token: Token {
        protect_against_retire 4, move_against_retire 4, flush_against_retire 3,
        exit_against_protect 3, exit_against_flush 3, leave_against_leave 3,
        reuse_against_retire 1, again_against_retire 3, push_against_push 2,
    }
    guard_count: GuardCount {
        protect_against_retire 4, move_against_retire 4, flush_against_retire 3,
        exit_against_protect 3, exit_against_flush 3, leave_against_leave 3,
        reuse_against_retire 2, again_against_retire 3, push_against_push 2,
    }
    token_af: TokenAf { protect_against_retire 2, exit_against_flush 2, }
    hyaline_1: Hyaline1 {
        protect_against_retire 4, move_against_retire 4, exit_against_protect 2,
        exit_against_flush 4, reuse_against_retire 2, push_against_push 1,
        again_against_retire 3,
    }
    hyaline_1s: Hyaline1S {
        protect_against_retire 4, move_against_retire 3, hold_against_retire 3,
        birth_against_protect 3, exit_against_protect 2, exit_against_flush 3,
        reuse_against_retire 2, push_against_push 1, again_against_retire 3,
        age_against_protect 3,
    }
    crystalline: Crystalline {
        protect_against_retire 4, move_against_retire 3, hold_against_retire 2,
        birth_against_protect 3, exit_against_protect 3, exit_against_flush 3,
        reuse_against_retire 2, push_against_push 2, again_against_retire 3,
        age_against_protect 3,
    }
    hazard_eras: HazardEras {
        protect_against_retire 4, move_against_retire 3, hold_against_retire 2,
        birth_against_protect 3, exit_against_protect 2, exit_against_flush 3,
        reuse_against_retire 1, again_against_retire 3, age_against_protect 3,
    }
    ibr: Ibr {
        protect_against_retire 3, hold_against_retire 3, birth_against_protect 3,
        exit_against_protect 1, exit_against_flush 3, reuse_against_retire 1,
        again_against_retire 3, age_against_protect 3,
    }
    ebr_list: EbrList {
        protect_against_retire 4, move_against_retire 3, birth_against_protect 3,
        exit_against_protect 2, exit_against_flush 3, reuse_against_retire 1,
        again_against_retire 3,
    }
    wfe: Wfe {
        protect_against_retire 3, move_against_retire 3, hold_against_retire 1,
        birth_against_protect 3, reuse_against_retire 1, age_against_protect 3,
    }
    wfe_both: WfeBoth { move_against_retire 3, birth_against_protect 3, }
    wfe_pending: WfePending {
        protect_against_retire 3, move_against_retire 3, hold_against_retire 2,
        birth_against_protect 3, exit_against_flush 2, reuse_against_retire 1,
        age_against_protect 3,
    }
}
