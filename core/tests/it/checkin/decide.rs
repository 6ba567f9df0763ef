//! `decide`, reason by reason.

use super::{ENTRY, EXIT, passage, passages, policies};
use bilten_core::checkin::{
    CheckInList, DenyReason, Direction, Evidence, Gate, History, Passage, Policy, Presented, Scan,
    Standing, TicketRecord, TicketState, Verdict, decide, settle,
};
use bilten_core::id::{EventId, GateId, ListId, ScanId, TicketId};
use bilten_core::key::{EventKey, KeySet};
use bilten_core::ticket::{
    DelegatedIssuer, Distrust, Issuer, Kind, Malformed, Payload, Ticket, UntrustedTicket,
};
use bilten_core::time::{Timestamp, Validity};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: u32 = 1_782_928_800;
const AT: Timestamp = Timestamp::from_seconds(NOW);
const ID: TicketId = TicketId([1; 16]);
const TIER: u16 = 3;
const DAY: Validity = Validity {
    from: NOW - 43_200,
    until: NOW + 43_200,
};

fn event() -> EventId {
    EventId::new("evt_concert").unwrap()
}

/// A verified ticket.
fn ticket(kind: Kind, version: u16, validity: Validity) -> Ticket {
    let issuer = Issuer::from_secret(&[7; 32]);
    let mut keys = KeySet::default();
    keys.put(EventKey {
        event: event(),
        public_key: *issuer.public_key(),
        validity: Validity::ALWAYS,
        revoked: false,
    });
    let payload = Payload {
        id: ID,
        version,
        tier: TIER,
        validity,
    };
    let code = match kind {
        Kind::Issued => issuer.issue(payload),
        Kind::Delegated => {
            let device = *Issuer::from_secret(&[8; 32]).public_key();
            let certificate = issuer.certify(device, &[TIER], 10, Validity::ALWAYS);
            DelegatedIssuer::new(&[8; 32], certificate.unwrap()).issue(payload, 0)
        }
    };
    UntrustedTicket::parse(&code.unwrap())
        .unwrap()
        .verify(&keys, AT)
        .unwrap()
}

/// What is passed to `decide`; the default is a delegated ticket that may enter.
#[derive(Clone)]
struct Scene {
    /// In place of the ticket.
    evidence: Option<Evidence>,
    kind: Kind,
    version: u16,
    validity: Validity,
    record: Option<TicketRecord>,
    revoked_below: Option<u16>,
    list: CheckInList,
    history: History,
    scan: Scan,
    at: Timestamp,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            evidence: None,
            kind: Kind::Delegated,
            version: 5,
            validity: DAY,
            record: Some(TicketRecord {
                id: ID,
                version: 5,
                tier: TIER,
                state: TicketState::Valid,
                validity: DAY,
                holder: None,
            }),
            revoked_below: None,
            list: CheckInList {
                id: ListId::new("lst_1").unwrap(),
                event: event(),
                name: "Saturday".to_owned(),
                policy: Policy::Single,
                opens_at: None,
                closes_at: None,
                tiers: None,
                capacity: None,
                accepts_delegated: true,
                allowlist_only: false,
            },
            history: History::default(),
            scan: Scan {
                direction: ENTRY,
                gate: Some(Gate {
                    id: GateId::new("gat_1").unwrap(),
                    name: "North".to_owned(),
                    tiers: None,
                }),
            },
            at: AT,
        }
    }
}

impl Scene {
    fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut scene = Self::default();
        change(&mut scene);
        scene
    }

    /// The same ticket, found by search instead of by its code.
    fn found(mut self) -> Self {
        self.evidence = Some(Evidence::Found(ID));
        self
    }

    fn leaving(mut self) -> Self {
        self.scan.direction = EXIT;
        self
    }

    fn record(&mut self) -> &mut TicketRecord {
        self.record.as_mut().unwrap()
    }

    fn verdict(&self) -> Verdict {
        let evidence = self
            .evidence
            .clone()
            .unwrap_or_else(|| Evidence::Code(ticket(self.kind, self.version, self.validity)));
        let presented = Presented {
            evidence,
            record: self.record.clone(),
            revoked_below: self.revoked_below,
        };
        decide(&presented, &self.list, &self.history, &self.scan, self.at)
    }

    fn refusal(&self) -> Option<DenyReason> {
        match self.verdict() {
            Verdict::Admit => None,
            Verdict::Deny { reason } => Some(reason),
        }
    }
}

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

