//! What the feed says besides tickets and redemptions: keys, tiers, lists, gates.
//!
//! A mark holds the change as it was last fed. Marking the same again moves nothing, so that saving
//! an event wakes devices only if something changed that they must know.

use std::collections::{BTreeMap, HashMap};

use bilten_core::sync::page::{Change, NamedKey, Removed, Tier as CoreTier};
use bilten_kernel::db::{Conn, DbError};

use crate::access::model::*;
use crate::access::store::marks::{self, MarkKind};
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId};
use crate::tickets;

/// A thing that devices must know, and what they must know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    kind: MarkKind,
    about: String,
    content: String,
}

impl Mark {
    fn new(kind: MarkKind, about: impl ToString, change: &Change) -> Result<Self, DbError> {
        let content = serde_json::to_string(change).map_err(|error| DbError::Fault {
            at: "access::Mark",
            detail: error.to_string(),
        })?;
        Ok(Self {
            kind,
            about: about.to_string(),
            content,
        })
    }
}

pub(super) fn of_list(list: &CheckInList) -> Result<Mark, DbError> {
    let change = match list.removed_at {
        None => Change::List(list.to_core()?),
        Some(_) => Change::Removed(Removed::List(opaque(list.id)?)),
    };
    Mark::new(MarkKind::List, list.id, &change)
}

pub(super) fn of_gate(gate: &Gate) -> Result<Mark, DbError> {
    let change = match gate.removed_at {
        None => Change::Gate(gate.to_core()?),
        Some(_) => Change::Removed(Removed::Gate(opaque(gate.id)?)),
    };
    Mark::new(MarkKind::Gate, gate.id, &change)
}

/// Puts marks that say something new at new positions of the feed.
pub(super) async fn put(
    app: &App,
    c: &mut Conn,
    event: EventId,
    marks: Vec<Mark>,
) -> Result<(), DbError> {
    let mut kinds: Vec<_> = marks.iter().map(|mark| mark.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let known: HashMap<_, _> = marks::of_kinds(c, event, &kinds)
        .await?
        .into_iter()
        .map(|row| ((row.kind, row.about), row.content))
        .collect();
    let news: Vec<_> = marks
        .into_iter()
        .map(|mark| (mark.kind, mark.about, mark.content))
        .filter(|(kind, about, content)| known.get(&(*kind, about.clone())) != Some(content))
        .collect();
    if news.is_empty() {
        return Ok(());
    }
    let last = tickets::advance(app, c, event, news.len()).await?;
    marks::put(c, event, &news, last).await
}

/// Marks what is new about an event: its tiers, its keys, and its keys at the organisation's other
/// events; for a new event also their keys here.
pub(super) async fn mark_event(
    app: &App,
    c: &mut Conn,
    detail: &EventDetail,
    mut own: Vec<Mark>,
    is_new: bool,
) -> Result<(), DbError> {
    let event = detail.event.id;
    for tier in &detail.tiers {
        let change = Change::Tier(CoreTier {
            number: tier.number,
            name: tier.name.clone(),
        });
        own.push(Mark::new(MarkKind::Tier, tier.number, &change)?);
    }
    let mut keys = Vec::new();
    for key in tickets::keys_in(c, event).await? {
        let (about, event_name) = (key.public_key, detail.event.name.clone());
        let change = Change::Key(NamedKey { key, event_name });
        keys.push(Mark::new(MarkKind::Key, about, &change)?);
    }

    let known = marks::of_kinds(c, event, &[MarkKind::Key]).await?;
    let has_news = |mark: &Mark| {
        !known
            .iter()
            .any(|row| row.about == mark.about && row.content == mark.content)
    };
    // Feeds are taken in one order everywhere, so that two events saved at once cannot wait for
    // each other.
    let mut feeds = BTreeMap::new();
    if keys.iter().any(has_news) {
        let siblings: Vec<_> = catalog::siblings(c, event)
            .await?
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        let abroad = |mark: &Mark| Mark {
            kind: MarkKind::SiblingKey,
            ..mark.clone()
        };
        if is_new {
            let theirs = marks::keys_of(c, &siblings).await?;
            own.extend(theirs.into_iter().map(|(about, content)| Mark {
                kind: MarkKind::SiblingKey,
                about,
                content,
            }));
        }
        for sibling in siblings {
            feeds.insert(sibling, keys.iter().map(abroad).collect());
        }
    }
    own.extend(keys);
    feeds.insert(event, own);
    for (event, marks) in feeds {
        put(app, c, event, marks).await?;
    }
    Ok(())
}

/// The keys that a device of an event trusts, with the names of their events.
pub(in crate::access) async fn named_keys(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<NamedKey>, DbError> {
    let rows = marks::of_kinds(c, event, &[MarkKind::Key, MarkKind::SiblingKey]).await?;
    Ok(rows
        .iter()
        .filter_map(|row| match serde_json::from_str(&row.content) {
            Ok(Change::Key(key)) => Some(key),
            Ok(_) | Err(_) => None,
        })
        .collect())
}
