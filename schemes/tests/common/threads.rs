//! Threads of tests that are compiled for each scheme. Functions are behind one type here, so that what starts a thread
//! is compiled once: it is a third of such a test's code otherwise.

use std::thread::{self, Scope, ScopedJoinHandle};

/// As [`thread::scope`].
pub(crate) fn scoped<'env, T>(
    body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
) -> T {
    type Body<'b, 'env, T> = Box<dyn for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T + 'b>;
    thread::scope(Box::new(body) as Body<'_, 'env, T>)
}

/// As [`Scope::spawn`].
pub(crate) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    thread: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    scope.spawn(Box::new(thread) as Box<dyn FnOnce() -> T + Send>)
}
