//! Requests as they are kept and shown, and what is masked in them.

mod mask;
mod record;

use bilten_kernel::typed_id;

pub use mask::*;
pub use record::*;

typed_id!(pub LoggedRequestId, "req", "Names a request that the inspector has kept.");
