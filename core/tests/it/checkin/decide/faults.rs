//! A way to each reason, and which of two is told.

use super::super::{ENTRY, EXIT, passage};
use super::{AT, NOW, Scene};
use bilten_core::checkin::{DenyReason, Evidence, TicketState, Verdict};
use bilten_core::id::EventId;
use bilten_core::ticket::{Distrust, Malformed};
use std::collections::BTreeSet;

/// Faults that touch the same part of a scene exclude each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Evidence,
    Event,
    Kind,
    Record,
    Version,
    Revocation,
    Opening,
    Closing,
    Validity,
    ListTiers,
    GateTiers,
    Passages,
    Inside,
}

struct Fault {
    reason: DenyReason,
    parts: &'static [Part],
    /// Whether the fault matters only to those who enter.
    entry_only: bool,
    apply: fn(&mut Scene),
}

/// One way to each reason.
fn faults() -> Vec<Fault> {
    use DenyReason as R;
    let fault = |reason, parts, apply| Fault {
        reason,
        parts,
        entry_only: false,
        apply,
    };
    let entry = |reason, parts, apply| Fault {
        reason,
        parts,
        entry_only: true,
        apply,
    };
    vec![
        fault(R::NotATicket, &[Part::Evidence], |s| {
            s.evidence = Some(Evidence::Malformed(Malformed::NotATicket));
        }),
        fault(R::Malformed, &[Part::Evidence], |s| {
            s.evidence = Some(Evidence::Malformed(Malformed::Truncated));
        }),
        fault(R::NewerFormat, &[Part::Evidence], |s| {
            s.evidence = Some(Evidence::Malformed(Malformed::UnknownFormat));
        }),
        fault(R::UnknownKey, &[Part::Evidence], |s| {
            s.evidence = Some(Evidence::Distrusted(Distrust::UnknownKey));
        }),
        fault(R::KeyNotInForce, &[Part::Evidence], |s| {
            s.evidence = Some(Evidence::Distrusted(Distrust::KeyNotInForce));
        }),
        fault(R::BadSignature, &[Part::Evidence], |s| {
            s.evidence = Some(Evidence::Distrusted(Distrust::BadSignature));
        }),
        fault(R::BeyondCertificate, &[Part::Evidence], |s| {
            s.evidence = Some(Evidence::Distrusted(Distrust::BeyondCertificate));
        }),
        fault(R::WrongEvent, &[Part::Event], |s| {
            s.list.event = EventId::new("evt_festival").unwrap();
        }),
        fault(R::KindNotAllowed, &[Part::Kind], |s| {
            s.list.accepts_delegated = false;
        }),
        fault(R::NotOnAllowlist, &[Part::Record, Part::Version], |s| {
            s.list.allowlist_only = true;
            s.record = None;
        }),
        fault(R::Revoked, &[Part::Revocation], |s| {
            s.revoked_below = Some(10);
        }),
        fault(R::Superseded, &[Part::Version], |s| {
            s.record().version = 6;
        }),
        fault(R::Blocked, &[Part::Record], |s| {
            s.record().state = TicketState::Blocked;
        }),
        fault(R::Cancelled, &[Part::Record], |s| {
            s.record().state = TicketState::Cancelled;
        }),
        fault(R::Unpaid, &[Part::Record], |s| {
            s.record().state = TicketState::Unpaid;
        }),
        entry(R::ListNotOpen, &[Part::Opening], |s| {
            s.list.opens_at = Some(AT.plus_ms(1));
        }),
        entry(R::ListClosed, &[Part::Closing], |s| {
            s.list.closes_at = Some(AT);
        }),
        entry(R::NotYetValid, &[Part::Validity], |s| {
            s.validity.from = NOW + 1;
        }),
        entry(R::Expired, &[Part::Validity], |s| {
            s.validity.until = NOW;
        }),
        entry(R::WrongTier, &[Part::ListTiers], |s| {
            s.list.tiers = Some(vec![1, 2]);
        }),
        entry(R::WrongGate, &[Part::GateTiers], |s| {
            s.scan.gate.as_mut().unwrap().tiers = Some(vec![]);
        }),
        entry(R::AlreadyRedeemed, &[Part::Passages], |s| {
            s.history.passages.push(passage(1, 0, ENTRY));
        }),
        fault(R::NotInside, &[Part::Passages], |s| {
            s.scan.direction = EXIT;
        }),
        entry(R::Full, &[Part::Inside], |s| {
            s.list.capacity = Some(40);
            s.history.inside = 40;
        }),
    ]
}

