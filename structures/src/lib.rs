//! Lock-free data structures, each written once and generic over the reclamation scheme.
//!
//! A structure is made in a [`Domain`](kovan_schemes::Domain), whose type names the scheme. Every operation takes a guard of that
//! domain:
//!
//! ```
//! use kovan_schemes::{Domain, schemes::Epoch};
//! use kovan_structures::{HashMap, TreiberStack};
//!
//! let domain = Domain::<Epoch>::new();
//! let map: HashMap<&str, u32, _> = HashMap::new(&domain, 64); // about 64 keys are expected
//! let stack = TreiberStack::new(&domain);
//!
//! let handle = domain.register(); // once per thread
//! let guard = handle.pin(); // once per operation, or for several of them
//! assert!(map.insert(&guard, "one", 1));
//! assert_eq!(map.get(&guard, "one").map(|entry| *entry.value()), Some(1));
//! // A removed entry stays readable while it is held.
//! let removed = map.remove(&guard, "one").expect("it is there");
//! assert_eq!((*removed, map.contains_key(&guard, "one")), (1, false));
//!
//! stack.push(&guard, String::from("value"));
//! assert_eq!(stack.pop(&guard).as_deref(), Some("value"));
//! ```
//!
//! Another scheme is another type, and nothing else changes: `Domain::<HazardPointer>::new()`.
//!
//! # Which structure for what
//! | type | structure | a scheme must protect |
//! |---|---|---|
//! | [`TreiberStack`] | Treiber's stack | a pointer |
//! | [`EliminationStack`] | Treiber's stack with elimination | a pointer |
//! | [`MsQueue`] | the queue of Michael and Scott | a pointer |
//! | [`DoubleLinkQueue`] | the queue of Correia and Ramalhete, one CAS per operation | a pointer |
//! | [`SegmentQueue`] | a queue of arrays, which allocates once for many values | a pointer |
//! | [`MichaelList`] | Michael's sorted list, a map | a pointer |
//! | [`HarrisList`] | Harris's sorted list, a map whose look-ups pass over marked nodes | a region |
//! | [`HarrisListScot`] | the same with validated chains | a pointer |
//! | [`HashMap`], [`HashMapHarris`] | a fixed number of buckets of either list; does not grow | a pointer |
//! | [`SkipList`] | the skip list of Herlihy and Shavit, a sorted map | a pointer |
//! | [`NmTree`] | the external search tree of Natarajan and Mittal, a sorted map | a pointer |
//! | [`EllenTree`] | the external search tree of Ellen et al., a sorted map | a pointer |
//! | [`Bonsai`] | a balanced tree that is updated by copying paths, a sorted map with snapshots | a pointer; a region for snapshots |
//!
//! A scheme that protects less does not compile, and the message says why:
//! ```compile_fail,E0277
//! use kovan_schemes::{Domain, schemes::HazardPointer};
//! let list = kovan_structures::HarrisList::<u64, u64, HazardPointer>::new(&Domain::new());
//! ```
//!
//! # Limits
//! - A guard of another domain makes an operation panic.
//! - An [`Entry`] keeps the shield that protects it, so under a pointer scheme its references do not outlive it.
//! - The hash maps do not grow. Iterations are no snapshots; [`Bonsai::snapshot`] is one.
//!
//! # Modules for experiments
//! [`mod@structure`] is the common interface of `u64` keys that experiments drive, [`registry`] has every structure by name, paired with
//! every scheme, and [`restarts()`] counts traversals that began anew. A new structure is one file, a `mod` and a `use`
//! line and one row in [`registry`]: `kovan-lab new structure` writes all of them.

mod bonsai_edit;
mod bucket;
mod chain;
mod ellen_record;
mod fresh;
mod front;
mod interface;
mod padded;
#[cfg(test)]
mod pause;
mod restarts;
mod steps;
mod tree;

pub mod bonsai;
pub mod double_link_queue;
pub mod elimination_stack;
pub mod ellen_tree;
pub mod guarded;
pub mod harris_list;
pub mod hash_map;
pub mod list;
pub mod michael_list;
pub mod ms_queue;
pub mod nm_tree;
pub mod registry;
pub mod segment_queue;
pub mod skip_list;
pub mod structure;
pub mod treiber_stack;

pub use bonsai::Bonsai;
pub use double_link_queue::DoubleLinkQueue;
pub use elimination_stack::EliminationStack;
pub use ellen_tree::EllenTree;
pub use guarded::{Entry, OccupiedError};
pub use harris_list::{HarrisList, HarrisListScot};
pub use hash_map::{FixedHashMap, FixedHashMapHarris, HashMap, HashMapHarris};
pub use list::List;
pub use michael_list::MichaelList;
pub use ms_queue::MsQueue;
pub use nm_tree::NmTree;
pub use restarts::restarts;
pub use segment_queue::SegmentQueue;
pub use skip_list::SkipList;
pub use structure::{
    Content, ITERATION_SHIELDS, Key, Kind, Nodes, Query, Structure, StructureFacts, Value,
};
pub use treiber_stack::TreiberStack;
