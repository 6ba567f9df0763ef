//! How receivers are asked.

use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;
use bilten_adapters::outgoing::{Outgoing, Reach, Reading, Rules, Traced, WEBHOOK_RECEIVER};

use super::model::ANSWER_KEPT;
use crate::app::App;

const RULES: Rules = Rules {
    peer: &WEBHOOK_RECEIVER,
    reach: Reach::Public,
    reading: Reading::Beginning(ANSWER_KEPT),
    is_failure,
    // One id from the request that caused it to whoever is told of it.
    traced: Traced::AndTold,
};

fn is_failure(status: StatusCode) -> bool {
    !status.is_success()
}

/// Sends to receivers.
#[derive(Default)]
pub struct Receivers(OnceLock<Outgoing>);

impl Receivers {
    pub(super) fn outgoing(&self, app: &App) -> &Outgoing {
        self.0.get_or_init(|| {
            let reach = if app.config.webhooks.private_networks {
                Reach::Anywhere
            } else {
                Reach::Public
            };
            Outgoing::new(Rules { reach, ..RULES }, Arc::clone(&app.outside))
        })
    }
}
