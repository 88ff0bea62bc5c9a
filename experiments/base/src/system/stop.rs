//! Stops one thread from outside, at whatever instruction it is.
//!
//! `SIGSTOP` stops a whole process. So a signal goes to one thread (`tgkill`), and its handler waits there,
//! on the stack of whatever the thread was doing, until it is let go.

use std::io;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, AtomicU32, Ordering::*, compiler_fence};
use std::time::Duration;

/// A thread that can be stopped. It is never freed: a signal may be on its way for as long as the process is
/// there, and there are as many as threads that are stopped, in a process that measures once.
#[derive(Debug)]
pub struct Victim {
    /// The thread; 0 before it has come.
    id: AtomicI32,
    /// Where the thread is now, which it says itself; it stops where `wanted` is.
    place: AtomicU8,
    wanted: u8,
    is_stopped: AtomicU8,
    /// A futex: 1 once it is let go.
    is_free: AtomicU32,
    next: AtomicPtr<Victim>,
}

/// All victims of this process, the last one first.
static FIRST: AtomicPtr<Victim> = AtomicPtr::new(std::ptr::null_mut());

/// Says for a thread that may be stopped where it is, from now until the value is dropped.
#[derive(Debug)]
pub struct Within<'v>(&'v Victim);

impl Victim {
    /// A thread that is to be stopped while it says that it is at this place, or anywhere if that is 0.
    pub fn new(wanted: u8) -> &'static Self {
        Box::leak(Box::new(Self {
            id: AtomicI32::new(0),
            place: AtomicU8::new(0),
            wanted,
            is_stopped: AtomicU8::new(0),
            is_free: AtomicU32::new(0),
            next: AtomicPtr::new(std::ptr::null_mut()),
        }))
    }

    /// Makes the calling thread the one that is stopped. Once for each victim.
    ///
    /// # Errors
    /// If the system has no such signals, or does not take the handler.
    pub fn is_me(&'static self) -> io::Result<()> {
        system::handle()?;
        let own = std::ptr::from_ref(self).cast_mut();
        let mut first = FIRST.load(Acquire);
        loop {
            self.next.store(first, Relaxed);
            match FIRST.compare_exchange_weak(first, own, Release, Acquire) {
                Ok(_) => break,
                Err(now) => first = now,
            }
        }
        self.id.store(system::thread(), Release);
        Ok(())
    }

    /// Says that the calling thread, which is the victim, is at a place.
    #[inline]
    pub fn within(&self, place: u8) -> Within<'_> {
        // The handler runs on this thread: what the compiler leaves in order, it sees in order.
        self.place.store(place, Relaxed);
        compiler_fence(SeqCst);
        Within(self)
    }

    /// Stops the thread, another one than the caller, where it is to be stopped. Returns whether it stands:
    /// not if it has been let go, or `is_over` says so first.
    pub fn stop(&self, is_over: impl Fn() -> bool) -> bool {
        while self.is_stopped.load(Acquire) == 0 {
            if is_over() || self.is_free.load(Relaxed) != 0 {
                return false;
            }
            let id = self.id.load(Acquire);
            if id != 0 {
                system::signal(id);
            }
            // Where it is at the wrong place it goes on; another moment may be the right one.
            std::thread::sleep(Duration::from_micros(50));
        }
        true
    }

    /// Lets the thread go on, for ever.
    pub fn free(&self) {
        self.is_free.store(1, Release);
        system::wake(&self.is_free);
    }

    /// In the handler, on the victim's own thread.
    fn wait_here(&self) {
        if self.wanted != 0 && self.place.load(Relaxed) != self.wanted {
            return;
        }
        while self.is_free.load(Acquire) == 0 {
            self.is_stopped.store(1, Release);
            system::wait(&self.is_free, 0);
        }
        self.is_stopped.store(0, Release);
    }
}

