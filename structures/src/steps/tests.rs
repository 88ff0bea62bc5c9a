//! Entries that are removed or replaced where an iterator stands.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use kovan_schemes::{Domain, Reclaimer};

use crate::pause::{self, over_each_kind};
use crate::{MichaelList, SkipList};

/// Tells when it is dropped.
struct Value(Arc<AtomicBool>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

macro_rules! removed_under_an_iterator {
    ($name:ident, $map:ident) => {
        /// The entry where an iterator stands is removed or replaced, and eras and scans pass. The
        /// iterator goes on to the one that is there then, and what it yields is held.
        fn $name<R: Reclaimer>(replaced: bool) {
            let domain = Domain::<R>::new();
            let map = Rc::new($map::<u64, Value, R>::new(&domain));
            let handle = domain.register();
            let dropped = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
            for (key, dropped) in (0..).zip(&dropped) {
                assert!(map.insert(&handle.pin(), key, Value(Arc::clone(dropped))));
            }
            let others = (Rc::clone(&map), domain.clone());
            pause::set("iterator stands", move || {
                let (map, domain) = others;
                let handle = domain.register();
                let spare = Value(Arc::default());
                if replaced {
                    assert!(map.put(&handle.pin(), 0, spare).is_some());
                } else {
                    assert!(map.remove(&handle.pin(), &0).is_some());
                }
                for _ in 0..2000 {
                    let spare = Value(Arc::default());
                    assert!(map.insert(&handle.pin(), 9, spare));
                    assert!(map.remove(&handle.pin(), &9).is_some());
                }
                handle.flush();
            });
            let guard = handle.pin();
            let mut entries = map.iter(&guard);
            let entry = entries.next().expect("two keys stay");
            assert!(pause::done());
            // The iterator's own shield moves on.
            let next = entries.next();
            let other = domain.register();
            (0..3).for_each(|_| other.flush());
            assert_eq!(*entry.key(), u64::from(!replaced), "over {}", R::FACTS.name);
            assert!(!entry.0.load(Relaxed), "over {}: what is held was freed", R::FACTS.name);
            drop((next, entry));
        }
    };
}
removed_under_an_iterator!(from_a_list, MichaelList);
removed_under_an_iterator!(from_a_skip_list, SkipList);

fn list_entries<R: Reclaimer>() {
    [false, true].into_iter().for_each(from_a_list::<R>);
}

fn skip_list_entries<R: Reclaimer>() {
    [false, true].into_iter().for_each(from_a_skip_list::<R>);
}

#[test]
fn entries_of_iterators_are_held() {
    over_each_kind!(list_entries);
    over_each_kind!(skip_list_entries);
}
