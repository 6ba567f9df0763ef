#![doc = include_str!("../README.md")]

pub mod clock;
pub mod db;
pub mod error;
pub mod id;
pub mod lane;
pub mod money;
pub mod random;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text_enum;

/// The kernel's own tables; their versions are below 100.
pub const MIGRATIONS: &[db::Migration] = &[];

/// What the macros of this crate need; not for use by hand.
#[doc(hidden)]
pub mod private {
    pub use {linkme, serde, tokio, utoipa};
}
