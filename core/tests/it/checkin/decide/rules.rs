//! What lists, gates, versions and times decide.

use super::super::{ENTRY, EXIT, passage};
use super::{AT, DAY, NOW, Scene, TIER};
use bilten_core::checkin::{DenyReason, Direction, Policy, TicketState};
use bilten_core::ticket::Kind;
use bilten_core::time::Timestamp;

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
