//! Deliveries: a message for one endpoint, tried until it is taken or the time is over.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::random::{self, Random};
use bilten_kernel::{record, text_enum};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// The pauses between attempts, each with a tenth more or less by chance: almost three days in all.
pub const SCHEDULE: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * MINUTE.as_secs()),
    Duration::from_secs(30 * MINUTE.as_secs()),
    Duration::from_secs(2 * HOUR.as_secs()),
    Duration::from_secs(5 * HOUR.as_secs()),
    Duration::from_secs(10 * HOUR.as_secs()),
    Duration::from_secs(14 * HOUR.as_secs()),
    Duration::from_secs(20 * HOUR.as_secs()),
    Duration::from_secs(20 * HOUR.as_secs()),
];
/// How often a delivery is tried at most.
pub const MOST_ATTEMPTS: u32 = 10;
/// An attempt after that is the last one, however many there were.
pub const GIVE_UP: Duration = Duration::from_secs(4 * 86_400);
/// How long a receiver can ask us to wait at most.
const MOST_WAIT: Duration = Duration::from_secs(24 * HOUR.as_secs());
/// How long messages and what came of them are kept.
pub const KEPT: Duration = Duration::from_secs(30 * 86_400);
/// How much of an answer is kept, in bytes.
pub const ANSWER_KEPT: usize = 500;

text_enum! {
    /// Where a delivery stands.
    ///
    /// ```text
    /// pending ──(2xx)──▶ delivered
    ///    ├──(the last attempt failed)──▶ failed
    ///    ▲──(sent again)── delivered, failed
    /// ```
    pub enum DeliveryState {
        /// It is to be tried.
        Pending = "pending",
        /// The receiver took it.
        Delivered = "delivered",
        /// The receiver did not take it in all the time.
        Failed = "failed",
    }
}

text_enum! {
    /// What came of an attempt.
    pub enum AttemptOutcome {
        /// The receiver took it: it answered 2xx.
        Delivered = "delivered",
        /// The receiver answered something else.
        Refused = "refused",
        /// The receiver answered that it is elsewhere; nobody is followed there.
        Redirected = "redirected",
        /// The receiver took too long.
        TooSlow = "too_slow",
        /// There was no connection.
        Unreachable = "unreachable",
        /// The answer made no sense, or broke off.
        Broken = "broken",
        /// The address is not one that is sent to, such as one in a private network.
        AddressBlocked = "address_blocked",
    }
}

/// When the next attempt is after so many have failed; nothing after the last.
pub fn next_attempt(
    random: &dyn Random,
    failed: u32,
    most: u32,
    asked_for: Option<Duration>,
) -> Option<Duration> {
    if failed >= most {
        return None;
    }
    let place = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX);
    let pause = SCHEDULE.get(place).or(SCHEDULE.last())?;
    let tenth = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX) / 10;
    let chance = random::below(random, 2 * tenth + 1);
    let pause = *pause + Duration::from_millis(chance) - Duration::from_millis(tenth);
    Some(pause.max(asked_for.unwrap_or_default().min(MOST_WAIT)))
}

/// The first letters of an answer, in one line of text that any database holds.
pub fn beginning(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

record! {
    /// A message for one endpoint.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct WebhookDelivery {
        /// Its id.
        pub id: WebhookDeliveryId,
        /// Where it goes.
        pub endpoint_id: WebhookEndpointId,
        /// What is sent: the receiver's `webhook-id`.
        pub message_id: WebhookMessageId,
        /// What happened.
        pub event_type: String,
        /// Where it stands.
        pub state: DeliveryState,
        /// How often it was tried since it was made or asked for again.
        pub attempts: u32,
        /// When it is tried next, if it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub next_attempt_at: Option<Timestamp>,
        /// What the receiver answered last, if it did.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub last_status: Option<u16>,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was taken or given up.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub finished_at: Option<Timestamp>,
    }
}

record! {
    /// What came of one attempt.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct WebhookAttempt {
        /// Its id.
        pub id: WebhookAttemptId,
        /// When it began.
        pub at: Timestamp,
        /// What came of it.
        pub outcome: AttemptOutcome,
        /// The status of the answer, if there was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status: Option<u16>,
        /// How long it took until the answer, in milliseconds.
        pub latency_ms: i64,
        /// The first letters of the answer.
        pub answer: String,
    }
}

/// A delivery with what was sent and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WebhookDeliveryDetail {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: WebhookDelivery,
    /// What is sent.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// The id of the request that led to it, as in its `X-Request-Id` and in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The newest attempts, the newest first; at most 100.
    pub log: Vec<WebhookAttempt>,
}

/// Which deliveries are wanted; all that is given must fit.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// How many, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
    /// Only those that stand there.
    pub state: Option<DeliveryState>,
    /// Only those of this event type.
    pub event_type: Option<String>,
}

text_enum! {
    /// Which messages are sent again.
    pub enum ReplayScope {
        /// Those that the endpoint did not take, and those that it missed while it was off.
        Missed = "missed",
        /// All that it wants.
        All = "all",
    }
}

/// A span of time of which messages are sent again.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayInput {
    /// Of what happened from then on; at most 30 days ago.
    pub from: Timestamp,
    /// Of what happened before; up to now if absent.
    pub until: Option<Timestamp>,
    /// Which of them; those that were missed if absent.
    pub scope: Option<ReplayScope>,
}

/// How many messages are looked at to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Replay {
    /// How many there are in the span; those that are not wanted are left out as it goes.
    pub messages: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use bilten_kernel::random::SeededRandom;

    /// covers: GW-10
    #[test]
    fn retries_go_on_for_three_days_and_then_end() {
        let random = SeededRandom::new(1);
        let mut sum = Duration::ZERO;
        for failed in 1..MOST_ATTEMPTS {
            let pause = next_attempt(&random, failed, MOST_ATTEMPTS, None).unwrap();
            let usual = SCHEDULE[usize::try_from(failed).unwrap() - 1];
            assert!(
                pause >= usual.mul_f64(0.89) && pause <= usual.mul_f64(1.11),
                "{failed}"
            );
            sum += pause;
        }
        assert!(
            sum > Duration::from_hours(64) && sum < Duration::from_hours(80),
            "{sum:?}"
        );
        assert!(sum < GIVE_UP);
        assert_eq!(SCHEDULE.len() + 1, usize::try_from(MOST_ATTEMPTS).unwrap());
        assert_eq!(
            next_attempt(&random, MOST_ATTEMPTS, MOST_ATTEMPTS, None),
            None
        );
        assert_eq!(next_attempt(&random, 1, 1, None), None);
        // A receiver may ask for more time, but not for ever.
        let asked = |wait| next_attempt(&random, 1, MOST_ATTEMPTS, Some(wait)).unwrap();
        assert_eq!(asked(Duration::from_secs(90)), Duration::from_secs(90));
        assert!(asked(Duration::from_secs(1)) > Duration::from_secs(4));
        assert_eq!(asked(Duration::from_hours(900)), Duration::from_hours(24));
    }

    #[test]
    fn the_beginning_of_any_answer_is_text() {
        assert_eq!(beginning(b" no\0 \r\n\x1b[31m way"), "no     [31m way");
        assert_eq!(beginning(&[0xff, b'a']), "\u{fffd}a");
        assert_eq!(beginning(b""), "");
    }
}
