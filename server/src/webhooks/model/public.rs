//! Which domain event becomes which message.
//!
//! Every domain event is named here: one more does not compile until somebody has decided whether
//! organisations can hear of it. What is personal to somebody (their sign-ins, their account) is
//! nobody else's, whatever organisations they are in.

use serde_json::Value;

use super::*;
use crate::access::Counting;
use crate::catalog::{EventId, EventState};
use crate::events::DomainEvent;
use crate::identity::{IdentityEvent, OrganisationId};
use crate::sales::OrderId;

/// Who hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::webhooks) enum Whose {
    /// This organisation.
    Organisation(OrganisationId),
    /// The organisation of this event.
    Event(EventId),
}

/// What is told of it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::webhooks) enum Told {
    /// This.
    Data(Value),
    /// What is to be known of this order.
    Order(OrderId),
}

/// A domain event that organisations can hear of.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::webhooks) struct Public {
    pub(in crate::webhooks) whose: Whose,
    pub(in crate::webhooks) event_type: EventType,
    pub(in crate::webhooks) told: Told,
}

/// What a domain event is to organisations, if it is anything.
pub(in crate::webhooks) fn public(event: DomainEvent) -> Result<Option<Public>, serde_json::Error> {
    let said = |whose, event_type, data: Result<Value, serde_json::Error>| {
        data.map(|data| {
            Some(Public {
                whose,
                event_type,
                told: Told::Data(data),
            })
        })
    };
    match event {
        DomainEvent::EventSaved { change, detail } => {
            let (whose, event_type) = (
                Whose::Organisation(detail.event.organisation_id),
                event_change(&change),
            );
            let data = serde_json::to_value(EventV1::new(*detail, change));
            said(whose, event_type, data)
        }
        DomainEvent::EventDeleted {
            event,
            organisation,
        } => said(
            Whose::Organisation(organisation),
            EventType::EventDeleted,
            serde_json::to_value(EventDeletedV1 { event }),
        ),
        DomainEvent::OrderPaid(order) => Ok(Some(Public {
            whose: Whose::Event(order.event),
            event_type: EventType::OrderPaid,
            told: Told::Order(order.order),
        })),
        DomainEvent::OrderRefunded { order, event, .. } => Ok(Some(Public {
            whose: Whose::Event(event),
            event_type: EventType::OrderRefunded,
            told: Told::Order(order),
        })),
        DomainEvent::TicketChanged {
            event,
            ticket,
            change,
        } => {
            let event_type = if matches!(change.as_str(), "revoked" | "resold") {
                EventType::TicketRevoked
            } else {
                EventType::TicketReissued
            };
            let data = serde_json::to_value(TicketV1 { ticket, event });
            said(Whose::Event(event), event_type, data)
        }
        DomainEvent::RedemptionsSettled(settled) => {
            let event_type = match settled.standing {
                Counting::Counted => EventType::RedemptionRecorded,
                Counting::Conflict => EventType::RedemptionConflicted,
            };
            let (event, redemptions) = (settled.event, settled.redemptions);
            let data = serde_json::to_value(RedemptionsV1 { event, redemptions });
            said(Whose::Event(event), event_type, data)
        }
        DomainEvent::DeviceChanged {
            event,
            device,
            change,
        } => {
            let event_type = if change == "revoked" {
                EventType::DeviceRevoked
            } else {
                EventType::DevicePaired
            };
            let data = serde_json::to_value(DeviceV1 { device, event });
            said(Whose::Event(event), event_type, data)
        }
        DomainEvent::OAuthChanged {
            action,
            actor,
            organisation,
            client,
            grant,
            detail: _,
        } => {
            let event_type = program_change(&action);
            let data = serde_json::to_value(ProgramV1 {
                client,
                grant,
                actor,
                action,
            });
            said(Whose::Organisation(organisation), event_type, data)
        }
        DomainEvent::Identity(event) => identity(event),
        // Those who make maps have them; nobody else works by them yet.
        DomainEvent::VenueChanged { .. }
        | DomainEvent::SeatMapSaved(_)
        | DomainEvent::SeatMapDeleted { .. } => Ok(None),
        DomainEvent::PersonErased { .. } | DomainEvent::OrderChanged { .. } => Ok(None),
    }
}

