//! References into a map that keep what they point to protected.

use std::error::Error;
use std::fmt;
use std::ops::Deref;

use kovan_schemes::{Reclaimer, Shield};

/// A key and its value, found in a map. They stay readable while this lives, also if the key is
/// removed meanwhile. It keeps the shield that protects them, if the scheme needs one, so whoever
/// holds many of these under a pointer scheme holds as many shields.
pub struct Entry<'g, 'h, K, V, R: Reclaimer> {
    key: &'g K,
    value: &'g V,
    _shield: Shield<'h, R>,
}

impl<'g, 'h, K, V, R: Reclaimer> Entry<'g, 'h, K, V, R> {
    /// The caller vouches that the guard of `'g` or the shield protects both references until the
    /// shield is dropped.
    #[inline]
    pub(crate) fn new(key: &'g K, value: &'g V, shield: Shield<'h, R>) -> Self {
        Self { key, value, _shield: shield }
    }

    // The references of `'g` do not leave: without the shield they may dangle.

    /// The key.
    #[must_use]
    #[inline]
    pub fn key(&self) -> &K {
        self.key
    }

    /// The value.
    #[must_use]
    #[inline]
    pub fn value(&self) -> &V {
        self.value
    }
}

impl<K, V, R: Reclaimer> Deref for Entry<'_, '_, K, V, R> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        self.value
    }
}

impl<K: fmt::Debug, V: fmt::Debug, R: Reclaimer> fmt::Debug for Entry<'_, '_, K, V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.key).field(&self.value).finish()
    }
}

/// The error of an insertion whose key is present.
pub struct OccupiedError<'g, 'h, K, V, R: Reclaimer> {
    /// What is there.
    pub entry: Entry<'g, 'h, K, V, R>,
    /// The key that was not inserted.
    pub key: K,
    /// The value that was not inserted.
    pub value: V,
}

impl<K: fmt::Debug, V: fmt::Debug, R: Reclaimer> fmt::Debug for OccupiedError<'_, '_, K, V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("OccupiedError");
        debug.field("entry", &self.entry).field("key", &self.key).field("value", &self.value);
        debug.finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug, R: Reclaimer> fmt::Display for OccupiedError<'_, '_, K, V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, value, .. } = self;
        write!(f, "did not insert {value:?}: {:?} already has {:?}", entry.key(), entry.value())
    }
}

impl<K: fmt::Debug, V: fmt::Debug, R: Reclaimer> Error for OccupiedError<'_, '_, K, V, R> {}
