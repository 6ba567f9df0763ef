//! What devices, hubs and the server say to each other; `docs/protocol.md` describes it in words.
//!
//! Both sides use these types, so that neither can drift. Times are milliseconds since the epoch.

pub mod page;
pub mod pairing;
pub mod push;

/// The path under which a server offers sync.
pub const BASE_PATH: &str = "/api/v1/sync";
/// The most scans that one push carries.
pub const MAX_PUSH: usize = 1_000;
/// The most changes that one feed page carries.
pub const MAX_PAGE: usize = 10_000;
/// The largest feed page or push, in bytes before compression.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
