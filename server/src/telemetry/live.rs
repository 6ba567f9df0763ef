//! What can be exchanged while the process runs.

use std::ops::Deref;
use std::sync::{OnceLock, PoisonError, RwLock};

/// A value that is read by reference and replaced now and then, such as the configuration.
///
/// Earlier values are kept until the end, since somebody may still be reading them: they are few,
/// one for each time that an operator changes a file.
#[derive(Debug)]
pub struct Live<T> {
    value: T,
    next: OnceLock<Box<Live<T>>>,
}

impl<T> Live<T> {
    /// Begins with this value.
    pub const fn new(value: T) -> Self {
        Self {
            value,
            next: OnceLock::new(),
        }
    }

    /// Everybody who looks from now on sees this value.
    pub fn replace(&self, value: T) {
        let mut last = self;
        let mut new = Box::new(Self::new(value));
        loop {
            match last.next.set(new) {
                Ok(()) => return,
                // Somebody else was faster; ours comes after theirs.
                Err(ours) => new = ours,
            }
            match last.next.get() {
                Some(next) => last = next,
                None => return,
            }
        }
    }
}

impl<T> Deref for Live<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let mut last = self;
        while let Some(next) = last.next.get() {
            last = next;
        }
        &last.value
    }
}

/// A handle that is cloned out and replaced now and then, such as who carries mail.
#[derive(Debug, Default)]
pub struct Exchange<T>(RwLock<T>);

impl<T: Clone> Exchange<T> {
    /// Begins with this one.
    pub const fn new(first: T) -> Self {
        Self(RwLock::new(first))
    }

    /// The one that is used now.
    pub fn current(&self) -> T {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Uses this one from now on; who has the other goes on with that.
    pub fn replace(&self, next: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_seen_and_earlier_ones_stay_readable() {
        let live = Live::new("a".to_owned());
        let first: &str = &live;
        live.replace("b".to_owned());
        assert_eq!((first, live.as_str()), ("a", "b"));
        std::thread::scope(|scope| {
            for n in 0..8 {
                let live = &live;
                scope.spawn(move || live.replace(n.to_string()));
            }
        });
        let mut count = 0;
        let mut at = &live;
        while let Some(next) = at.next.get() {
            (count, at) = (count + 1, next);
        }
        assert_eq!(count, 9);
        assert_eq!(at.value, *live);
    }
}