/// covers: SCAN-1
#[test]
fn policies_tell_a_second_entry_from_a_first() {
    let after = |policy, way: &[Direction], direction| {
        Scene::with(|s| {
            s.list.policy = policy;
            s.scan.direction = direction;
            s.history.passages = (1u8..)
                .zip(way)
                .map(|(n, &direction)| passage(n, i64::from(n), direction))
                .collect();
        })
        .refusal()
    };
    let twice = Some(DenyReason::AlreadyRedeemed);
    let outside = Some(DenyReason::NotInside);
    let two = Policy::Multiple { max: 2 };
    let any = Policy::Multiple { max: 0 };
    for (policy, way, direction, expected) in [
        (Policy::Single, &[][..], ENTRY, None),
        (Policy::Single, &[ENTRY], ENTRY, twice),
        (Policy::Single, &[ENTRY], EXIT, None),
        (Policy::Single, &[ENTRY, EXIT], ENTRY, twice),
        (Policy::Single, &[ENTRY, EXIT], EXIT, outside),
        (Policy::Single, &[], EXIT, outside),
        (two, &[ENTRY], ENTRY, None),
        (two, &[ENTRY, ENTRY], ENTRY, twice),
        (two, &[ENTRY, ENTRY, EXIT], ENTRY, twice),
        (two, &[ENTRY, ENTRY], EXIT, None),
        (two, &[ENTRY, ENTRY, EXIT, EXIT], EXIT, outside),
        (any, &[ENTRY; 9], ENTRY, None),
        (Policy::ReEntry, &[], ENTRY, None),
        (Policy::ReEntry, &[ENTRY], ENTRY, twice),
        (Policy::ReEntry, &[ENTRY, EXIT], ENTRY, None),
        (Policy::ReEntry, &[ENTRY, EXIT, ENTRY], ENTRY, twice),
        (Policy::ReEntry, &[ENTRY, EXIT], EXIT, outside),
        // What did not count (a second entry elsewhere) changes nothing.
        (Policy::ReEntry, &[ENTRY, ENTRY, EXIT], ENTRY, None),
        (Policy::Single, &[EXIT, ENTRY], EXIT, None),
    ] {
        assert_eq!(
            after(policy, way, direction),
            expected,
            "{policy:?} {way:?} {direction:?}"
        );
    }
}

/// covers: SCAN-3
#[test]
fn the_last_place_is_given_and_not_one_more() {
    let with_inside = |inside| {
        Scene::with(|s| {
            s.list.capacity = Some(40);
            s.history.inside = inside;
        })
        .refusal()
    };
    assert_eq!(with_inside(39), None);
    assert_eq!(with_inside(40), Some(DenyReason::Full));
    assert_eq!(with_inside(u32::MAX), Some(DenyReason::Full));
    let closed = Scene::with(|s| s.list.capacity = Some(0));
    assert_eq!(closed.refusal(), Some(DenyReason::Full));
}

#[test]
fn windows_begin_at_their_first_moment_and_end_before_their_last() {
    let at = |ms| {
        Scene::with(|s| {
            s.list.opens_at = Some(AT);
            s.list.closes_at = Some(AT.plus_ms(10));
            s.at = AT.plus_ms(ms);
        })
        .refusal()
    };
    assert_eq!(at(-1), Some(DenyReason::ListNotOpen));
    assert_eq!(at(0), None);
    assert_eq!(at(9), None);
    assert_eq!(at(10), Some(DenyReason::ListClosed));

    let at = |seconds: u32, ms| {
        Scene::with(|s| s.at = Timestamp::from_seconds(seconds).plus_ms(ms)).refusal()
    };
    assert_eq!(at(DAY.from, -1), Some(DenyReason::NotYetValid));
    assert_eq!(at(DAY.from, 0), None);
    assert_eq!(at(DAY.until, -1), None);
    assert_eq!(at(DAY.until, 0), Some(DenyReason::Expired));
}

#[test]
fn gates_and_lists_take_the_tiers_they_name() {
    let refusal = |list: Option<&[u16]>, gate: Option<&[u16]>| {
        Scene::with(|s| {
            s.list.tiers = list.map(<[u16]>::to_vec);
            s.scan.gate.as_mut().unwrap().tiers = gate.map(<[u16]>::to_vec);
        })
        .refusal()
    };
    assert_eq!(refusal(Some(&[1, TIER]), Some(&[TIER])), None);
    assert_eq!(refusal(Some(&[]), None), Some(DenyReason::WrongTier));
    assert_eq!(refusal(None, Some(&[1])), Some(DenyReason::WrongGate));
    let no_gate = Scene::with(|s| s.scan.gate = None);
    assert_eq!(no_gate.refusal(), None);
}

#[test]
fn only_newer_paper_counts_against_older() {
    let refusal = |presented, listed: Option<u16>, revoked_below| {
        Scene::with(|s| {
            s.version = presented;
            match listed {
                Some(version) => s.record().version = version,
                None => s.record = None,
            }
            s.revoked_below = revoked_below;
        })
        .refusal()
    };
    let (dead, old) = (Some(DenyReason::Revoked), Some(DenyReason::Superseded));
    for (presented, listed, revoked_below, expected) in [
        (2, Some(2), None, None),
        // The allowlist is stale: the signature vouches for the newer version.
        (3, Some(2), None, None),
        (3, Some(2), Some(3), None),
        (1, Some(2), None, old),
        (1, None, None, None),
        (1, None, Some(2), dead),
        (2, None, Some(2), None),
        // Revoked without a successor, and with one.
        (2, Some(2), Some(3), dead),
        (1, Some(2), Some(3), dead),
        (1, Some(2), Some(2), old),
        (1, Some(3), Some(2), old),
        (u16::MAX, Some(u16::MAX), Some(u16::MAX), None),
    ] {
        assert_eq!(
            refusal(presented, listed, revoked_below),
            expected,
            "version {presented}, listed {listed:?}, revoked below {revoked_below:?}"
        );
    }
}

