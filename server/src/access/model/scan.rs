//! Scans: what devices report, and what follows from all reports together.

use bilten_core::checkin::{Direction, Passage, Policy, Standing, settle};
use bilten_core::sync::push::Conflict;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;
use bilten_kernel::{record, text_enum};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeviceId, ScanId, opaque};
use crate::identity::MemberId;
use crate::tickets::TicketId;

/// A device's clock that is off by less than this is right, in milliseconds.
const TOLERANCE_MS: i64 = 2_000;

text_enum! {
    /// Which way somebody passed.
    pub enum Way {
        /// In.
        Entry = "entry",
        /// Out.
        Exit = "exit",
    }
}

text_enum! {
    /// Whether a passage counts.
    pub enum Counting {
        /// It counts.
        Counted = "counted",
        /// Another device had let somebody in before: kept and named, but not counted.
        Conflict = "conflict",
    }
}

text_enum! {
    /// Why a scan could not be placed.
    pub enum UnplacedCode {
        /// Its device was revoked when it sent it.
        DeviceRevoked = "access.device_revoked",
        /// The event has no such check-in list.
        ListUnknown = "access.list_unknown",
        /// It was accepted without naming a ticket.
        TicketMissing = "access.ticket_missing",
        /// The event has no such ticket, and no key of the event vouches for the code.
        TicketUnknown = "access.ticket_unknown",
        /// This version of the ticket was never issued.
        VersionUnknown = "access.version_unknown",
    }
}

impl From<Direction> for Way {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Entry => Self::Entry,
            Direction::Exit => Self::Exit,
        }
    }
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Entry => Self::Entry,
            Way::Exit => Self::Exit,
        }
    }
}

impl From<Standing> for Counting {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Counted => Self::Counted,
            Standing::Conflict => Self::Conflict,
        }
    }
}

impl From<Counting> for Standing {
    fn from(counting: Counting) -> Self {
        match counting {
            Counting::Counted => Self::Counted,
            Counting::Conflict => Self::Conflict,
        }
    }
}

/// One scan as a device reported it.
///
/// List and gate stay the text that the device sent: what is unknown here is kept as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The scan.
    pub id: ScanId,
    /// The check-in list it was judged by.
    pub list: String,
    /// The gate at which it happened.
    pub gate: Option<String>,
    /// When, by the device's clock.
    pub reported_at: Timestamp,
    /// When, as far as we can tell.
    pub at: Timestamp,
    /// Which way.
    pub way: Way,
    /// Why it was refused; a newer device may know reasons that we do not.
    pub refused: Option<String>,
    /// The ticket, if the code told of one.
    pub ticket: Option<TicketId>,
    /// The version that was presented.
    pub version: Option<u16>,
    /// The code, where the device did not know the ticket.
    pub code: Option<String>,
    /// The member who held the device, as it says.
    pub staff: Option<MemberId>,
}

/// When a scan happened: the reported time, moved by as much as the device's clock is off; never
/// after it was received.
pub fn effective_at(reported: i64, device_time: i64, received: Timestamp) -> Timestamp {
    let offset = received.ms().saturating_sub(device_time);
    let shift = if offset.saturating_abs() > TOLERANCE_MS {
        offset
    } else {
        0
    };
    Timestamp::from_ms(reported.saturating_add(shift).clamp(0, received.ms()))
}

record! {
    /// A passage as it is stored: an accepted scan that was placed.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::access) struct PassageRow {
        pub(in crate::access) id: ScanId,
        pub(in crate::access) ticket_id: TicketId,
        pub(in crate::access) list_id: String,
        pub(in crate::access) gate_id: Option<String>,
        pub(in crate::access) device_id: DeviceId,
        pub(in crate::access) at: Timestamp,
        pub(in crate::access) direction: Way,
        pub(in crate::access) standing: Option<Counting>,
    }
}

/// A passage as others are told of it: ids, words and times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Redeemed {
    /// The scan.
    pub scan: ScanId,
    /// The ticket.
    pub ticket: TicketId,
    /// The check-in list, as the device named it.
    pub list: String,
    /// The gate, as the device named it, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// The device, which is the server itself for check-ins by the API.
    pub device: DeviceId,
    /// When it happened, as far as that is known.
    pub at: Timestamp,
    /// Which way.
    pub direction: Way,
}

impl PassageRow {
    /// The passage in the core's words.
    ///
    /// # Errors
    /// A fault of ours if an id is none that the core takes.
    pub(in crate::access) fn to_core(&self) -> Result<Passage, DbError> {
        Ok(Passage {
            scan: bilten_core::id::ScanId(*self.id.as_bytes()),
            at: bilten_core::time::Timestamp(self.at.ms()),
            direction: self.direction.into(),
            device: opaque(self.device_id)?,
            gate: None,
        })
    }
}

