//! Requests that are done once, however often they are sent.

use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::record;
use serde::{Deserialize, Serialize};

record! {
    /// A request as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::platform) struct OnceRow {
        pub request_hash: Vec<u8>,
        pub claim: String,
        pub claimed_until: Timestamp,
        pub has_written: bool,
        pub is_answered: bool,
        pub sealed_answer: Vec<u8>,
        pub expires_at: Timestamp,
    }
}

/// A request that carries an `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// A hash of who asks, what for, and the key.
    pub id: String,
    /// A hash of all that is asked.
    pub request_hash: [u8; 32],
}

/// Who carries a request out, until they say how it ended or their time is over. It guards what is
/// written meanwhile, see [`bilten_kernel::db::guarded`].
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    pub(in crate::platform) id: String,
    /// Nobody else's.
    pub(in crate::platform) token: String,
}

/// An answer as it is given again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The status.
    pub status: u16,
    /// Headers that belong to it.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is to be done about such a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Do it, under this claim.
    New(Arc<Claim>),
    /// It was done: answer so.
    Done(KeptAnswer),
    /// It is being done.
    UnderWay,
    /// Something was written for it, but nobody lives who knows the answer.
    Unknown,
    /// The key was used for something else.
    Reused,
}
