//! Scans and tickets.

use bilten_core::checkin::{Direction, TicketState, Verdict};
use bilten_core::gate::{self, Earlier, Found, ScanOutcome};
use bilten_kernel::clock::Timestamp;
use serde::Serialize;

use super::{View, painted, time, wall};
use crate::cli::gate::texts::{self, Colour, Signal};
use crate::cli::{Failure, output};

fn seconds(at: u32) -> Timestamp {
    Timestamp::from_ms(i64::from(at) * 1_000)
}

/// A picture in which no code was read.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "unread")]
pub(in crate::cli::gate) struct UnreadView<'a> {
    source: &'a str,
    code: &'a str,
    detail: &'a str,
}

impl<'a> UnreadView<'a> {
    pub(in crate::cli::gate) fn new(source: &'a str, why: &'a Failure) -> Self {
        Self {
            source,
            code: &why.code,
            detail: &why.detail,
        }
    }
}

impl View for UnreadView<'_> {
    fn text(&self, coloured: bool) -> String {
        let source = output::visible(self.source);
        format!(
            "{} {source}: {}",
            painted("UNREAD", Colour::Amber, coloured),
            self.detail
        )
    }
}

/// A verdict and all that explains it.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "scan")]
pub(in crate::cli::gate) struct ScanView<'a> {
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    text: &'static str,
    colour: Colour,
    signal: Signal,
    supervisor: bool,
    scan: String,
    at: Timestamp,
    direction: Direction,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<TicketFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier: Option<EarlierView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_name: Option<&'a str>,
}

impl<'a> ScanView<'a> {
    pub(in crate::cli::gate) fn of(outcome: &'a ScanOutcome, source: Option<&'a str>) -> Self {
        let shown = texts::shown(outcome.verdict);
        let (verdict, reason) = match outcome.verdict {
            Verdict::Admit => ("admit", None),
            Verdict::Deny { reason } => ("deny", Some(reason.code())),
        };
        Self {
            verdict,
            reason,
            text: match (outcome.verdict, outcome.direction) {
                (Verdict::Admit, Direction::Exit) => "goodbye",
                (Verdict::Admit, Direction::Entry) | (Verdict::Deny { .. }, _) => shown.text,
            },
            colour: shown.colour,
            signal: shown.signal,
            supervisor: outcome.supervisor,
            scan: outcome.scan.to_string(),
            at: time(outcome.at),
            direction: outcome.direction,
            source,
            ticket: outcome.ticket.as_ref().map(TicketFields::of),
            earlier: outcome.earlier.as_ref().map(EarlierView::of),
            event_name: outcome.event_name.as_deref(),
        }
    }
}

impl View for ScanView<'_> {
    fn text(&self, coloured: bool) -> String {
        let word = if self.reason.is_none() {
            "ADMIT "
        } else {
            "REFUSE"
        };
        let mut line = format!("{} {}", painted(word, self.colour, coloured), self.text);
        if let Some(earlier) = &self.earlier {
            line.push_str(&format!(", {}", earlier.text()));
        }
        if let Some(event) = self.event_name {
            line.push_str(&format!(": {}", output::visible(event)));
        }
        if let Some(ticket) = &self.ticket {
            line.push_str(&format!("  {}", ticket.text()));
        }
        if let Some(source) = self.source {
            line.push_str(&format!("  ({})", output::visible(source)));
        }
        line
    }
}

/// A ticket.
#[derive(Debug, Serialize)]
struct TicketFields<'a> {
    id: String,
    version: u16,
    tier: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier_name: Option<&'a str>,
    valid_from: Timestamp,
    valid_until: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<TicketState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

impl<'a> TicketFields<'a> {
    fn of(ticket: &'a gate::TicketView) -> Self {
        Self {
            id: ticket.id.to_string(),
            version: ticket.version,
            tier: ticket.tier,
            tier_name: ticket.tier_name.as_deref(),
            valid_from: seconds(ticket.validity.from),
            valid_until: seconds(ticket.validity.until),
            state: ticket.state,
            holder: ticket.holder.as_deref(),
            order: ticket.order.as_deref(),
            note: ticket.note.as_deref(),
        }
    }

    fn text(&self) -> String {
        let words = [self.tier_name, self.holder, self.order, self.note];
        let words: Vec<_> = words.into_iter().flatten().map(output::visible).collect();
        words.join(", ")
    }
}

/// A ticket that fits a search.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename = "ticket")]
pub(in crate::cli::gate) struct TicketView<'a> {
    #[serde(flatten)]
    ticket: TicketFields<'a>,
    is_inside: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_entry: Option<EarlierView<'a>>,
}

impl<'a> TicketView<'a> {
    pub(in crate::cli::gate) fn of_found(found: &'a Found) -> Self {
        Self {
            ticket: TicketFields::of(&found.ticket),
            is_inside: found.is_inside,
            last_entry: found.last_entry.as_ref().map(EarlierView::of),
        }
    }
}

impl View for TicketView<'_> {
    fn text(&self, _: bool) -> String {
        let mut line = format!("{}  {}", self.ticket.id, self.ticket.text());
        if self.is_inside {
            line.push_str("  inside");
        }
        if let Some(entry) = &self.last_entry {
            line.push_str(&format!(", {}", entry.text()));
        }
        line
    }
}

/// A passage that happened before.
#[derive(Debug, Serialize)]
struct EarlierView<'a> {
    at: Timestamp,
    device: &'a str,
    is_here: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<&'a str>,
}

impl<'a> EarlierView<'a> {
    fn of(earlier: &'a Earlier) -> Self {
        Self {
            at: time(earlier.at),
            device: earlier.device.as_str(),
            is_here: earlier.is_here,
            gate: earlier.gate.as_deref(),
        }
    }

    fn text(&self) -> String {
        let place = self
            .gate
            .map_or_else(|| "another gate".to_owned(), output::visible);
        let place = if self.is_here {
            "here".to_owned()
        } else {
            place
        };
        format!("since {} at {place}", wall(self.at)).replace(" at here", " here")
    }
}
