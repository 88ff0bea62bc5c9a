//! What each kind of structure should do: the collections of the standard library.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Bound;

use kovan_erased::Operations;
use kovan_structures::{Kind, Query};

/// An operation with a visible answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Insert(u64),
    Remove(u64),
    Contains(u64),
    /// A key and its new value.
    Put(u64, u64),
    Query(Query),
}

/// What an operation answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Flag(bool),
    Key(Option<u64>),
    /// The structure has no such operation.
    NoSuch,
}

/// A random query that structures of this kind may have.
pub(super) fn query(kind: Kind, key: u64, random: u64) -> Query {
    match (kind, random % 5) {
        (Kind::Stack | Kind::Queue, _) => Query::Front,
        (Kind::Map, 0) => Query::First,
        (Kind::Map, 1) => Query::Len,
        (Kind::Map, 2 | 3) => Query::Value(key),
        (Kind::Map, _) => Query::After(key),
    }
}

/// Takes everything out by removals; what comes, and in which order, is part of a history. Keys of a map
/// are below `keys`.
pub(super) fn take_all(kind: Kind, keys: u64, mut run: impl FnMut(Op) -> Answer) {
    if kind == Kind::Map {
        (0..keys).for_each(|key| _ = run(Op::Remove(key)));
    } else {
        // More than can be in it means that it will never be empty.
        let _ = (0..50).all(|_| run(Op::Remove(0)) != Answer::Key(None));
    }
}

impl Op {
    /// The operation on the structure.
    pub(super) fn run(self, on: &dyn Operations) -> Answer {
        match self {
            Self::Insert(key) => Answer::Flag(on.insert(key)),
            Self::Remove(key) => Answer::Key(on.remove(key)),
            Self::Contains(key) => Answer::Flag(on.contains(key)),
            Self::Put(key, value) => on.put(key, value).map_or(Answer::NoSuch, Answer::Key),
            Self::Query(query) => on.query(query).map_or(Answer::NoSuch, Answer::Key),
        }
    }
}

/// The sequential structure.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Model {
    /// The values of keys; what is inserted has its key for a value.
    Map(BTreeMap<u64, u64>),
    Stack(Vec<u64>),
    Queue(VecDeque<u64>),
}

impl Model {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Map => Self::Map(BTreeMap::new()),
            Kind::Stack => Self::Stack(Vec::new()),
            Kind::Queue => Self::Queue(VecDeque::new()),
        }
    }

    /// The operation on the model.
    pub(super) fn apply(&mut self, op: Op) -> Answer {
        match (op, self) {
            (Op::Insert(key), Self::Map(map)) => {
                let absent = !map.contains_key(&key);
                map.entry(key).or_insert(key);
                Answer::Flag(absent)
            }
            (Op::Put(key, value), Self::Map(map)) => Answer::Key(map.insert(key, value)),
            (Op::Insert(key), Self::Stack(stack)) => {
                stack.push(key);
                Answer::Flag(true)
            }
            (Op::Insert(key), Self::Queue(queue)) => {
                queue.push_back(key);
                Answer::Flag(true)
            }
            (Op::Remove(key), Self::Map(map)) => Answer::Key(map.remove(&key)),
            (Op::Remove(_), Self::Stack(stack)) => Answer::Key(stack.pop()),
            (Op::Remove(_), Self::Queue(queue)) => Answer::Key(queue.pop_front()),
            (Op::Contains(key), Self::Map(map)) => Answer::Flag(map.contains_key(&key)),
            (Op::Contains(_), Self::Stack(stack)) => Answer::Flag(!stack.is_empty()),
            (Op::Contains(_), Self::Queue(queue)) => Answer::Flag(!queue.is_empty()),
            (Op::Query(Query::First), Self::Map(map)) => Answer::Key(map.keys().next().copied()),
            (Op::Query(Query::After(key)), Self::Map(map)) => {
                let mut above = map.range((Bound::Excluded(key), Bound::Unbounded));
                Answer::Key(above.next().map(|(key, _)| *key))
            }
            (Op::Query(Query::Len), Self::Map(map)) => Answer::Key(Some(map.len() as u64)),
            (Op::Query(Query::Value(key)), Self::Map(map)) => Answer::Key(map.get(&key).copied()),
            (Op::Query(Query::Front), Self::Stack(stack)) => Answer::Key(stack.last().copied()),
            (Op::Query(Query::Front), Self::Queue(queue)) => Answer::Key(queue.front().copied()),
            (Op::Query(_) | Op::Put(..), _) => Answer::NoSuch,
        }
    }

    /// The keys that a scan shows; none of a stack or queue, which have none.
    pub(super) fn scan(&self, from: u64, count: u64) -> Vec<u64> {
        match self {
            Self::Map(map) => map.range(from..).map(|(key, _)| *key).take(count as usize).collect(),
            Self::Stack(_) | Self::Queue(_) => Vec::new(),
        }
    }

    /// The keys in the order of [`kovan_structures::Structure::contents`], maps in key order.
    pub(super) fn contents(&self) -> Vec<u64> {
        match self {
            Self::Map(map) => map.keys().copied().collect(),
            Self::Stack(stack) => stack.iter().rev().copied().collect(),
            Self::Queue(queue) => queue.iter().copied().collect(),
        }
    }
}

/// Returns the contents of a structure in the order of the model's.
pub(super) fn in_order(kind: Kind, mut contents: Vec<u64>) -> Vec<u64> {
    if kind == Kind::Map {
        contents.sort_unstable();
    }
    contents
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insert(key) => write!(f, "insert({key})"),
            Self::Remove(key) => write!(f, "remove({key})"),
            Self::Contains(key) => write!(f, "contains({key})"),
            Self::Put(key, value) => write!(f, "put({key}, {value})"),
            Self::Query(query) => write!(f, "{query:?}"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Key(Some(key)) => write!(f, "{key}"),
            Self::Key(None) => f.write_str("nothing"),
            Self::NoSuch => f.write_str("no such operation"),
        }
    }
}
