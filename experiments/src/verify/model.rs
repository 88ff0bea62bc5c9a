//! What each kind of structure should do: the collections of the standard library.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use kovan_structures::Kind;

use super::subject::Operations;

/// An operation with a visible answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Insert(u64),
    Remove(u64),
    Contains(u64),
}

/// What an operation answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Flag(bool),
    Key(Option<u64>),
}

impl Op {
    /// The operation on the structure.
    pub(super) fn run(self, on: &dyn Operations) -> Answer {
        match self {
            Self::Insert(key) => Answer::Flag(on.insert(key)),
            Self::Remove(key) => Answer::Key(on.remove(key)),
            Self::Contains(key) => Answer::Flag(on.contains(key)),
        }
    }
}

/// The sequential structure.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Model {
    Map(BTreeSet<u64>),
    Stack(Vec<u64>),
    Queue(VecDeque<u64>),
}

impl Model {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Map => Self::Map(BTreeSet::new()),
            Kind::Stack => Self::Stack(Vec::new()),
            Kind::Queue => Self::Queue(VecDeque::new()),
        }
    }

    /// The operation on the model.
    pub(super) fn apply(&mut self, op: Op) -> Answer {
        match (op, self) {
            (Op::Insert(key), Self::Map(map)) => Answer::Flag(map.insert(key)),
            (Op::Insert(key), Self::Stack(stack)) => {
                stack.push(key);
                Answer::Flag(true)
            }
            (Op::Insert(key), Self::Queue(queue)) => {
                queue.push_back(key);
                Answer::Flag(true)
            }
            (Op::Remove(key), Self::Map(map)) => Answer::Key(map.take(&key)),
            (Op::Remove(_), Self::Stack(stack)) => Answer::Key(stack.pop()),
            (Op::Remove(_), Self::Queue(queue)) => Answer::Key(queue.pop_front()),
            (Op::Contains(key), Self::Map(map)) => Answer::Flag(map.contains(&key)),
            (Op::Contains(_), Self::Stack(stack)) => Answer::Flag(!stack.is_empty()),
            (Op::Contains(_), Self::Queue(queue)) => Answer::Flag(!queue.is_empty()),
        }
    }

    /// The keys in the order of [`kovan_structures::Structure::contents`], maps in key order.
    pub(super) fn contents(&self) -> Vec<u64> {
        match self {
            Self::Map(map) => map.iter().copied().collect(),
            Self::Stack(stack) => stack.iter().rev().copied().collect(),
            Self::Queue(queue) => queue.iter().copied().collect(),
        }
    }
}

/// Whether the contents of a structure come in the order of the model's.
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
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Key(Some(key)) => write!(f, "{key}"),
            Self::Key(None) => f.write_str("nothing"),
        }
    }
}
