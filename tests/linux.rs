//! What Linux may do to a program: forbid a system call after its start, and fork it.
#![cfg(all(feature = "std", target_os = "linux", not(miri)))]
#![cfg(not(any(kovan_shuttle, kovan_tsan)))] // Other atomics; no threads in a forked child.
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

mod common;

use common::turn;
use kovan::Collector;

/// Long enough for a busy machine. Nothing here waits for it unless it fails.
const PATIENCE: Duration = Duration::from_secs(120);

fn retire(times: usize) {
    for _ in 0..times {
        unsafe { kovan::retire(Box::into_raw(Box::new(0_u64))) };
    }
}

/// Starts a thread that pins once and sleeps as long as the process.
fn start_sleeper() {
    let (ready, wait) = channel();
    thread::spawn(move || {
        drop(kovan::pin());
        ready.send(()).unwrap();
        loop {
            thread::park();
        }
    });
    wait.recv().unwrap();
}

/// Runs the test of this name once more, as a process of its own. In that process it returns.
#[cfg(target_arch = "x86_64")]
fn in_a_process_of_its_own(test: &str) -> bool {
    const CHILD: &str = "KOVAN_TEST_IN_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads", "1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = [child.stdout, child.stderr].concat();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&text));
    false
}

/// Lets the kernel refuse `membarrier` to this thread and those that it starts, as a sandbox does
/// that a program enters after its start.
#[cfg(target_arch = "x86_64")]
fn forbid_membarrier() {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let give = (libc::BPF_RET | libc::BPF_K) as u16;
    let mut program = [
        step(load, 0, 0, 0), // The number of the call.
        step(equal, 0, 1, libc::SYS_membarrier as u32),
        step(give, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        step(give, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter),
            0
        );
        let answer =
            libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
        assert_eq!(answer, -1, "not forbidden");
    }
}

/// Threads that sleep hold nothing, though the barrier that finds them outside of guards is gone.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_sandbox_that_is_entered_later_does_not_end_reclamation() {
    if !in_a_process_of_its_own("a_sandbox_that_is_entered_later_does_not_end_reclamation") {
        return;
    }
    let held = || kovan::collector().stats().unreclaimed();
    start_sleeper();
    retire(100_000);
    assert!(held() <= 4096, "{} before", held());
    start_sleeper();
    forbid_membarrier();
    start_sleeper();
    for _ in 0..3 {
        // A thread that is about to sleep may take a while.
        thread::sleep(Duration::from_millis(10));
        retire(100_000);
        assert!(held() <= 8192, "{} in the sandbox", held());
    }
    let handle = kovan::collector().register();
    kovan::flush();
    assert_eq!(handle.quiesce(PATIENCE), Ok(()));
}

/// Forks, and returns whether `body` was true in the child, which has no other thread than this one.
fn true_in_a_forked_child(body: impl FnOnce() -> bool) -> bool {
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no fork");
    if child == 0 {
        // No panic and no output: other threads may have had the locks for that.
        let code = i32::from(!body());
        unsafe { libc::_exit(code) };
    }
    let started = Instant::now();
    let mut status = 0;
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        if started.elapsed() > PATIENCE {
            unsafe { libc::kill(child, libc::SIGKILL) };
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            panic!("the child hangs");
        }
        thread::sleep(Duration::from_millis(1));
    }
    assert!(libc::WIFEXITED(status), "the child crashed: {status:#x}");
    libc::WEXITSTATUS(status) == 0
}

/// A forked child can pin, retire, flush and register, and frees what it retires if no thread was
/// inside of a guard at the fork.
#[test]
fn a_forked_child_goes_on() {
    let _turn = turn();
    start_sleeper();
    retire(100);
    let freed = true_in_a_forked_child(|| {
        for _ in 0..50 {
            drop(kovan::pin());
            retire(1000);
        }
        kovan::flush();
        kovan::flush();
        let handle = Collector::<kovan::Robust>::new().register();
        drop(handle.pin());
        handle.flush();
        kovan::collector().stats().unreclaimed() == 0
    });
    assert!(freed);
    // A thread of the child that leaves.
    assert!(true_in_a_forked_child(|| thread::spawn(|| retire(1000)).join().is_ok()));
    // The parent has lost nothing.
    kovan::flush();
    kovan::flush();
    assert_eq!(kovan::collector().stats().unreclaimed(), 0);
}

/// A thread that was inside of a guard at the fork is not there in the child, and its guard never
/// ends: it holds what such a guard holds.
#[test]
fn the_guards_of_other_threads_stay_in_a_forked_child() {
    let _turn = turn();
    let place = AtomicPtr::new(Box::into_raw(Box::new(7_u64)));
    let (ready, wait) = channel();
    let (end, over) = channel::<()>();
    thread::scope(|scope| {
        let place = &place;
        scope.spawn(move || {
            let guard = kovan::pin();
            assert_eq!(unsafe { *guard.protect(place, SeqCst) }, 7);
            ready.send(()).unwrap();
            let _ = over.recv(); // Until `end` is dropped.
        });
        wait.recv().unwrap();
        let held = |nodes: usize| {
            true_in_a_forked_child(|| {
                let old = place.swap(std::ptr::null_mut(), SeqCst);
                unsafe { kovan::retire(old) };
                retire(9_999);
                for _ in 0..4 {
                    kovan::flush();
                }
                // What the guard has loaded is there, in any mode.
                kovan::collector().stats().unreclaimed() == nodes as u64 && unsafe { *old } == 7
            })
        };
        assert!(held(if cfg!(feature = "robust") { 1 } else { 10_000 }));
        drop(end);
    });
    unsafe { kovan::retire(place.into_inner()) };
    kovan::flush();
}
