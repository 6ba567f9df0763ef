//! Types and pure rules of the platform.

mod audit;
mod blocks;
mod keys;
mod maintenance;
mod once;
mod operating;
mod outbox;
mod sealed;
mod settings;

pub use audit::*;
pub use blocks::*;
pub use keys::*;
pub use maintenance::Maintenance;
pub use once::*;
pub use operating::*;
pub use outbox::*;
pub use sealed::SealedColumn;
pub use settings::*;
