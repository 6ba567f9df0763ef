//! The mails there are, and what each of them needs to know.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// A mail to somebody with an account, to somebody who may get one, or about tickets.
///
/// Links are whole addresses, see [`link`](super::link). A mail to an address that is not known to
/// be somebody's holds no text that a stranger chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MailTemplate {
    /// Shows that an address is somebody's.
    VerifyEmail {
        /// Confirms the address.
        link: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// Somebody registered with an address that has an account: its owner is told, they are not.
    AlreadyRegistered {
        /// Where to sign in.
        sign_in: String,
        /// Where to get a new password.
        reset: String,
    },
    /// Sets a new password.
    ResetPassword {
        /// Where to set it.
        link: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// The password was changed.
    PasswordChanged {
        /// When.
        at: Timestamp,
        /// Where to get another one.
        reset: String,
    },
    /// Signs somebody in.
    MagicLink {
        /// Signs them in.
        link: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// A code to type in.
    SignInCode {
        /// The code.
        code: String,
        /// Until when it works.
        expires_at: Timestamp,
    },
    /// Somebody signed in from where they never did before.
    NewDevice {
        /// When.
        at: Timestamp,
        /// What kind of device, in words of ours, such as `Firefox on Linux`.
        device: String,
        /// From which network address.
        address: String,
        /// Where sessions are listed and ended.
        sessions: String,
    },
    /// A sign-in that does not look like the others.
    SuspiciousSignIn {
        /// When.
        at: Timestamp,
        /// What kind of device.
        device: String,
        /// From which network address.
        address: String,
        /// Whether it was let in.
        was_let_in: bool,
        /// Where sessions are listed and ended.
        sessions: String,
    },
    /// An organisation asks somebody to be a member.
    Invitation {
        /// The organisation's name.
        organisation: String,
        /// As what, in words, such as `door staff`.
        role: String,
        /// Where to accept.
        link: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// To the new address, when somebody changes theirs.
    ConfirmNewEmail {
        /// Confirms the new address.
        link: String,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// To the old address, when somebody changed theirs.
    EmailChanged {
        /// When.
        at: Timestamp,
        /// Brings the old address back.
        undo: String,
        /// Until when that works.
        undo_until: Timestamp,
    },
    /// An account elsewhere can be used to sign in.
    IdentityLinked {
        /// When.
        at: Timestamp,
        /// What the provider is called.
        provider: String,
        /// Where sign-ins by others are listed.
        security: String,
    },
    /// A second factor was added or taken away.
    MfaChanged {
        /// When.
        at: Timestamp,
        /// What happened, as a sentence, such as `An authenticator app was added.`
        change: String,
        /// Where factors are listed.
        security: String,
    },
    /// Somebody signed in with a recovery code.
    RecoveryCodeUsed {
        /// When.
        at: Timestamp,
        /// How many are left.
        left: u32,
        /// Where new ones are made.
        security: String,
    },
    /// A passkey was refused that seems to be a copy.
    PasskeyCopied {
        /// When.
        at: Timestamp,
        /// What its owner calls it.
        passkey: String,
        /// Where passkeys are listed.
        passkeys: String,
    },
    /// The account was erased.
    AccountErased {
        /// When.
        at: Timestamp,
    },
    /// A copy of somebody's data can be downloaded.
    ExportReady {
        /// Where.
        link: String,
        /// Until when.
        expires_at: Timestamp,
    },
    /// To administrators of the platform: somebody's account had an unusual sign-in.
    AccountFlagged {
        /// When.
        at: Timestamp,
        /// The account's id; the mail names nobody.
        account: String,
        /// Whether it was let in.
        was_let_in: bool,
    },
    /// To those who look after an organisation's webhooks: nothing is sent to an endpoint any more.
    WebhookDisabled {
        /// When.
        at: Timestamp,
        /// The endpoint's id; its address may hold a secret.
        endpoint: String,
        /// What the endpoint is for, in the words of whoever made it.
        description: String,
        /// Whether it said that it is gone, and did not just fail.
        is_gone: bool,
    },
    /// To whoever bought: the way to their orders of an event, as somebody asked.
    OrdersFound {
        /// When.
        at: Timestamp,
        /// The event's name.
        event: String,
        /// The pages of the orders, the newest first.
        links: Vec<String>,
    },
    /// To whoever ordered: somebody has looked at the order, and it can be paid.
    OrderAccepted {
        /// What people call the order.
        reference: String,
        /// The page of the order.
        link: String,
        /// Until when it can be paid.
        expires_at: Timestamp,
    },
    /// An administrator of the platform acted as somebody.
    ImpersonationNotice {
        /// From when.
        at: Timestamp,
        /// Until when at the latest.
        until: Timestamp,
        /// Why, in the administrator's words.
        reason: String,
    },
    /// Somebody offers a ticket.
    TicketOffered {
        /// What the event is called.
        event: String,
        /// Where to accept or decline.
        link: String,
        /// Until when it can be accepted.
        expires_at: Timestamp,
    },
    /// An offered ticket was accepted: to whoever has it now.
    TicketReceived {
        /// What the event is called.
        event: String,
        /// Where the ticket is.
        link: String,
    },
    /// An offered ticket was accepted or declined: to whoever offered it.
    TransferAnswered {
        /// What the event is called.
        event: String,
        /// Whether it was accepted.
        accepted: bool,
    },
    /// Somebody waits for tickets.
    WaitlistJoined {
        /// What the event is called.
        event: String,
        /// Where they see how it stands and leave.
        entry: String,
    },
    /// Tickets came back, and are held for somebody who waits.
    WaitlistOffered {
        /// What the event is called.
        event: String,
        /// How many.
        quantity: u32,
        /// Where to buy them.
        link: String,
        /// Until when they are held.
        expires_at: Timestamp,
        /// Where they see how it stands and leave.
        entry: String,
    },
}

/// How long a notice is worth sending.
const NOTICE: Duration = Duration::from_secs(3 * 86_400);

impl MailTemplate {
    /// The name of this kind of mail, for logs.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "verify_email",
            Self::AlreadyRegistered { .. } => "already_registered",
            Self::ResetPassword { .. } => "reset_password",
            Self::PasswordChanged { .. } => "password_changed",
            Self::MagicLink { .. } => "magic_link",
            Self::SignInCode { .. } => "sign_in_code",
            Self::NewDevice { .. } => "new_device",
            Self::SuspiciousSignIn { .. } => "suspicious_sign_in",
            Self::Invitation { .. } => "invitation",
            Self::ConfirmNewEmail { .. } => "confirm_new_email",
            Self::EmailChanged { .. } => "email_changed",
            Self::IdentityLinked { .. } => "identity_linked",
            Self::MfaChanged { .. } => "mfa_changed",
            Self::RecoveryCodeUsed { .. } => "recovery_code_used",
            Self::PasskeyCopied { .. } => "passkey_copied",
            Self::AccountErased { .. } => "account_erased",
            Self::ExportReady { .. } => "export_ready",
            Self::AccountFlagged { .. } => "account_flagged",
            Self::WebhookDisabled { .. } => "webhook_disabled",
            Self::OrdersFound { .. } => "orders_found",
            Self::OrderAccepted { .. } => "order_accepted",
            Self::ImpersonationNotice { .. } => "impersonation_notice",
            Self::TicketOffered { .. } => "ticket_offered",
            Self::TicketReceived { .. } => "ticket_received",
            Self::TransferAnswered { .. } => "transfer_answered",
            Self::WaitlistJoined { .. } => "waitlist_joined",
            Self::WaitlistOffered { .. } => "waitlist_offered",
        }
    }

    /// Until when a mail that was written at `at` is worth sending.
    pub(super) fn useful_until(&self, at: Timestamp) -> Timestamp {
        match self {
            Self::VerifyEmail { expires_at, .. }
            | Self::ResetPassword { expires_at, .. }
            | Self::MagicLink { expires_at, .. }
            | Self::SignInCode { expires_at, .. }
            | Self::Invitation { expires_at, .. }
            | Self::ConfirmNewEmail { expires_at, .. }
            | Self::ExportReady { expires_at, .. }
            | Self::OrderAccepted { expires_at, .. }
            | Self::TicketOffered { expires_at, .. }
            | Self::WaitlistOffered { expires_at, .. } => *expires_at,
            Self::EmailChanged { undo_until, .. } => *undo_until,
            Self::AlreadyRegistered { .. }
            | Self::PasswordChanged { .. }
            | Self::NewDevice { .. }
            | Self::SuspiciousSignIn { .. }
            | Self::IdentityLinked { .. }
            | Self::MfaChanged { .. }
            | Self::RecoveryCodeUsed { .. }
            | Self::PasskeyCopied { .. }
            | Self::AccountErased { .. }
            | Self::AccountFlagged { .. }
            | Self::WebhookDisabled { .. }
            | Self::OrdersFound { .. }
            | Self::ImpersonationNotice { .. }
            | Self::TicketReceived { .. }
            | Self::TransferAnswered { .. }
            | Self::WaitlistJoined { .. } => at + NOTICE,
        }
    }
}
