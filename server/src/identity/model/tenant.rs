//! Which part of whose data a request may touch.

use std::sync::Arc;

use bilten_kernel::db::Val;

use super::OrganisationId;
use crate::catalog::EventId;

/// Some of an organisation's events, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventScope {
    /// All that there are and will be.
    All,
    /// Only these.
    Only(Arc<[EventId]>),
}

/// What a request may touch: an organisation, and which of its events. Part of each query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Its events.
    pub events: EventScope,
}

impl Tenant {
    /// Everything of an organisation.
    pub const fn whole(organisation: OrganisationId) -> Self {
        Self {
            organisation,
            events: EventScope::All,
        }
    }

    /// Whether an event of the organisation is among those that may be touched.
    pub fn includes(&self, event: EventId) -> bool {
        match &self.events {
            EventScope::All => true,
            EventScope::Only(events) => events.contains(&event),
        }
    }

    /// The events that may be touched, if not all; for a query's `$n IS NULL OR id IN (…)`.
    pub fn only(&self) -> Option<&[EventId]> {
        match &self.events {
            EventScope::All => None,
            EventScope::Only(events) => Some(events),
        }
    }

    /// The same as two values, for a query's `$n OR id IN (SELECT value FROM list($n + 1))`.
    pub fn only_values(&self) -> [Val; 2] {
        let only = self.only();
        [
            Val::Bool(Some(only.is_none())),
            Val::texts(only.unwrap_or_default()),
        ]
    }
}
