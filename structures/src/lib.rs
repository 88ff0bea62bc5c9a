//! Lock-free data structures, each written once and generic over the reclamation scheme.
//!
//! | module | structure | scheme strength it needs |
//! |---|---|---|
//! | [`treiber_stack`] | Treiber's stack | any |
//! | [`elimination_stack`] | Treiber's stack with elimination | any |
//! | [`ms_queue`] | the queue of Michael and Scott | any |
//! | [`double_link_queue`] | the queue of Correia and Ramalhete, one CAS per operation | any |
//! | [`segment_queue`] | a queue of arrays | any |
//! | [`michael_list`] | Michael's sorted list, a map | any |
//! | [`harris_list`] | Harris's sorted list, a map | region; with validated chains any |
//! | [`skip_list`] | the skip list of Herlihy and Shavit, a map | any |
//! | [`nm_tree`] | the external search tree of Natarajan and Mittal, a map | any |
//! | [`ellen_tree`] | the external search tree of Ellen and others, a map | any |
//! | [`bonsai`] | a balanced tree updated by copying paths, a map with snapshots | any |
//! | [`hash_map`] | fixed buckets of either list | any |
//! | [`list`](mod@list) | what users see of the lists | |
//! | [`guarded`] | protected references to keys and values | |
//! | [`structure`] | the uniform face that experiments drive | |
//! | [`registry`] | every structure by name, paired with every scheme | |
//!
//! A new structure is one file here, one `mod` line below and one row in [`registry`].

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