/// covers: SCAN-1
#[test]
fn without_a_fault_the_ticket_is_admitted() {
    assert_eq!(Scene::default().verdict(), Verdict::Admit);
    assert_eq!(Scene::default().found().verdict(), Verdict::Admit);
    assert!(Scene::default().verdict().is_admit());
}

/// covers: SCAN-1 SCAN-2
#[test]
fn each_fault_is_refused_for_its_reason_and_every_reason_has_a_fault() {
    let mut seen = BTreeSet::new();
    for fault in faults() {
        let refusal = Scene::with(fault.apply).refusal();
        assert_eq!(refusal, Some(fault.reason));
        seen.insert(fault.reason);
    }
    assert!(seen.iter().eq(DenyReason::ALL), "in the order of ALL");
}

/// The first of two reasons, in the order of `DenyReason::ALL`, is the one that is told.
///
/// covers: SCAN-1
#[test]
fn of_two_faults_the_first_is_told() {
    let faults = faults();
    let mut pairs = 0;
    for (i, first) in faults.iter().enumerate() {
        for second in &faults[i + 1..] {
            if first.parts.iter().any(|part| second.parts.contains(part)) {
                continue;
            }
            let mut scene = Scene::default();
            (first.apply)(&mut scene);
            (second.apply)(&mut scene);
            let is_leaving = scene.scan.direction == EXIT;
            let told = if first.entry_only && is_leaving {
                second
            } else {
                first
            };
            assert!(!told.entry_only || !is_leaving);
            assert_eq!(
                scene.refusal(),
                Some(told.reason),
                "{:?} and {:?}",
                first.reason,
                second.reason
            );
            pairs += 1;
        }
    }
    assert!(pairs > 200, "{pairs} pairs");
}

#[test]
fn every_malformation_and_distrust_is_refused_alike_in_and_out() {
    let reason = |fault| match fault {
        Malformed::NotATicket => DenyReason::NotATicket,
        Malformed::UnknownFormat | Malformed::UnknownKind | Malformed::CertificateFormat => {
            DenyReason::NewerFormat
        }
        Malformed::TooLong
        | Malformed::Base45
        | Malformed::Truncated
        | Malformed::TrailingBytes
        | Malformed::VersionZero
        | Malformed::EmptyValidity
        | Malformed::CertificateKey
        | Malformed::CertificateTiers
        | Malformed::CertificateValidity => DenyReason::Malformed,
    };
    for &fault in Malformed::ALL {
        let scene = Scene::with(|s| s.evidence = Some(Evidence::Malformed(fault)));
        assert_eq!(scene.refusal(), Some(reason(fault)));
        assert_eq!(scene.leaving().refusal(), Some(reason(fault)));
    }
    for &fault in Distrust::ALL {
        let scene = Scene::with(|s| s.evidence = Some(Evidence::Distrusted(fault)));
        let refusal = scene.refusal().map(DenyReason::code);
        assert_eq!(refusal, Some(fault.code()), "one name for one thing");
    }
}

/// covers: SCAN-3
#[test]
fn leaving_is_never_refused_for_the_time_the_tier_the_place_or_a_full_house() {
    for fault in faults().into_iter().filter(|fault| fault.entry_only) {
        let scene = Scene::with(|s| {
            s.history.passages = vec![passage(1, 0, ENTRY)];
            (fault.apply)(s);
            s.history.passages.truncate(1);
        });
        assert_eq!(scene.leaving().refusal(), None, "{}", fault.reason);
    }
}

#[test]
fn who_is_dead_on_paper_cannot_leave_by_that_paper() {
    let inside = |change: fn(&mut Scene)| {
        Scene::with(|s| {
            s.history.passages = vec![passage(1, 0, ENTRY)];
            change(s);
        })
        .leaving()
        .refusal()
    };
    assert_eq!(inside(|_| {}), None);
    assert_eq!(
        inside(|s| s.revoked_below = Some(6)),
        Some(DenyReason::Revoked)
    );
    assert_eq!(
        inside(|s| s.list.event = EventId::new("evt_festival").unwrap()),
        Some(DenyReason::WrongEvent)
    );
}

/// covers: SCAN-2
#[test]
fn reasons_have_codes_that_come_back() {
    let mut codes = BTreeSet::new();
    for &reason in DenyReason::ALL {
        assert_eq!(DenyReason::from_code(reason.code()), Some(reason));
        assert_eq!(reason.to_string(), reason.code());
        let json = serde_json::to_string(&reason).unwrap();
        assert_eq!(json, format!("\"{}\"", reason.code()));
        assert_eq!(serde_json::from_str::<DenyReason>(&json).unwrap(), reason);
        codes.insert(reason.code());
    }
    assert_eq!(codes.len(), DenyReason::ALL.len());
    assert_eq!(DenyReason::from_code("unheard_of"), None);
}
