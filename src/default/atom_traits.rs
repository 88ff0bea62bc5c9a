//! The usual traits of safe cells, over their public interface.

use core::fmt;

use super::atom::{Atom, AtomGuard, AtomMap, AtomMapGuard, AtomOption, Removed};

impl<T: Send + Sync + Default + 'static> Default for Atom<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
impl<T: Send + Sync + 'static> Default for AtomOption<T> {
    fn default() -> Self {
        Self::none()
    }
}
impl<T: Send + Sync + 'static> From<T> for Atom<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
impl<T: Send + Sync + PartialEq + 'static> PartialEq for Removed<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
impl<T: Send + Sync + PartialEq + 'static> PartialEq<T> for Removed<T> {
    fn eq(&self, other: &T) -> bool {
        **self == *other
    }
}
impl<T: fmt::Debug> fmt::Debug for AtomGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
impl<T: fmt::Display> fmt::Display for AtomGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
impl<T: Send + Sync + fmt::Debug + 'static> fmt::Debug for Removed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
impl<T: Send + Sync + fmt::Display + 'static> fmt::Display for Removed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
impl<T: Send + Sync + fmt::Debug + 'static> fmt::Debug for Atom<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Atom").field(&self.load()).finish()
    }
}
impl<T: Send + Sync + fmt::Debug + 'static> fmt::Debug for AtomOption<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AtomOption").field(&self.load()).finish()
    }
}
impl<T: Send + Sync + 'static, R: ?Sized, F> fmt::Debug for AtomMap<'_, T, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomMap").finish_non_exhaustive()
    }
}
impl<T: Send + Sync + 'static, R: fmt::Debug + ?Sized, F: Fn(&T) -> &R> fmt::Debug
    for AtomMapGuard<'_, T, R, F>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
