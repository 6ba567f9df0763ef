//! Types and pure rules of the platform.

mod audit;
mod keys;
mod maintenance;
mod sealed;
mod settings;

pub use audit::*;
pub use keys::*;
pub use maintenance::Maintenance;
pub use sealed::SealedColumn;
pub use settings::*;
