//! The allocator of a process: mimalloc, or that of the system, which a preloaded library may replace.
//!
//! Every allocator but mimalloc is chosen when a worker is started: the environment variable
//! `KOVAN_LAB_ALLOCATOR` makes it use the system's, and `LD_PRELOAD` puts another one in the place of that. Which one
//! it is is known before the first allocation and does not change, so an allocation and its free are of the same
//! one. The choice costs a load and a branch that is always the same. The same load says whether this process takes
//! the time of frees, so that others do not pay for it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use mimalloc::MiMalloc;

/// The environment variable that makes a process use the allocator of the system.
const VARIABLE: &str = "KOVAN_LAB_ALLOCATOR";

/// On cache lines of its own: a neighbour that is written would make each allocation wait.
#[repr(align(128))]
struct Apart(AtomicU8);

/// The bits of what is unusual in this process; of the first one see `choose`.
static UNUSUAL: Apart = Apart(AtomicU8::new(0));
/// The system's allocator is used. Written once, before the first allocation.
const SYSTEM: u8 = 1;
/// Frees are told to `kovan_schemes::timing`.
const TELLS: u8 = 2;

#[inline]
fn unusual() -> u8 {
    UNUSUAL.0.load(Relaxed)
}

#[inline]
fn uses_system() -> bool {
    unusual() & SYSTEM != 0
}

/// From now on each free of this process is told to the schemes' timing.
pub fn tell_frees() {
    // Ordering: nothing else is published with it; threads that start later see it.
    UNUSUAL.0.fetch_or(TELLS, Relaxed);
}

/// The global allocator.
#[derive(Debug)]
pub struct Chosen;

// SAFETY: each call goes to one of two allocators that keep this contract, and always to the same one: the
// choice is made before the first allocation (see `choose`).
unsafe impl GlobalAlloc for Chosen {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's clauses.
        unsafe { if unusual() == 0 { MiMalloc.alloc(layout) } else { apart::alloc(layout) } }
    }
    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's clauses; the block is of the same allocator.
        unsafe {
            if unusual() == 0 {
                MiMalloc.dealloc(block, layout);
            } else {
                apart::dealloc(block, layout);
            }
        }
    }
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's clauses.
        unsafe {
            if uses_system() { System.alloc_zeroed(layout) } else { MiMalloc.alloc_zeroed(layout) }
        }
    }
    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's clauses; the block is of the same allocator.
        unsafe {
            if uses_system() {
                System.realloc(block, layout, size)
            } else {
                MiMalloc.realloc(block, layout, size)
            }
        }
    }
}

/// Out of the way of what is usual, which then costs a test and no jump.
mod apart {
    use std::alloc::{GlobalAlloc, Layout, System};

    use mimalloc::MiMalloc;

    use super::{TELLS, unusual, uses_system};

    /// # Safety
    /// As for [`GlobalAlloc::alloc`].
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn alloc(layout: Layout) -> *mut u8 {
        // SAFETY: the caller's clauses.
        unsafe { if uses_system() { System.alloc(layout) } else { MiMalloc.alloc(layout) } }
    }

    /// # Safety
    /// As for [`GlobalAlloc::dealloc`].
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn dealloc(block: *mut u8, layout: Layout) {
        // SAFETY: the caller's clauses; the block is of the same allocator.
        unsafe {
            if uses_system() {
                System.dealloc(block, layout);
            } else {
                MiMalloc.dealloc(block, layout);
            }
        }
        if unusual() & TELLS != 0 {
            kovan_schemes::timing::memory_is_free(block);
        }
    }
}

/// Runs when the program is loaded: before `main`, and before Rust allocates anything.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static CHOOSE: extern "C" fn() = {
    extern "C" fn choose() {
        // SAFETY: the name ends with a zero, and no other thread is there that could change the environment.
        let value = unsafe { libc::getenv(c"KOVAN_LAB_ALLOCATOR".as_ptr()) };
        // SAFETY: not null, and a text of the environment, which ends with a zero.
        let is_system = !value.is_null() && unsafe { CStr::from_ptr(value) } == c"system";
        UNUSUAL.0.store(if is_system { SYSTEM } else { 0 }, Relaxed);
    }
    choose
};

/// An allocator that a worker can be started with.
struct Known {
    name: &'static str,
    /// The file to preload, and the package that has it.
    preloaded: Option<(&'static str, &'static str)>,
}

const KNOWN: [Known; 4] = [
    Known { name: "mimalloc", preloaded: None },
    Known { name: "system", preloaded: None },
    Known { name: "jemalloc", preloaded: Some(("libjemalloc.so.2", "libjemalloc2")) },
    Known {
        name: "tcmalloc",
        preloaded: Some(("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4t64")),
    },
];

/// Where libraries are.
const FOLDERS: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
];

/// The names of all allocators.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    KNOWN.iter().map(|known| known.name)
}

