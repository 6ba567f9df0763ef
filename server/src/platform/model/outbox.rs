//! What operators see of the outbox.

use bilten_kernel::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far behind the outbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutboxReport {
    /// How many entries wait to be delivered.
    pub waiting: i64,
    /// How many of them were refused at least once.
    pub refused: i64,
    /// How many are dead letters: refused too often, and set aside.
    pub dead: i64,
    /// When the oldest that waits was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_at: Option<Timestamp>,
    /// How long it has waited, in milliseconds; 0 if nothing waits.
    pub lag_ms: i64,
}

/// An entry of the outbox that was refused too often. What it says is not shown: it may be personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// What it happened to.
    pub aggregate: String,
    /// What happened.
    pub kind: String,
    /// Who refused it last, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
}

/// Which dead letters are delivered again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayLetters {
    /// Their numbers, at most 1,000; all of them if absent.
    pub ids: Option<Vec<i64>>,
}

/// How many dead letters are delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReplayedLetters {
    /// How many of them there were.
    pub replayed: u64,
}
