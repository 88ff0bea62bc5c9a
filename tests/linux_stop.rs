//! A thread that is stopped at any point of a retirement, outside of guards, holds back a bounded
//! number of nodes.
#![cfg(all(feature = "std", target_os = "linux", not(miri)))]
// The stopped thread may be anywhere: a sanitizer's runtime has locks of its own.
#![cfg(not(any(kovan_shuttle, kovan_asan, kovan_tsan)))]
#![allow(clippy::undocumented_unsafe_blocks)] // Every value here is unlinked and retired once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

mod common;

use common::scaled;

/// Bytes of a block: enough for a small value and for a batch.
const BLOCK: usize = 4096;
const BLOCKS: usize = 256;

/// Keeps freed blocks for the thread that freed them, without a lock, so that the stopped thread keeps
/// nobody from allocating. Larger blocks are the system's.
struct WithoutLocks;

thread_local! {
    static FREE: UnsafeCell<*mut u8> = const { UnsafeCell::new(null_mut()) };
}

unsafe impl GlobalAlloc for WithoutLocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > BLOCK || layout.align() > BLOCK {
            return unsafe { System.alloc(layout) };
        }
        FREE.with(|free| unsafe {
            let free = free.get();
            if (*free).is_null() {
                let (access, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE);
                let flags = private | libc::MAP_ANONYMOUS;
                let chunk = libc::mmap(null_mut(), BLOCK * BLOCKS, access, flags, -1, 0);
                if chunk == libc::MAP_FAILED {
                    return null_mut();
                }
                for block in (0..BLOCKS).map(|at| chunk.byte_add(at * BLOCK).cast::<u8>()) {
                    block.cast::<*mut u8>().write(*free);
                    *free = block;
                }
            }
            let block = *free;
            *free = block.cast::<*mut u8>().read();
            block
        })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() > BLOCK || layout.align() > BLOCK {
            return unsafe { System.dealloc(block, layout) };
        }
        FREE.with(|free| unsafe {
            let free = free.get();
            block.cast::<*mut u8>().write(*free);
            *free = block;
        });
    }
}

#[global_allocator]
static ALLOCATOR: WithoutLocks = WithoutLocks;

static STOP: AtomicBool = AtomicBool::new(false);
static IS_STOPPED: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_: i32) {
    IS_STOPPED.store(true, SeqCst);
    while STOP.load(SeqCst) {
        unsafe { libc::usleep(200) };
    }
    IS_STOPPED.store(false, SeqCst);
}

fn retire(times: usize) {
    for _ in 0..times {
        unsafe { kovan::retire(Box::into_raw(Box::new(0_u64))) };
    }
}

fn unreclaimed() -> u64 {
    kovan::collector().stats().unreclaimed()
}

/// However the test ends, the threads end too.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        STOP.store(false, SeqCst);
        self.0.store(true, SeqCst);
    }
}

#[test]
fn a_thread_that_is_stopped_in_a_retirement_holds_a_bounded_number() {
    let handler: extern "C" fn(i32) = stop;
    unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
    let (over, retirer) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut worst = 0;
    thread::scope(|scope| {
        let end = End(&over);
        // Threads that pin now and then, and are idle while the other one is stopped: drains of their
        // slots are among the places where it may stop.
        for _ in 0..8 {
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    if !STOP.load(SeqCst) {
                        drop(kovan::pin());
                    }
                    thread::sleep(Duration::from_micros(200));
                }
            });
        }
        scope.spawn(|| {
            retirer.store(unsafe { libc::pthread_self() } as u64, SeqCst);
            while !over.load(SeqCst) {
                retire(1);
            }
        });
        while retirer.load(SeqCst) == 0 {
            thread::yield_now();
        }
        for round in 0..scaled(40) as u64 {
            thread::sleep(Duration::from_micros(1000 + 37 * round));
            STOP.store(true, SeqCst);
            let retirer = retirer.load(SeqCst) as libc::pthread_t;
            assert_eq!(unsafe { libc::pthread_kill(retirer, libc::SIGUSR1) }, 0);
            while !IS_STOPPED.load(SeqCst) {
                thread::yield_now();
            }
            thread::sleep(Duration::from_millis(2)); // The others are idle now.
            let held: Vec<_> = (0..3)
                .map(|_| {
                    retire(100_000);
                    (0..3).for_each(|_| kovan::flush());
                    unreclaimed()
                })
                .collect();
            worst = worst.max(held[2]);
            // What it holds was retired before it stopped: no more comes to it.
            assert!(held[2] <= held[0].max(8192), "round {round}: {held:?}");
            STOP.store(false, SeqCst);
            while IS_STOPPED.load(SeqCst) {
                thread::yield_now();
            }
        }
        drop(end);
    });
    println!("unreclaimed while a thread is stopped: {worst} at most");
    assert!(common::flush_until(|| unreclaimed() == 0), "{} are left", unreclaimed());
}