/// The environment of a process with this allocator.
///
/// # Errors
/// If its library is not there: which package has it.
pub fn environment(name: &str) -> Result<Vec<(&'static str, PathBuf)>, String> {
    let Some(known) = KNOWN.iter().find(|known| known.name == name) else {
        return Err(format!("there is no allocator `{name}`"));
    };
    if name == "mimalloc" {
        return Ok(Vec::new());
    }
    let mut environment = vec![(VARIABLE, PathBuf::from("system"))];
    if let Some((file, package)) = known.preloaded {
        let path =
            FOLDERS.iter().map(|folder| Path::new(folder).join(file)).find(|path| path.exists());
        let path = path.ok_or_else(|| {
            format!("allocator `{name}`: {file} is not here; install it, on Debian as {package}")
        })?;
        environment.push(("LD_PRELOAD", path));
    }
    Ok(environment)
}

/// The name and the version of the allocator of this process.
pub fn here() -> String {
    if !uses_system() {
        let version = MiMalloc.version();
        return format!("mimalloc {}.{}.{}", version / 10_000, version / 100 % 100, version % 100);
    }
    jemalloc().or_else(tcmalloc).unwrap_or_else(system)
}

/// Says why this process has another allocator than the one that was preloaded for it, if it has: a static program
/// preloads nothing.
pub fn missing(name: &str) -> Option<String> {
    let is_there = match name {
        "jemalloc" => jemalloc().is_some(),
        "tcmalloc" => tcmalloc().is_some(),
        _ => true,
    };
    (!is_there).then(|| {
        format!(
            "allocator `{name}`: it was preloaded, and the process has {} all the same; a static program preloads \
             nothing, so build one that is not",
            here()
        )
    })
}

#[cfg(target_env = "gnu")]
fn system() -> String {
    // SAFETY: no preconditions.
    let version = unsafe { libc::gnu_get_libc_version() };
    // SAFETY: a text that lives as long as the program.
    format!("glibc {}", unsafe { CStr::from_ptr(version) }.to_string_lossy())
}

#[cfg(not(target_env = "gnu"))]
fn system() -> String {
    "system".into()
}

/// A function of a preloaded library.
fn function(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends with a zero.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

fn jemalloc() -> Option<String> {
    type Control =
        unsafe extern "C" fn(*const c_char, *mut c_void, *mut usize, *mut c_void, usize) -> c_int;
    let control = function(c"mallctl")?;
    // SAFETY: the function of this name has this type (jemalloc(3)).
    let control: Control = unsafe { std::mem::transmute::<*mut c_void, Control>(control) };
    let mut text: *const c_char = std::ptr::null();
    let mut size = size_of::<*const c_char>();
    // SAFETY: `version` is a pointer to a text, whose place has this size; nothing is written by the caller.
    let failed = unsafe {
        let place = (&raw mut text).cast();
        control(c"version".as_ptr(), place, &raw mut size, std::ptr::null_mut(), 0)
    };
    // SAFETY: the call has succeeded, so it is a text that lives as long as the program.
    (failed == 0).then(|| format!("jemalloc {}", unsafe { CStr::from_ptr(text) }.to_string_lossy()))
}

fn tcmalloc() -> Option<String> {
    type Version =
        unsafe extern "C" fn(*mut c_int, *mut c_int, *mut *const c_char) -> *const c_char;
    let version = function(c"tc_version")?;
    // SAFETY: the function of this name has this type (gperftools/tcmalloc.h).
    let version: Version = unsafe { std::mem::transmute::<*mut c_void, Version>(version) };
    let (mut major, mut minor, mut patch) = (0, 0, std::ptr::null());
    // SAFETY: three places of these types.
    let text = unsafe { version(&raw mut major, &raw mut minor, &raw mut patch) };
    // SAFETY: it returns a text that lives as long as the program.
    let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy());
    Some(text.map_or_else(|| format!("tcmalloc {major}.{minor}"), |text| text.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_named_with_its_version() {
        assert!(here().starts_with("mimalloc ") && here().contains('.'), "{}", here());
        assert!(environment("mimalloc").expect("there").is_empty());
        assert_eq!(environment("system").expect("there").len(), 1);
    }

    #[test]
    fn an_allocator_that_did_not_come_is_missed() {
        // Nothing is preloaded for the tests.
        for name in ["jemalloc", "tcmalloc"] {
            let told = missing(name).expect("it is not there");
            assert!(told.contains(name) && told.contains("the process has mimalloc "), "{told}");
        }
        assert_eq!((missing("mimalloc"), missing("system")), (None, None));
    }

    #[test]
    fn what_is_not_there_is_named_with_its_package() {
        assert!(environment("xmalloc").is_err_and(|told| told.contains("no allocator `xmalloc`")));
        for known in KNOWN {
            match environment(known.name) {
                Ok(environment) => assert!(environment.len() <= 2),
                Err(told) => assert!(told.contains("install it"), "{told}"),
            }
        }
    }
}
