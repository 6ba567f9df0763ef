//! The sandbox provider: behaves like a payment provider, moves no money.

use super::model::{PaymentMethod, PaymentState, SandboxOutcome};
use super::service::AMOUNT_DUE;

/// How long the sandbox takes to call back late, in milliseconds.
pub(super) const CALL_BACK_MS: i64 = 3_000;

/// What a provider that decides without a network answers at once: the state and a decline code.
///
/// Providers on the network are asked after the stock is held; these decide inside the write.
pub(super) const fn answer(
    method: &PaymentMethod,
    amount_minor: i64,
) -> (PaymentState, Option<&'static str>) {
    match method {
        PaymentMethod::Free if amount_minor == 0 => (PaymentState::Succeeded, None),
        PaymentMethod::Free => (PaymentState::Declined, Some(AMOUNT_DUE)),
        PaymentMethod::Sandbox { outcome, .. } => match outcome {
            SandboxOutcome::Succeed => (PaymentState::Succeeded, None),
            SandboxOutcome::Decline => (PaymentState::Declined, Some("insufficient_funds")),
            SandboxOutcome::DeclineExpiredCard => (PaymentState::Declined, Some("expired_card")),
            SandboxOutcome::DeclineSuspectedFraud => {
                (PaymentState::Declined, Some("suspected_fraud"))
            }
            SandboxOutcome::TimeOut
            | SandboxOutcome::CallBackLate
            | SandboxOutcome::DeclineLate => (PaymentState::Pending, None),
        },
    }
}

/// The decline code of what the provider calls back to decline.
pub(super) const LATE_DECLINE: &str = "insufficient_funds";

/// Whether the provider will call back on its own, and with what: whether the payment succeeded.
pub(super) const fn calls_back(method: &PaymentMethod) -> Option<bool> {
    match method {
        PaymentMethod::Sandbox {
            outcome: SandboxOutcome::CallBackLate,
            ..
        } => Some(true),
        PaymentMethod::Sandbox {
            outcome: SandboxOutcome::DeclineLate,
            ..
        } => Some(false),
        PaymentMethod::Sandbox { .. } | PaymentMethod::Free => None,
    }
}

/// By what the provider names the means of payment, if it does: one fingerprint for one card, whoever pays
/// with it. What is declined at once is paid by nothing.
pub(super) fn fingerprint(method: &PaymentMethod) -> Option<String> {
    match method {
        PaymentMethod::Sandbox {
            card: Some(card), ..
        } if answer(method, 1).0 != PaymentState::Declined => {
            Some(format!("sandbox {}", card.as_str()))
        }
        PaymentMethod::Sandbox { .. } | PaymentMethod::Free => None,
    }
}
