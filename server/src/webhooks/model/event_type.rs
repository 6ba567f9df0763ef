//! The event types that an organisation can choose.

use bilten_kernel::text_enum;

use crate::identity::Permission;

text_enum! {
    /// What can happen in an organisation and be told to others.
    pub enum EventType {
        /// A draft of an event was made.
        EventCreated = "event.created",
        /// Something of an event was changed: its texts, or its tiers.
        EventUpdated = "event.updated",
        /// An event was published: it is on sale.
        EventPublished = "event.published",
        /// An event will not take place.
        EventCancelled = "event.cancelled",
        /// An event is over and out of the way.
        EventArchived = "event.archived",
        /// A draft was deleted.
        EventDeleted = "event.deleted",
        /// An event has a new key, by which tickets are signed from now on.
        EventKeyAdded = "event.key_added",
        /// An order was paid: its tickets are issued.
        OrderPaid = "order.paid",
        /// An order was paid back: its tickets are dead.
        OrderRefunded = "order.refunded",
        /// A ticket was declared dead.
        TicketRevoked = "ticket.revoked",
        /// A ticket was issued anew: its older codes are dead.
        TicketReissued = "ticket.reissued",
        /// Tickets passed a gate, and that counts; also if it did not when it was recorded.
        RedemptionRecorded = "redemption.recorded",
        /// Tickets passed a gate that had passed elsewhere before: kept, but not counted.
        RedemptionConflicted = "redemption.conflicted",
        /// A device was paired with an event.
        DevicePaired = "device.paired",
        /// A device was revoked: it may not sync any more and wipes itself.
        DeviceRevoked = "device.revoked",
        /// An OAuth client or service credential was made.
        ProgramCreated = "program.created",
        /// An OAuth client was changed, or switched off or on.
        ProgramChanged = "program.changed",
        /// An OAuth client has a new secret.
        ProgramSecretRotated = "program.secret_rotated",
        /// An OAuth client was ended.
        ProgramEnded = "program.ended",
        /// Somebody let an OAuth client act for the organisation.
        ProgramGranted = "program.granted",
        /// What was granted to an OAuth client was taken back.
        ProgramGrantEnded = "program.grant_ended",
        /// A code or token of an OAuth client was used twice, so what was granted was taken back.
        ProgramMisused = "program.misused",
        /// A connection to an identity provider was made, changed or deleted.
        SsoConnectionChanged = "sso.connection_changed",
        /// A mail domain was confirmed to be the organisation's.
        SsoDomainConfirmed = "sso.domain_confirmed",
        /// The identity provider gave somebody other roles.
        SsoRolesChanged = "sso.roles_changed",
        /// A sign-in by the identity provider was refused.
        SsoRefused = "sso.refused",
    }
}

/// The type of the message that is sent to try an endpoint; nobody chooses it.
pub const TEST_TYPE: &str = "webhook.test";

impl EventType {
    /// The version of what its messages say in `data`. A field is added without a new version; one
    /// is taken away or changed by a new version, which whoever reads the old one chooses themselves.
    pub const fn version(self) -> u32 {
        match self {
            Self::EventCreated
            | Self::EventUpdated
            | Self::EventPublished
            | Self::EventCancelled
            | Self::EventArchived
            | Self::EventDeleted
            | Self::EventKeyAdded
            | Self::OrderPaid
            | Self::OrderRefunded
            | Self::TicketRevoked
            | Self::TicketReissued
            | Self::RedemptionRecorded
            | Self::RedemptionConflicted
            | Self::DevicePaired
            | Self::DeviceRevoked
            | Self::ProgramCreated
            | Self::ProgramChanged
            | Self::ProgramSecretRotated
            | Self::ProgramEnded
            | Self::ProgramGranted
            | Self::ProgramGrantEnded
            | Self::ProgramMisused
            | Self::SsoConnectionChanged
            | Self::SsoDomainConfirmed
            | Self::SsoRolesChanged
            | Self::SsoRefused => 1,
        }
    }

    /// What whoever chooses it must be allowed to read anyway.
    pub const fn needs(self) -> Permission {
        match self {
            Self::EventCreated
            | Self::EventUpdated
            | Self::EventPublished
            | Self::EventCancelled
            | Self::EventArchived
            | Self::EventDeleted
            | Self::EventKeyAdded => Permission::EventsRead,
            Self::OrderPaid | Self::OrderRefunded => Permission::OrdersRead,
            Self::TicketRevoked | Self::TicketReissued => Permission::TicketsRead,
            Self::RedemptionRecorded | Self::RedemptionConflicted => Permission::CheckInRead,
            Self::DevicePaired | Self::DeviceRevoked => Permission::DevicesManage,
            Self::ProgramCreated
            | Self::ProgramChanged
            | Self::ProgramSecretRotated
            | Self::ProgramEnded
            | Self::ProgramGranted
            | Self::ProgramGrantEnded
            | Self::ProgramMisused
            | Self::SsoConnectionChanged
            | Self::SsoDomainConfirmed
            | Self::SsoRolesChanged
            | Self::SsoRefused => Permission::AuditRead,
        }
    }

    /// What it means, for whoever chooses.
    pub const fn about(self) -> &'static str {
        match self {
            Self::EventCreated => "A draft of an event was made",
            Self::EventUpdated => "Texts or tiers of an event were changed",
            Self::EventPublished => "An event was published: it is on sale",
            Self::EventCancelled => "An event will not take place",
            Self::EventArchived => "An event is over and out of the way",
            Self::EventDeleted => "A draft of an event was deleted",
            Self::EventKeyAdded => {
                "An event has a new key, by which tickets are signed from now on"
            }
            Self::OrderPaid => "An order was paid: its tickets are issued",
            Self::OrderRefunded => "An order was paid back: its tickets are dead",
            Self::TicketRevoked => "A ticket was declared dead",
            Self::TicketReissued => "A ticket was issued anew: its older codes are dead",
            Self::RedemptionRecorded => {
                "Tickets passed a gate, and that counts, also if it did not when it was recorded; up to 100 in one message"
            }
            Self::RedemptionConflicted => {
                "Tickets passed a gate that had passed elsewhere before: kept, but not counted; up to 100 in one message"
            }
            Self::DevicePaired => "A device was paired with an event",
            Self::DeviceRevoked => {
                "A device was revoked: it may not sync any more and wipes itself"
            }
            Self::ProgramCreated => "An OAuth client or service credential was made",
            Self::ProgramChanged => "An OAuth client was changed, or switched off or on",
            Self::ProgramSecretRotated => "An OAuth client has a new secret",
            Self::ProgramEnded => "An OAuth client was ended",
            Self::ProgramGranted => "Somebody let an OAuth client act for the organisation",
            Self::ProgramGrantEnded => "What was granted to an OAuth client was taken back",
            Self::ProgramMisused => {
                "A code or token of an OAuth client was used twice, so what was granted to it was taken back"
            }
            Self::SsoConnectionChanged => {
                "A connection to an identity provider was made, changed or deleted"
            }
            Self::SsoDomainConfirmed => "A mail domain was confirmed to be the organisation's",
            Self::SsoRolesChanged => "The identity provider gave somebody other roles",
            Self::SsoRefused => "A sign-in by the identity provider was refused",
        }
    }
}
