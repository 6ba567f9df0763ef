//! Use cases of webhooks, a file for each thing they are about.

mod attempt;
mod deliveries;
mod endpoints;
mod error;
mod hear;
mod jobs;
mod pump;
mod replay;
mod seals;

pub use deliveries::*;
pub use endpoints::*;
pub use error::WebhookError;
pub use hear::hear;
pub use jobs::{jobs, tidy};
pub use replay::*;
pub(super) use seals::{secret_purpose, url_purpose};