fn event_change(change: &str) -> EventType {
    match change {
        "created" => EventType::EventCreated,
        "key_added" => EventType::EventKeyAdded,
        state if state == EventState::Published.as_str() => EventType::EventPublished,
        state if state == EventState::Cancelled.as_str() => EventType::EventCancelled,
        state if state == EventState::Archived.as_str() => EventType::EventArchived,
        _ => EventType::EventUpdated,
    }
}

fn program_change(action: &str) -> EventType {
    match action {
        "oauth.client_created" => EventType::ProgramCreated,
        "oauth.client_secret_rotated" => EventType::ProgramSecretRotated,
        "oauth.client_ended" => EventType::ProgramEnded,
        "oauth.granted" => EventType::ProgramGranted,
        "oauth.grant_ended" => EventType::ProgramGrantEnded,
        "oauth.code_replayed" | "oauth.refresh_replayed" => EventType::ProgramMisused,
        _ => EventType::ProgramChanged,
    }
}

fn identity(event: IdentityEvent) -> Result<Option<Public>, serde_json::Error> {
    let (organisation, event_type, data) = match event {
        IdentityEvent::SsoConnectionChanged {
            connection,
            organisation: Some(organisation),
            change,
        } => (
            organisation,
            EventType::SsoConnectionChanged,
            serde_json::to_value(SsoConnectionV1 { connection, change }),
        ),
        IdentityEvent::SsoRefused {
            connection,
            organisation: Some(organisation),
            code,
        } => (
            organisation,
            EventType::SsoRefused,
            serde_json::to_value(SsoRefusedV1 { connection, code }),
        ),
        IdentityEvent::SsoDomainConfirmed {
            organisation,
            domain,
        } => (
            organisation,
            EventType::SsoDomainConfirmed,
            serde_json::to_value(SsoDomainV1 { domain }),
        ),
        IdentityEvent::SsoRolesChanged {
            user,
            organisation,
            connection,
        } => (
            organisation,
            EventType::SsoRolesChanged,
            serde_json::to_value(SsoRolesV1 { user, connection }),
        ),
        // The platform's own connections.
        IdentityEvent::SsoConnectionChanged {
            organisation: None, ..
        }
        | IdentityEvent::SsoRefused {
            organisation: None, ..
        }
        | IdentityEvent::Registered { .. }
        | IdentityEvent::SignedIn { .. }
        | IdentityEvent::SignInFailed { .. }
        | IdentityEvent::NewDevice { .. }
        | IdentityEvent::SuspiciousSignIn { .. }
        | IdentityEvent::PasswordChanged { .. }
        | IdentityEvent::SessionsEnded { .. }
        | IdentityEvent::IdentityLinked { .. }
        | IdentityEvent::IdentityUnlinked { .. }
        | IdentityEvent::RefreshTokenReused { .. } => return Ok(None),
    };
    Ok(Some(Public {
        whose: Whose::Organisation(organisation),
        event_type,
        told: Told::Data(data?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{DeviceId, Redeemed, ScanId, Way};
    use crate::events::{PaidOrder, SettledRedemptions};
    use crate::tickets::TicketId;
    use bilten_kernel::clock::Timestamp;
    use bilten_kernel::telemetry::Cause;
    use serde_json::json;

    /// What was written to the outbox and read again.
    fn travelled(event: &DomainEvent) -> DomainEvent {
        serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap()
    }

    /// covers: GW-10
    #[test]
    fn what_is_written_to_the_outbox_can_be_read_again_and_told() {
        let (event, organisation) = (
            EventId::from_bytes([1; 16]),
            OrganisationId::from_bytes([2; 16]),
        );
        let paid = DomainEvent::OrderPaid(PaidOrder {
            order: OrderId::from_bytes([3; 16]),
            event,
            reference: "R".to_owned(),
            name: "Ana".to_owned(),
            sandbox: false,
            items: Vec::new(),
            lines: Vec::new(),
            holders: std::collections::BTreeMap::new(),
            paid_at: Timestamp::from_ms(0),
            cause: Cause::default(),
        });
        let told = public(travelled(&paid)).unwrap().unwrap();
        assert_eq!(
            (told.whose, told.event_type),
            (Whose::Event(event), EventType::OrderPaid)
        );
        let deleted = DomainEvent::EventDeleted {
            event,
            organisation,
        };
        let told = public(travelled(&deleted)).unwrap().unwrap();
        assert_eq!(told.told, Told::Data(json!({"event": event})));
        let redeemed = Redeemed {
            scan: ScanId::from_bytes([5; 16]),
            ticket: TicketId::from_bytes([6; 16]),
            list: "lst_1".to_owned(),
            gate: None,
            device: DeviceId::from_bytes([7; 16]),
            at: Timestamp::from_ms(0),
            direction: Way::Entry,
        };
        for (standing, event_type) in [
            (Counting::Counted, EventType::RedemptionRecorded),
            (Counting::Conflict, EventType::RedemptionConflicted),
        ] {
            let settled = DomainEvent::RedemptionsSettled(SettledRedemptions {
                event,
                standing,
                redemptions: vec![redeemed.clone()],
                cause: Cause::default(),
            });
            let told = public(travelled(&settled)).unwrap().unwrap();
            assert_eq!(
                (told.whose, told.event_type),
                (Whose::Event(event), event_type)
            );
            let data = json!({"event": event, "redemptions": [redeemed]});
            assert_eq!(told.told, Told::Data(data));
        }
        for (change, event_type) in [
            ("paired", EventType::DevicePaired),
            ("revoked", EventType::DeviceRevoked),
        ] {
            let changed = DomainEvent::DeviceChanged {
                event,
                device: redeemed.device,
                change: change.to_owned(),
            };
            let told = public(travelled(&changed)).unwrap().unwrap();
            assert_eq!(told.event_type, event_type);
        }
        // An event of identity has its own tag.
        let confirmed = DomainEvent::Identity(IdentityEvent::SsoDomainConfirmed {
            organisation,
            domain: "kino.example".to_owned(),
        });
        let told = public(travelled(&confirmed)).unwrap().unwrap();
        assert_eq!(told.whose, Whose::Organisation(organisation));
        assert_eq!(told.event_type, EventType::SsoDomainConfirmed);
        // What is somebody's own is told to nobody.
        let user = crate::identity::UserId::from_bytes([4; 16]);
        let registered = DomainEvent::Identity(IdentityEvent::Registered { user });
        assert_eq!(public(travelled(&registered)).unwrap(), None);
        let erased = DomainEvent::PersonErased { user, email: None };
        assert_eq!(public(travelled(&erased)).unwrap(), None);
    }

    #[test]
    fn changes_have_their_types() {
        for (change, event_type) in [
            ("created", EventType::EventCreated),
            ("published", EventType::EventPublished),
            ("cancelled", EventType::EventCancelled),
            ("archived", EventType::EventArchived),
            ("updated", EventType::EventUpdated),
            ("tier_added", EventType::EventUpdated),
            ("key_added", EventType::EventKeyAdded),
        ] {
            assert_eq!(event_change(change), event_type, "{change}");
        }
        assert_eq!(
            program_change("oauth.code_replayed"),
            EventType::ProgramMisused
        );
        assert_eq!(
            program_change("oauth.client_changed"),
            EventType::ProgramChanged
        );
    }
}
