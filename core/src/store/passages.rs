//! Passages, which of them count, and how many people are inside.
//!
//! Whatever adds a passage, our own scan or somebody else's from the feed, calls [`resettle`] in
//! the same transaction: standings and occupancy therefore always follow from the passages.

use super::StoreError;
use crate::checkin::{Direction, Passage, Policy, Standing, settle};
use crate::id::{DeviceId, GateId, ListId, ScanId, TicketId};
use crate::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

/// A passage, and what is known of whether it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The passage.
    pub passage: Passage,
    /// Whether it counts by all that this device knows; nothing while its list is unknown.
    pub standing: Option<Standing>,
    /// Whether this device made it.
    pub is_own: bool,
}

pub(super) const fn direction_code(direction: Direction) -> i64 {
    match direction {
        Direction::Entry => 0,
        Direction::Exit => 1,
    }
}

pub(super) const fn direction_of(code: i64) -> Direction {
    match code {
        1 => Direction::Exit,
        _ => Direction::Entry,
    }
}

const fn is_counted(standing: Standing) -> bool {
    matches!(standing, Standing::Counted)
}

/// One passage as it is written.
pub(super) struct NewPassage<'a> {
    pub(super) ticket: TicketId,
    pub(super) list: &'a ListId,
    pub(super) passage: &'a Passage,
    pub(super) is_own: bool,
    pub(super) server: Option<Standing>,
    pub(super) generation: i64,
}

/// Adds a passage, or notes what the server says of one that is known; says whether it was new.
pub(super) fn put(db: &Connection, new: &NewPassage<'_>) -> Result<bool, StoreError> {
    let server_counts = new.server.map(is_counted);
    let added = db
        .prepare_cached(
            "INSERT INTO passages (scan, ticket, list, gate, device, at, direction, is_own,
               server_counts, generation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            new.passage.scan.as_bytes(),
            new.ticket.as_bytes(),
            new.list.as_str(),
            new.passage.gate.as_ref().map(GateId::as_str),
            new.passage.device.as_str(),
            new.passage.at.ms(),
            direction_code(new.passage.direction),
            new.is_own,
            server_counts,
            new.generation,
        ])?;
    if added == 0 {
        db.prepare_cached(
            "UPDATE passages SET server_counts = ?2, generation = ?3 WHERE scan = ?1",
        )?
        .execute(params![
            new.passage.scan.as_bytes(),
            server_counts,
            new.generation
        ])?;
    }
    Ok(added == 1)
}

/// All passages of a ticket on a list, in the order in which they happened.
pub(super) fn of_ticket(
    db: &Connection,
    list: &ListId,
    ticket: TicketId,
) -> Result<Vec<Settled>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT scan, gate, device, at, direction, is_own, counts FROM passages
         WHERE ticket = ?1 AND list = ?2",
    )?;
    let mut rows = query.query(params![ticket.as_bytes(), list.as_str()])?;
    let mut passages = Vec::new();
    while let Some(row) = rows.next()? {
        let counts: Option<bool> = row.get(6)?;
        passages.push(Settled {
            passage: Passage {
                scan: ScanId(row.get(0)?),
                at: Timestamp(row.get(3)?),
                direction: direction_of(row.get(4)?),
                device: DeviceId::new(row.get::<_, String>(2)?)?,
                gate: row
                    .get::<_, Option<String>>(1)?
                    .map(GateId::new)
                    .transpose()?,
            },
            standing: counts.map(|counts| {
                if counts {
                    Standing::Counted
                } else {
                    Standing::Conflict
                }
            }),
            is_own: row.get(5)?,
        });
    }
    passages.sort_by_key(|settled| (settled.passage.at, settled.passage.scan));
    Ok(passages)
}

/// Applies the rule to all passages of a ticket on a list and corrects standings and occupancy.
pub(super) fn resettle(
    db: &Connection,
    list: &ListId,
    policy: Policy,
    ticket: TicketId,
) -> Result<(), StoreError> {
    let known = of_ticket(db, list, ticket)?;
    let passages: Vec<_> = known
        .iter()
        .map(|settled| settled.passage.clone())
        .collect();
    let standings: HashMap<_, _> = settle(policy, &passages).into_iter().collect();
    let mut delta = 0i64;
    for settled in &known {
        let now = standings.get(&settled.passage.scan).copied();
        if now == settled.standing {
            continue;
        }
        let weight = |standing: Option<Standing>| i64::from(standing.is_some_and(is_counted));
        let step = match settled.passage.direction {
            Direction::Entry => 1,
            Direction::Exit => -1,
        };
        delta += step * (weight(now) - weight(settled.standing));
        db.prepare_cached("UPDATE passages SET counts = ?2 WHERE scan = ?1")?
            .execute(params![
                settled.passage.scan.as_bytes(),
                now.map(is_counted)
            ])?;
    }
    if delta != 0 {
        db.prepare_cached(
            "INSERT INTO occupancy (list, inside) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET inside = inside + excluded.inside",
        )?
        .execute(params![list.as_str(), delta])?;
    }
    Ok(())
}

/// Applies the rule to every ticket on a list: its policy changed, or the list was unknown before.
pub(super) fn resettle_list(
    db: &Connection,
    list: &ListId,
    policy: Policy,
) -> Result<(), StoreError> {
    let mut query = db.prepare_cached("SELECT DISTINCT ticket FROM passages WHERE list = ?1")?;
    let tickets = query
        .query_map([list.as_str()], |row| row.get(0))?
        .collect::<Result<Vec<[u8; 16]>, _>>()?;
    tickets
        .into_iter()
        .try_for_each(|ticket| resettle(db, list, policy, TicketId(ticket)))
}

/// How many people are inside by all counted passages of a list.
pub(super) fn inside(db: &Connection, list: &ListId) -> Result<u32, StoreError> {
    let inside: Option<i64> = db
        .prepare_cached("SELECT inside FROM occupancy WHERE list = ?1")?
        .query_row([list.as_str()], |row| row.get(0))
        .optional()?;
    Ok(u32::try_from(inside.unwrap_or(0).max(0)).unwrap_or(u32::MAX))
}

/// Forgets others' passages that a feed which began anew did not bring again.
pub(super) fn sweep(
    db: &Connection,
    generation: i64,
    policy: impl Fn(&ListId) -> Option<Policy>,
) -> Result<(), StoreError> {
    let mut query = db.prepare_cached(
        "DELETE FROM passages WHERE is_own = 0 AND generation < ?1
         RETURNING list, ticket, direction, counts",
    )?;
    let mut rows = query.query([generation])?;
    let mut touched = Vec::new();
    while let Some(row) = rows.next()? {
        let list = ListId::new(row.get::<_, String>(0)?)?;
        let direction = direction_of(row.get(2)?);
        let counted = row.get::<_, Option<bool>>(3)? == Some(true);
        touched.push((list, TicketId(row.get(1)?), direction, counted));
    }
    for (list, _, direction, counted) in &touched {
        if *counted {
            let step = match direction {
                Direction::Entry => -1,
                Direction::Exit => 1,
            };
            db.prepare_cached("UPDATE occupancy SET inside = inside + ?2 WHERE list = ?1")?
                .execute(params![list.as_str(), step])?;
        }
    }
    for (list, ticket, ..) in &touched {
        if let Some(policy) = policy(list) {
            resettle(db, list, policy, *ticket)?;
        }
    }
    Ok(())
}
