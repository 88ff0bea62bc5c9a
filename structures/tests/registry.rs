//! Which pairs there are, and what is said of those that there are not.

use kovan_schemes::Reclaimer;
use kovan_structures::Structure;
use kovan_structures::registry::{self, DispatchError, Visitor};

struct Nothing;

impl Visitor for Nothing {
    type Output = ();
    fn visit<R: Reclaimer, S: Structure<R>>(self) {}
}

#[test]
fn dispatch_agrees_with_the_matrix() {
    for pair in registry::matrix() {
        let result = registry::dispatch::<u64, _>(pair.scheme, pair.structure, Nothing);
        let refused = DispatchError::Refused { reason: pair.reason };
        assert_eq!(result, if pair.allowed { Ok(()) } else { Err(refused) });
    }
}

#[test]
fn every_structure_is_there_with_every_scheme_that_is_strong_enough() {
    let schemes = kovan_schemes::registry::all();
    let strong = |needs| schemes.iter().filter(|scheme| scheme.strength >= needs).count();
    let expected: usize = registry::structures().iter().map(|facts| strong(facts.needs)).sum();
    let allowed = registry::matrix().iter().filter(|pair| pair.allowed).count();
    assert_eq!(allowed, expected);
    assert!(allowed >= schemes.len());
}

#[test]
fn errors_list_what_there_is() {
    let scheme = registry::dispatch::<u64, _>("rcu", "hash-map", Nothing).unwrap_err().to_string();
    assert!(scheme.contains("\"rcu\"") && scheme.contains("hazard-pointer"), "{scheme}");
    let structure = registry::dispatch::<u64, _>("epoch", "tree", Nothing).unwrap_err().to_string();
    assert!(structure.contains("\"tree\"") && structure.contains("ms-queue"), "{structure}");
    let refused = registry::dispatch::<u64, _>("hazard-pointer", "harris-list", Nothing);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("unlinked") && !refused.contains('\n'), "{refused}");
}