/// Says of all passages of one ticket on one list whether they count; `standing` is set. Gives the
/// places of those for which that is new.
///
/// # Errors
/// A fault of ours if an id is none that the core takes.
pub(in crate::access) fn settle_rows(
    policy: Policy,
    rows: &mut [PassageRow],
) -> Result<Vec<usize>, DbError> {
    if let [only] = rows {
        // Most tickets pass once.
        let standing = match (policy, only.direction) {
            (Policy::Single | Policy::Multiple { .. } | Policy::ReEntry, Way::Entry) => {
                Counting::Counted
            }
            (Policy::Single | Policy::Multiple { .. } | Policy::ReEntry, Way::Exit) => {
                Counting::Conflict
            }
        };
        let is_new = only.standing.replace(standing) != Some(standing);
        return Ok(if is_new { vec![0] } else { Vec::new() });
    }
    let passages = rows
        .iter()
        .map(PassageRow::to_core)
        .collect::<Result<Vec<_>, _>>()?;
    let settled = settle(policy, &passages);
    let mut changed = Vec::new();
    for (place, row) in rows.iter_mut().enumerate() {
        let found = settled
            .iter()
            .find(|(scan, _)| scan.0 == *row.id.as_bytes());
        let Some(&(_, standing)) = found else {
            continue;
        };
        let standing = standing.into();
        if row.standing.replace(standing) != Some(standing) {
            changed.push(place);
        }
    }
    Ok(changed)
}

/// Names what counts instead of a passage that lost, if anything does: the last one before it that
/// went the same way.
pub(in crate::access) fn winner<'a>(
    lost: &PassageRow,
    rows: &'a [PassageRow],
) -> Option<&'a PassageRow> {
    let counted = || {
        rows.iter().filter(|row| {
            row.standing == Some(Counting::Counted) && row.direction == lost.direction
        })
    };
    let before = counted()
        .filter(|row| (row.at, row.id) < (lost.at, lost.id))
        .max_by_key(|row| (row.at, row.id));
    before.or_else(|| counted().min_by_key(|row| (row.at, row.id)))
}

/// The conflict that a device is told of.
///
/// # Errors
/// A fault of ours if an id is none that the core takes.
pub(in crate::access) fn conflict(
    lost: &PassageRow,
    rows: &[PassageRow],
) -> Result<Option<Conflict>, DbError> {
    let Some(won) = winner(lost, rows) else {
        return Ok(None);
    };
    Ok(Some(Conflict {
        scan: bilten_core::id::ScanId(*lost.id.as_bytes()),
        ticket: lost.ticket_id.to_core(),
        counted: bilten_core::id::ScanId(*won.id.as_bytes()),
        device: opaque(won.device_id)?,
        at: bilten_core::time::Timestamp(won.at.ms()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(id: u8, at: i64, direction: Way) -> PassageRow {
        PassageRow {
            id: ScanId::from_bytes([id; 16]),
            ticket_id: TicketId::from_bytes([9; 16]),
            list_id: "lst".into(),
            gate_id: None,
            device_id: DeviceId::from_bytes([id; 16]),
            at: Timestamp::from_ms(at),
            direction,
            standing: None,
        }
    }

    /// covers: SCAN-4
    #[test]
    fn clocks_that_are_hours_off_are_put_right() {
        let now = Timestamp::from_ms(100_000_000);
        let hour = 3_600_000;
        // The device is an hour late: what it calls 10 minutes ago was 10 minutes ago.
        let device_time = now.ms() - hour;
        assert_eq!(
            effective_at(device_time - 600_000, device_time, now).ms(),
            now.ms() - 600_000
        );
        // A small difference is the way through the network.
        assert_eq!(
            effective_at(now.ms() - 5_000, now.ms() - 1_500, now).ms(),
            now.ms() - 5_000
        );
        // Nothing happens after it was received, or before time began.
        assert_eq!(effective_at(now.ms() + hour, now.ms(), now), now);
        assert_eq!(effective_at(i64::MAX, i64::MIN, now), now);
        assert_eq!(effective_at(i64::MIN, i64::MAX, now).ms(), 0);
    }

    /// covers: SCAN-4
    #[test]
    fn the_first_scan_wins_and_the_other_is_named() {
        let mut rows = [row(1, 20, Way::Entry), row(2, 10, Way::Entry)];
        assert_eq!(settle_rows(Policy::Single, &mut rows).unwrap(), [0, 1]);
        assert_eq!(
            rows.each_ref().map(|r| r.standing),
            [Some(Counting::Conflict), Some(Counting::Counted)]
        );
        let named = conflict(&rows[0], &rows).unwrap().unwrap();
        assert_eq!(named.scan.0, [1; 16]);
        assert_eq!((named.counted.0, named.at.ms()), ([2; 16], 10));
        assert_eq!(settle_rows(Policy::Single, &mut rows).unwrap(), [0; 0]);
    }

    #[test]
    fn an_exit_without_an_entry_has_no_winner() {
        let mut rows = [row(1, 20, Way::Exit)];
        assert_eq!(settle_rows(Policy::ReEntry, &mut rows).unwrap(), [0]);
        assert_eq!(rows[0].standing, Some(Counting::Conflict));
        assert_eq!(conflict(&rows[0], &rows).unwrap(), None);
    }

    proptest! {
        #[test]
        fn one_passage_is_settled_as_the_core_does(policy in 0..3u8, max in 0..3u16, exit: bool, at in 0i64..9) {
            let policy = match policy {
                0 => Policy::Single,
                1 => Policy::Multiple { max },
                _ => Policy::ReEntry,
            };
            let mut rows = [row(1, at, if exit { Way::Exit } else { Way::Entry })];
            let expected = settle(policy, &[rows[0].to_core().unwrap()]);
            settle_rows(policy, &mut rows).unwrap();
            prop_assert_eq!(rows[0].standing.map(Standing::from), Some(expected[0].1));
        }
    }
}
