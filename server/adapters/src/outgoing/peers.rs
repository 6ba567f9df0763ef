//! Everybody that the server calls.

use std::time::Duration;

use super::BreakerRules;

/// One kind of others: what they are to us, and what is special about calling them.
#[derive(Debug)]
pub struct Peer {
    /// Their name in metrics and traces; never an address.
    pub name: &'static str,
    /// When one of them is left alone, if not as the configuration says.
    pub breaker: Option<BreakerRules>,
    /// How many calls one of them gets at once, if not as the configuration says.
    pub at_once: Option<usize>,
    /// How long a call waits for its turn when so many are under way.
    pub waits: Duration,
    /// Whether a person waits for the answer.
    pub is_awaited: bool,
}

/// What most have in common: the configuration decides, and calls wait a moment.
const USUAL: Peer = Peer {
    name: "others",
    breaker: None,
    at_once: None,
    waits: Duration::from_secs(1),
    is_awaited: false,
};

/// The server that takes mail.
pub static MAIL_SERVER: Peer = Peer {
    name: "smtp",
    ..USUAL
};
/// The gateway for text messages.
pub static SMS_GATEWAY: Peer = Peer {
    name: "sms",
    ..USUAL
};
/// Identity providers that organisations have chosen: people wait to be let in.
pub static IDENTITY_PROVIDER: Peer = Peer {
    name: "identity_provider",
    breaker: Some(BreakerRules {
        failures: 10,
        pause: Duration::from_secs(5),
        longest: Duration::from_secs(60),
    }),
    is_awaited: true,
    ..USUAL
};
/// Receivers of webhooks. Those of tenants are often away for long, and each waits in the database.
pub static WEBHOOK_RECEIVER: Peer = Peer {
    name: "webhook",
    breaker: Some(BreakerRules {
        failures: 5,
        pause: Duration::from_secs(30),
        longest: Duration::from_secs(3_600),
    }),
    ..USUAL
};
/// The collector of traces.
pub static COLLECTOR: Peer = Peer {
    name: "collector",
    ..USUAL
};
/// Limits that all nodes share: asked by every request, so nobody waits for a turn, and a node that
/// counts by itself soon asks again.
pub static SHARED_LIMITS: Peer = Peer {
    name: "limits",
    breaker: Some(BreakerRules {
        failures: 5,
        pause: Duration::from_secs(1),
        longest: Duration::from_secs(5),
    }),
    at_once: Some(256),
    waits: Duration::ZERO,
    is_awaited: true,
};
/// A server on this machine, asked by `bilten doctor`.
pub static OWN_SERVER: Peer = Peer {
    name: "own_server",
    is_awaited: true,
    ..USUAL
};
