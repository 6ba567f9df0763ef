//! Webhooks as organisations see them, and the rules that need no database.
//!
//! | file | holds |
//! |---|---|
//! | `endpoint.rs` | endpoints: where what is sent, and what is wrong with an address |
//! | `event_type.rs` | the event types there are, and who may have them |
//! | `data.rs` | what a message of each type says, by version |
//! | `catalogue.rs` | the types with their JSON schemas, for whoever writes a receiver |
//! | `public.rs` | which domain event becomes which message |
//! | `delivery.rs` | deliveries, their attempts, and when the next one is |
//! | `signature.rs` | signatures by Standard Webhooks |

mod catalogue;
mod data;
mod delivery;
mod endpoint;
mod event_type;
mod public;
mod signature;

use bilten_kernel::typed_id;

pub use catalogue::*;
pub use data::*;
pub use delivery::*;
pub use endpoint::*;
pub use event_type::*;
pub(super) use public::*;
pub use signature::*;

typed_id!(pub WebhookEndpointId, "whe", "Names an endpoint of webhooks.");
typed_id!(pub WebhookMessageId, "whm", "Names a message; the same in every attempt, as `webhook-id`.");
typed_id!(pub WebhookDeliveryId, "whd", "Names a message for one endpoint.");
typed_id!(pub WebhookAttemptId, "wha", "Names one attempt to deliver.");
