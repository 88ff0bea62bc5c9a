//! Points in operations at which a test of this crate runs what another thread could do there.

use std::cell::RefCell;

/// What runs at the point of that name.
type Hook = (&'static str, Box<dyn FnOnce()>);

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Runs `hook` once, when this thread next comes to the point `name`.
pub(crate) fn set(name: &'static str, hook: impl FnOnce() + 'static) {
    HOOK.set(Some((name, Box::new(hook))));
}

/// Whether the hook has run.
pub(crate) fn done() -> bool {
    HOOK.with_borrow(Option::is_none)
}

/// The point `name`.
pub(crate) fn at(name: &'static str) {
    let hook = HOOK.with_borrow_mut(|hook| hook.take_if(|hook| hook.0 == name));
    if let Some((_, run)) = hook {
        run();
    }
}

/// Calls a generic function with every scheme: `for_each_scheme!(over_every_scheme function)`.
macro_rules! over_every_scheme {
    ([$($scheme:ident : $strength:ident,)*] $function:ident) => {
        $($function::<kovan_schemes::schemes::$scheme>();)*
    };
}
pub(crate) use over_every_scheme;
