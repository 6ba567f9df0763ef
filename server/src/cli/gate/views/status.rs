//! How a gate is doing, and what it can choose.

use bilten_core::gate::{Choice, GateStatus, StorageState};
use bilten_kernel::clock::Timestamp;
use serde::Serialize;

use super::{View, time, wall};
use crate::cli::output;

/// A list or a gate to choose from.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "choice")]
pub(in crate::cli::gate) struct ChoiceView<'a> {
    what: &'static str,
    id: String,
    name: &'a str,
    is_chosen: bool,
}

impl<'a> ChoiceView<'a> {
    pub(in crate::cli::gate) fn new<I: ToString>(
        what: &'static str,
        choice: &'a Choice<I>,
        is_chosen: bool,
    ) -> Self {
        Self {
            what,
            id: choice.id.to_string(),
            name: &choice.name,
            is_chosen,
        }
    }
}

impl View for ChoiceView<'_> {
    fn text(&self, _: bool) -> String {
        let mark = if self.is_chosen { '*' } else { ' ' };
        format!(
            "{mark} {}  {}  {}",
            self.what,
            self.id,
            output::visible(self.name)
        )
    }
}

/// How the gate is doing.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "status")]
pub(in crate::cli::gate) struct StatusView<'a> {
    paired: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<PlaceView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<PlaceView<'a>>,
    tickets: u64,
    inside: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    outbox: u64,
    conflicts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_pull: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_push: Option<Timestamp>,
    clock_offset_ms: i64,
    unknown_changes: u64,
    storage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wiped_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct PlaceView<'a> {
    id: String,
    name: &'a str,
}

impl<'a, I: ToString> From<&'a Choice<I>> for PlaceView<'a> {
    fn from(choice: &'a Choice<I>) -> Self {
        Self {
            id: choice.id.to_string(),
            name: &choice.name,
        }
    }
}

impl<'a> StatusView<'a> {
    pub(in crate::cli::gate) fn of(status: &'a GateStatus) -> Self {
        let pairing = status.pairing.as_ref();
        let (storage, storage_code) = match &status.storage {
            StorageState::Fine => ("fine", None),
            StorageState::Full => ("full", None),
            StorageState::Failing { code } => ("failing", Some(code.as_str())),
        };
        Self {
            paired: pairing.is_some(),
            server: pairing.map(|pairing| pairing.server.as_str()),
            device: pairing.map(|pairing| pairing.device.as_str()),
            event: pairing.map(|pairing| pairing.event.as_str()),
            event_name: pairing.map(|pairing| pairing.event_name.as_str()),
            list: status.list.as_ref().map(PlaceView::from),
            gate: status.gate.as_ref().map(PlaceView::from),
            tickets: status.tickets,
            inside: status.inside,
            capacity: status.capacity,
            outbox: status.outbox,
            conflicts: status.conflicts,
            last_pull: status.last_pull.map(time),
            last_push: status.last_push.map(time),
            clock_offset_ms: status.clock_offset_ms,
            unknown_changes: status.unknown_changes,
            storage,
            storage_code,
            revoked_at: status.revoked_at.map(time),
            wiped_at: status.wiped_at.map(time),
        }
    }
}

impl View for StatusView<'_> {
    fn text(&self, _: bool) -> String {
        let Some(event) = self.event_name else {
            return match self.wiped_at {
                Some(at) => format!("revoked, and wiped at {}", wall(at)),
                None => "not paired".to_owned(),
            };
        };
        let name = |place: &Option<PlaceView<'_>>| {
            place.as_ref().map_or_else(
                || "not chosen".to_owned(),
                |place| output::visible(place.name),
            )
        };
        let mut lines = vec![
            format!("event     {}", output::visible(event)),
            format!("server    {}", self.server.unwrap_or_default()),
            format!("list      {}", name(&self.list)),
            format!("gate      {}", name(&self.gate)),
            format!("tickets   {}", self.tickets),
            match self.capacity {
                Some(capacity) => format!("inside    {} of {capacity}", self.inside),
                None => format!("inside    {}", self.inside),
            },
            format!("to send   {}", self.outbox),
            format!("conflicts {}", self.conflicts),
        ];
        if let Some(at) = self.last_pull {
            lines.push(format!("news from {}", wall(at)));
        }
        if self.unknown_changes > 0 {
            lines.push("update    this version does not know all that the server says".to_owned());
        }
        if self.storage != "fine" {
            lines.push(format!(
                "storage   {} {}",
                self.storage,
                self.storage_code.unwrap_or_default()
            ));
        }
        lines.join("\n")
    }
}
