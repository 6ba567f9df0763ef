//! What devices, hubs and the server say to each other; `docs/protocol.md` describes it in words.
//!
//! Both sides use these types, so that neither can drift. Times are milliseconds since the epoch.

#[cfg(feature = "client")]
mod body;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
mod drive;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
pub mod hints;
#[cfg(feature = "client")]
pub(crate) mod lanes;
#[cfg(feature = "client")]
pub mod machine;
pub mod page;
pub mod pairing;
pub mod push;
#[cfg(feature = "client")]
mod report;
#[cfg(feature = "client")]
pub(crate) mod runner;

#[cfg(feature = "client")]
pub use error::SyncError;
#[cfg(feature = "client")]
pub use lanes::{Pulled, Pushed};
#[cfg(feature = "client")]
pub use report::{Problem, SyncReport};

/// The path under which a server offers sync.
pub const BASE_PATH: &str = "/api/v1/sync";
/// The most scans that one push carries.
pub const MAX_PUSH: usize = 1_000;
/// The most changes that one feed page carries.
pub const MAX_PAGE: usize = 10_000;
/// The largest feed page or push, in bytes before compression.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