impl Drop for Within<'_> {
    #[inline]
    fn drop(&mut self) {
        compiler_fence(SeqCst);
        self.0.place.store(0, Relaxed);
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::*;

    /// Says whether threads can be stopped here.
    pub const IS_POSSIBLE: bool = true;

    /// A signal that nothing else here uses, and whose usual action would be noticed.
    const SIGNAL: i32 = libc::SIGUSR2;

    pub(super) fn thread() -> i32 {
        // SAFETY: no preconditions, and it only reads. It is a plain system call, as a handler needs it.
        let id = unsafe { libc::syscall(libc::SYS_gettid) };
        i32::try_from(id).unwrap_or(0)
    }

    pub(super) fn signal(id: i32) {
        // SAFETY: no preconditions: a thread of this process, or none at all, which is an error that says
        // that there is nobody to stop. The handler was set before the thread told its number.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), id, SIGNAL) };
    }

    pub(super) fn wake(word: &AtomicU32) {
        let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the address is that of a word which lives on, as victims do. It wakes who waits there.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, i32::MAX) };
    }

    pub(super) fn wait(word: &AtomicU32, value: u32) {
        let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        let forever = std::ptr::null::<libc::timespec>();
        // SAFETY: the address is that of a word which lives on; without a time the pointer may be null. It
        // returns at once unless the word has this value, and may return for no reason: callers look again.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, forever) };
    }

    pub(super) fn handle() -> io::Result<()> {
        // SAFETY: all-zero bytes are a valid action, which is filled in below.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_signal as extern "C" fn(i32) as usize;
        // What the signal interrupts begins anew, and is not told.
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the set is a valid place; the action is whole, and its handler does only what handlers
        // may do (see there). Nothing else in this program uses the signal, so no handler is lost.
        let set = unsafe {
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(SIGNAL, &raw const action, std::ptr::null_mut())
        };
        if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Waits, if this thread is a victim at the place where it is wanted.
    ///
    /// It may run between any two instructions, with any lock held. So it does nothing but what is
    /// async-signal-safe: it reads and writes atomics that live for ever, and makes the system calls `gettid`
    /// and `futex`. It neither allocates nor locks nor panics, and leaves `errno` as it was.
    extern "C" fn on_signal(_signal: i32) {
        // SAFETY: the place of this thread's own `errno`, which is there as long as the thread.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: as above; only this thread uses it, and it is interrupted.
        let before = unsafe { *errno };
        let own = thread();
        let mut next = FIRST.load(Acquire);
        // SAFETY: a victim in the list is leaked, so that it lives on, and `Release` and `Acquire` at the head
        // make it whole before it is seen.
        while let Some(victim) = unsafe { next.as_ref() } {
            if victim.id.load(Relaxed) == own {
                victim.wait_here();
                break;
            }
            next = victim.next.load(Relaxed);
        }
        // SAFETY: as above.
        unsafe { *errno = before };
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;

    /// Says whether threads can be stopped here.
    pub const IS_POSSIBLE: bool = false;

    pub(super) fn thread() -> i32 {
        0
    }
    pub(super) fn signal(_id: i32) {}
    pub(super) fn wake(_word: &AtomicU32) {}
    pub(super) fn wait(_word: &AtomicU32, _value: u32) {}
    pub(super) fn handle() -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub use system::IS_POSSIBLE;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU64};

    #[test]
    fn a_thread_stands_where_it_is_wanted_until_it_is_let_go() {
        const WRONG: u8 = 1;
        const RIGHT: u8 = 2;
        let (steps, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        let (victim, place) = (Victim::new(RIGHT), AtomicU8::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                victim.is_me().expect("a handler");
                while !is_over.load(Relaxed) {
                    for now in [WRONG, RIGHT] {
                        place.store(now, Relaxed);
                        let _within = victim.within(now);
                        // Values on the heap: signals come also while the allocator is at work.
                        for _ in 0..50 {
                            steps.fetch_add(
                                Box::new(1_u64).to_string().parse().unwrap_or(0),
                                Relaxed,
                            );
                        }
                    }
                }
            });
            assert!(victim.stop(|| false));
            assert_eq!(place.load(Relaxed), RIGHT);
            let stood = steps.load(Relaxed);
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(steps.load(Relaxed), stood, "it goes on");
            victim.free();
            while steps.load(Relaxed) == stood {
                std::thread::yield_now();
            }
            assert!(!victim.stop(|| false), "who was let go is not stopped again");
            is_over.store(true, Relaxed);
        });
        let nobody = Victim::new(RIGHT);
        let looks = AtomicU64::new(0);
        assert!(!nobody.stop(|| looks.fetch_add(1, Relaxed) > 3), "nobody is there to be stopped");
    }
}
