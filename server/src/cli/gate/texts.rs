//! What staff see and hear: a text, a colour and a signal for every verdict.
//!
//! This is the one place of the command line that a new [`DenyReason`] must visit: the match below
//! has no wildcard, so that nothing builds until the reason has all three.

use bilten_core::checkin::{DenyReason, Verdict};
use serde::Serialize;

/// What the lamp shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Colour {
    /// Pass.
    Green,
    /// Stop; staff can help.
    Amber,
    /// Stop.
    Red,
}

/// What is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Signal {
    /// One bright tone: pass.
    Chime,
    /// One low tone: stop.
    Buzz,
    /// Two low tones: stop, and look at the person.
    DoubleBuzz,
}

/// A verdict as staff see and hear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// A few words.
    pub(super) text: &'static str,
    /// The lamp.
    pub(super) colour: Colour,
    /// The sound.
    pub(super) signal: Signal,
}

/// How a verdict is shown.
pub(super) const fn shown(verdict: Verdict) -> Shown {
    use Colour::{Amber, Green, Red};
    use Signal::{Buzz, Chime, DoubleBuzz};
    let (text, colour, signal) = match verdict {
        Verdict::Admit => ("come in", Green, Chime),
        Verdict::Deny { reason } => match reason {
            DenyReason::NotATicket => ("this is not a Bilten ticket", Amber, Buzz),
            DenyReason::Malformed => ("the code is torn or misread: scan again", Amber, Buzz),
            DenyReason::NewerFormat => ("this gate needs a newer version", Amber, Buzz),
            DenyReason::UnknownKey => ("signed by a key that is not known here", Red, Buzz),
            DenyReason::KeyNotInForce => ("signed by a key that is not in force", Red, Buzz),
            DenyReason::BadSignature => ("forged or altered", Red, DoubleBuzz),
            DenyReason::BeyondCertificate => {
                ("not covered by the box office's right", Red, DoubleBuzz)
            }
            DenyReason::WrongEvent => ("a ticket for another event", Amber, Buzz),
            DenyReason::KindNotAllowed => ("box office tickets do not enter here", Amber, Buzz),
            DenyReason::NotOnAllowlist => ("not on this gate's list", Amber, Buzz),
            DenyReason::Revoked => ("this ticket was revoked", Red, DoubleBuzz),
            DenyReason::Superseded => ("a newer ticket replaced this one", Red, DoubleBuzz),
            DenyReason::Blocked => ("blocked by the organiser", Amber, Buzz),
            DenyReason::Cancelled => ("this ticket was cancelled", Red, Buzz),
            DenyReason::Unpaid => ("not paid", Amber, Buzz),
            DenyReason::ListNotOpen => ("entry has not begun", Amber, Buzz),
            DenyReason::ListClosed => ("entry has ended", Amber, Buzz),
            DenyReason::NotYetValid => ("valid only later", Amber, Buzz),
            DenyReason::Expired => ("no longer valid", Red, Buzz),
            DenyReason::WrongTier => ("not for this area", Amber, Buzz),
            DenyReason::WrongGate => ("please use another gate", Amber, Buzz),
            DenyReason::AlreadyRedeemed => ("somebody is in with this ticket", Red, DoubleBuzz),
            DenyReason::NotInside => ("nobody is inside with this ticket", Amber, Buzz),
            DenyReason::Full => ("full: wait until somebody leaves", Amber, Buzz),
        },
    };
    Shown {
        text,
        colour,
        signal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: SCAN-2
    #[test]
    fn no_refusal_looks_sounds_or_reads_like_another_verdict() {
        let admit = shown(Verdict::Admit);
        let mut texts = vec![admit.text];
        for &reason in DenyReason::ALL {
            let refusal = shown(Verdict::Deny { reason });
            assert_ne!(refusal.colour, admit.colour, "{reason}");
            assert_ne!(refusal.signal, admit.signal, "{reason}");
            assert_eq!(
                refusal.signal == Signal::DoubleBuzz,
                reason.is_suspicious(),
                "{reason}"
            );
            assert!(!texts.contains(&refusal.text), "{reason}");
            texts.push(refusal.text);
        }
    }
}
