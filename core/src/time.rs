//! Points in time as a device knows them.
//!
//! The core never asks what time it is: the caller passes `at`. That keeps decisions repeatable,
//! and lets a gate correct a wrong clock by the offset it learned from the server.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Makes a timestamp of whole seconds since the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Self {
        Self(seconds as i64 * 1_000)
    }

    /// This moment moved by `milliseconds`, held within the range of the type.
    #[must_use]
    pub const fn plus_ms(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }
}

/// A half-open interval `[from, until)` in seconds since the epoch, as tickets and keys carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Validity {
    /// First second at which it is valid.
    pub from: u32,
    /// First second at which it is valid no more.
    pub until: u32,
}

impl Validity {
    /// Valid at every moment that the format can express (until 2106).
    pub const ALWAYS: Self = Self {
        from: 0,
        until: u32::MAX,
    };

    /// Where `at` lies relative to this interval.
    #[must_use]
    pub const fn place(self, at: Timestamp) -> Place {
        if at.0 < Timestamp::from_seconds(self.from).0 {
            Place::Before
        } else if at.0 >= Timestamp::from_seconds(self.until).0 {
            Place::After
        } else {
            Place::Within
        }
    }

    /// Whether the interval holds no moment at all.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.from >= self.until
    }
}

/// A moment's relation to a [`Validity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Earlier than the interval.
    Before,
    /// Inside the interval.
    Within,
    /// At or after the interval's end.
    After,
}
