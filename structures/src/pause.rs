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

/// Returns whether the hook has run.
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

/// Calls a generic function with a scheme of each kind: code for every scheme takes minutes to compile. Two protect a
/// region; the others have intervals, hazards, eras, batches and logged addresses.
macro_rules! over_each_kind {
    ($function:ident) => {
        over_each_kind! { $function: Debra Epoch Ibr HpNaive HazardEras Crystalline KovanRobust }
    };
    ($function:ident: $($scheme:ident)*) => {
        $($function::<kovan_schemes::schemes::$scheme>();)*
    };
}
pub(crate) use over_each_kind;
