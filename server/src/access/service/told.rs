//! What the door tells others: passages that stand anew, devices that come and go.

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::telemetry::Cause;

use super::AccessError;
use crate::access::model::*;
use crate::app::App;
use crate::catalog::EventId;
use crate::events::{self, DomainEvent, Refused, SettledRedemptions};

/// How many passages one event of the outbox names at most: a full push is some entries, not a
/// thousand, and none of them is large.
const AT_ONCE: usize = 100;

impl From<Refused> for AccessError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Db(error) => Self::Db(error),
            // Nothing that the door tells is about capacities or seats.
            Refused::CapacityBelowSold | Refused::SeatsTaken(_) => {
                Self::Db(DbError::Closed("a reaction said no"))
            }
        }
    }
}

/// What is told of passages of an event that stand anew.
pub(super) fn settled(event: EventId, rows: &[PassageRow], cause: &Cause) -> Vec<DomainEvent> {
    let mut told = Vec::new();
    for standing in [Counting::Counted, Counting::Conflict] {
        let redemptions: Vec<_> = rows
            .iter()
            .filter(|row| row.standing == Some(standing))
            .map(redeemed)
            .collect();
        for some in redemptions.chunks(AT_ONCE) {
            told.push(DomainEvent::RedemptionsSettled(SettledRedemptions {
                event,
                standing,
                redemptions: some.to_vec(),
                cause: cause.clone(),
            }));
        }
    }
    told
}

fn redeemed(row: &PassageRow) -> Redeemed {
    Redeemed {
        scan: row.id,
        ticket: row.ticket_id,
        list: row.list_id.clone(),
        gate: row.gate_id.clone(),
        device: row.device_id,
        at: row.at,
        direction: row.direction,
    }
}

/// Tells that a device was paired or revoked, in the write that does it.
pub(super) async fn device_changed(
    app: &App,
    c: &mut Conn,
    event: EventId,
    device: DeviceId,
    change: &str,
) -> Result<(), AccessError> {
    let changed = DomainEvent::DeviceChanged {
        event,
        device,
        change: change.to_owned(),
    };
    events::publish(app, c, vec![changed]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use bilten_kernel::clock::Timestamp;

    use super::*;
    use crate::tickets::TicketId;

    /// covers: BE-7
    #[test]
    fn many_passages_are_few_events_of_bounded_size() {
        let rows: Vec<_> = (0..=u8::MAX)
            .map(|n| PassageRow {
                id: ScanId::from_bytes([n; 16]),
                ticket_id: TicketId::from_bytes([n; 16]),
                list_id: "lst_1".to_owned(),
                gate_id: None,
                device_id: DeviceId::from_bytes([1; 16]),
                at: Timestamp::from_ms(i64::from(n)),
                direction: Way::Entry,
                standing: Some(if n == 7 {
                    Counting::Conflict
                } else {
                    Counting::Counted
                }),
            })
            .collect();
        let told = settled(EventId::from_bytes([2; 16]), &rows, &Cause::default());
        let sizes: Vec<_> = told
            .iter()
            .map(|event| {
                let DomainEvent::RedemptionsSettled(settled) = event else {
                    panic!("{event:?}")
                };
                (settled.standing, settled.redemptions.len())
            })
            .collect();
        assert_eq!(
            sizes,
            [
                (Counting::Counted, 100),
                (Counting::Counted, 100),
                (Counting::Counted, 55),
                (Counting::Conflict, 1),
            ]
        );
        assert!(
            told.iter()
                .all(|event| serde_json::to_string(event).unwrap().len() < 32_768)
        );
    }
}
