//! How receivers are asked.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::StatusCode;
use bilten_adapters::outgoing::{BreakerRules, Outgoing, OutgoingError, Reading, Rules};

use super::model::ANSWER_KEPT;
use crate::app::App;

const RULES: Rules = Rules {
    allows_private: false,
    connect: Duration::from_secs(5),
    whole: Duration::from_secs(15),
    reading: Reading::Beginning(ANSWER_KEPT),
    is_failure,
    breaker: BreakerRules {
        failures: 5,
        pause: Duration::from_secs(30),
        longest: Duration::from_secs(3_600),
    },
};

fn is_failure(status: StatusCode) -> bool {
    !status.is_success()
}

/// Sends to receivers, and remembers which of them are away.
#[derive(Default)]
pub struct Receivers(OnceLock<Result<Outgoing, OutgoingError>>);

impl Receivers {
    pub(super) fn outgoing(&self, app: &App) -> Result<&Outgoing, OutgoingError> {
        let make = || {
            let rules = Rules {
                allows_private: app.config.webhooks.private_networks,
                ..RULES
            };
            Outgoing::new(rules, Arc::clone(&app.clock))
        };
        self.0.get_or_init(make).as_ref().map_err(Clone::clone)
    }
}
