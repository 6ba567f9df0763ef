//! Calendar entries (RFC 5545) of an order's dates.

use std::collections::BTreeSet;

use bilten_kernel::clock::Timestamp;

use crate::catalog::state::Kept;
use crate::catalog::{EventDetail, MAX_OCCURRENCES, OccurrenceId};
use crate::sales::Order;
use crate::tickets::SignedTicket;

/// One entry for each date that its tickets are for: all of the event if one of them is for no date of its
/// own.
pub(super) fn of_order(
    offer: &EventDetail,
    order: &Order,
    tickets: &[SignedTicket],
    public_url: &str,
    now: Timestamp,
) -> String {
    let event = &offer.event;
    let place = [event.venue_name.as_str(), event.venue_address.as_str()].map(str::trim);
    let place = place
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    let status = match event.kept() {
        Kept::Cancelled => "CANCELLED",
        Kept::Postponed => "TENTATIVE",
        Kept::Draft | Kept::Published | Kept::Paused | Kept::Archived => "CONFIRMED",
    };
    let own: Option<BTreeSet<OccurrenceId>> = tickets
        .iter()
        .map(|signed| signed.ticket.occurrence_id)
        .collect();
    let own = own.filter(|dates| !dates.is_empty());
    let is_own = |id: OccurrenceId| own.as_ref().is_none_or(|dates| dates.contains(&id));
    let mut calendar = Calendar::default();
    calendar.line("BEGIN:VCALENDAR");
    calendar.line("VERSION:2.0");
    calendar.line("PRODID:-//Bilten//Bilten//EN");
    // An order for one date of a long series would bury the reader's calendar under all the others.
    let dates = offer.scheduled().filter(|date| is_own(date.id));
    for date in dates.take(MAX_OCCURRENCES) {
        calendar.line("BEGIN:VEVENT");
        calendar.line(&format!("UID:{}-{}@bilten", order.id, date.id));
        calendar.line(&format!("DTSTAMP:{}", utc(now)));
        calendar.line(&format!("SEQUENCE:{}", event.version));
        calendar.line(&format!("DTSTART:{}", utc(date.starts_at)));
        calendar.line(&format!("DTEND:{}", utc(date.ends_at)));
        let mark = if event.sandbox { "TEST: " } else { "" };
        calendar.line(&format!("SUMMARY:{mark}{}", escaped(&event.name)));
        calendar.line(&format!("LOCATION:{}", escaped(&place)));
        calendar.line(&format!("DESCRIPTION:Order {}", escaped(&order.reference)));
        calendar.line(&format!("URL:{public_url}/e/{}", event.slug));
        calendar.line(&format!("STATUS:{status}"));
        calendar.line("END:VEVENT");
    }
    calendar.line("END:VCALENDAR");
    calendar.0
}

fn utc(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[derive(Default)]
struct Calendar(String);

impl Calendar {
    /// Adds a line, folded so that none is longer than 75 octets.
    fn line(&mut self, text: &str) {
        let mut length = 0;
        for c in text.chars() {
            if length + c.len_utf8() > 74 {
                self.0.push_str("\r\n ");
                length = 1;
            }
            self.0.push(c);
            length += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_between_characters() {
        let mut calendar = Calendar::default();
        calendar.line(&format!("SUMMARY:{}", "ž".repeat(100)));
        for line in calendar.0.split_terminator("\r\n") {
            assert!(line.len() <= 75, "{line}");
        }
        assert_eq!(
            calendar.0.replace("\r\n ", "").trim_end(),
            format!("SUMMARY:{}", "ž".repeat(100))
        );
    }

    #[test]
    fn text_cannot_begin_a_new_property() {
        assert_eq!(escaped("a;b,c\\d\r\nURL:x"), "a\\;b\\,c\\\\d\\nURL:x");
    }
}
