//! `decide`, reason by reason.

mod faults;
mod rules;

use super::{ENTRY, EXIT, passage, passages, policies};
use bilten_core::checkin::{
    CheckInList, DenyReason, Evidence, Gate, History, Passage, Policy, Presented, Scan, Standing,
    TicketRecord, TicketState, Verdict, decide, settle,
};
use bilten_core::id::{EventId, GateId, ListId, ScanId, TicketId};
use bilten_core::key::{EventKey, KeySet};
use bilten_core::ticket::{DelegatedIssuer, Issuer, Kind, Payload, Ticket, UntrustedTicket};
use bilten_core::time::{Timestamp, Validity};
use proptest::prelude::*;

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