/// A newer version does not wake a ticket that the organiser stopped.
#[test]
fn a_stopped_ticket_is_stopped_in_every_version() {
    for (state, reason) in [
        (TicketState::Blocked, DenyReason::Blocked),
        (TicketState::Cancelled, DenyReason::Cancelled),
        (TicketState::Unpaid, DenyReason::Unpaid),
    ] {
        let scene = Scene::with(|s| {
            s.record().state = state;
            s.version = 6;
        });
        assert_eq!(scene.refusal(), Some(reason));
        assert_eq!(scene.found().refusal(), Some(reason));
    }
}

/// What the code says counts, where the allowlist says otherwise: it is signed, and maybe newer.
#[test]
fn the_code_outweighs_the_allowlist_in_tier_and_time() {
    let stale = Scene::with(|s| {
        s.record().tier = 1;
        s.record().validity.until = NOW;
        s.list.tiers = Some(vec![TIER]);
    });
    assert_eq!(stale.refusal(), None);
    assert_eq!(stale.clone().found().refusal(), Some(DenyReason::Expired));
    let in_time = Scene {
        at: AT.plus_ms(-1),
        ..stale
    };
    assert_eq!(in_time.found().refusal(), Some(DenyReason::WrongTier));
}

#[test]
fn who_lost_the_code_is_found_by_search() {
    assert_eq!(Scene::default().found().refusal(), None);
    let unlisted = Scene::with(|s| s.record = None).found();
    assert_eq!(unlisted.refusal(), Some(DenyReason::NotOnAllowlist));
    let revoked = Scene::with(|s| s.revoked_below = Some(6)).found();
    assert_eq!(revoked.refusal(), Some(DenyReason::Revoked));
    let used = Scene::with(|s| s.history.passages.push(passage(1, 0, ENTRY))).found();
    assert_eq!(used.refusal(), Some(DenyReason::AlreadyRedeemed));
    // Nobody asks how a ticket that stands on the allowlist was signed.
    let sold_at_the_door = Scene::with(|s| s.list.accepts_delegated = false).found();
    assert_eq!(sold_at_the_door.refusal(), None);
}

#[test]
fn lists_choose_whether_a_signature_is_enough() {
    let refusal = |kind, accepts_delegated, allowlist_only, listed: bool| {
        Scene::with(|s| {
            s.kind = kind;
            s.list.accepts_delegated = accepts_delegated;
            s.list.allowlist_only = allowlist_only;
            if !listed {
                s.record = None;
            }
        })
        .refusal()
    };
    let (kind, unlisted) = (
        Some(DenyReason::KindNotAllowed),
        Some(DenyReason::NotOnAllowlist),
    );
    // Sold a second ago, on another network: the signature decides.
    assert_eq!(refusal(Kind::Issued, true, false, false), None);
    assert_eq!(refusal(Kind::Delegated, true, false, false), None);
    assert_eq!(refusal(Kind::Issued, true, true, false), unlisted);
    assert_eq!(refusal(Kind::Delegated, true, true, false), unlisted);
    assert_eq!(refusal(Kind::Delegated, true, true, true), None);
    assert_eq!(refusal(Kind::Delegated, false, false, true), kind);
    assert_eq!(refusal(Kind::Issued, false, false, true), None);
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

proptest! {
    /// What `decide` admits now counts when everything is settled, as long as nothing earlier turns up.
    ///
    /// covers: SCAN-4
    #[test]
    fn what_is_admitted_counts_and_what_is_refused_would_not(
        policy in policies(),
        passages in passages(),
        leaves: bool,
    ) {
        let scene = Scene::with(|s| {
            s.list.policy = policy;
            s.history.passages = passages;
            if leaves {
                s.scan.direction = EXIT;
            }
        }).found();
        let now = Passage {
            scan: ScanId([0xff; 16]),
            ..passage(0, 1_000, scene.scan.direction)
        };
        let mut all = scene.history.passages.clone();
        prop_assume!(all.iter().all(|p| p.scan != now.scan));
        all.push(now);
        let (_, standing) = settle(policy, &all).pop().unwrap();
        prop_assert_eq!(scene.verdict().is_admit(), standing == Standing::Counted);
    }

    /// covers: SCAN-4
    #[test]
    fn the_order_of_the_history_does_not_matter(
        policy in policies(),
        (passages, shuffled) in passages().prop_flat_map(|p| (Just(p.clone()), Just(p).prop_shuffle())),
    ) {
        let verdict = |passages: Vec<Passage>| {
            Scene::with(|s| {
                s.list.policy = policy;
                s.history.passages = passages;
            }).found().verdict()
        };
        prop_assert_eq!(verdict(passages), verdict(shuffled));
    }
}
