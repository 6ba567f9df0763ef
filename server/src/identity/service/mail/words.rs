//! What the mails say.

use askama::Template;
use bilten_kernel::clock::Timestamp;

use super::template::MailTemplate;

/// What a mail says, before it is plain text or HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// What it is about.
    pub(super) subject: String,
    /// What comes first.
    paragraphs: Vec<String>,
    /// A code to type in.
    code: Option<String>,
    /// Where to go: what for, and the address.
    actions: Vec<(&'static str, String)>,
    /// What comes last.
    ending: Vec<String>,
}

#[derive(Template)]
#[template(path = "mail/mail.txt")]
struct Plain<'a> {
    words: &'a Words,
    site: &'a str,
}

#[derive(Template)]
#[template(path = "mail/mail.html")]
struct Html<'a> {
    words: &'a Words,
    site: &'a str,
}

impl Words {
    /// The mail as plain text.
    pub(super) fn plain(&self, site: &str) -> askama::Result<String> {
        Plain { words: self, site }.render()
    }

    /// The mail as HTML.
    pub(super) fn html(&self, site: &str) -> askama::Result<String> {
        Html { words: self, site }.render()
    }

    fn about(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            ..Self::default()
        }
    }

    fn says(mut self, paragraph: impl Into<String>) -> Self {
        self.paragraphs.push(paragraph.into());
        self
    }

    fn leads(mut self, label: &'static str, link: &str) -> Self {
        self.actions.push((label, link.to_owned()));
        self
    }

    fn ends(mut self, paragraph: impl Into<String>) -> Self {
        self.ending.push(paragraph.into());
        self
    }
}

/// A moment in words; whoever reads it may be anywhere, so it names its zone.
fn when(at: Timestamp) -> String {
    at.to_jiff().strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// A text from somewhere else in one line, without what could be taken for another text.
fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect()
}

fn works_until(at: Timestamp) -> String {
    format!("The link works once, until {}.", when(at))
}

const NOT_YOU: &str = "If this was not you, you need do nothing: without the link nothing happens.";
const WAS_YOU: &str = "If this was you, you need do nothing.";

impl MailTemplate {
    /// What this mail says.
    pub(super) fn words(&self) -> Words {
        match self {
            Self::VerifyEmail { link, expires_at } => Words::about("Confirm your e-mail address")
                .says("Somebody, hopefully you, is making an account with this address. Please confirm that it is yours.")
                .leads("Confirm this address", link)
                .ends(works_until(*expires_at))
                .ends(NOT_YOU),
            Self::AlreadyRegistered { sign_in, reset } => Words::about("You have an account already")
                .says("Somebody, hopefully you, tried to make an account with this address, or to use it for another account. There is an account with it already, so nothing was changed.")
                .leads("Sign in", sign_in)
                .leads("Set a new password", reset)
                .ends("If this was not you, you need do nothing."),
            Self::ResetPassword { link, expires_at } => Words::about("Set a new password")
                .says("Somebody, hopefully you, asked for a new password for your account.")
                .leads("Set a new password", link)
                .ends(works_until(*expires_at))
                .ends("If this was not you, you need do nothing: your password stays as it is."),
            Self::PasswordChanged { at, reset } => Words::about("Your password was changed")
                .says(format!("The password of your account was changed on {}. You were signed out everywhere else.", when(*at)))
                .says(WAS_YOU)
                .leads("It was not me: set another password", reset),
            Self::MagicLink { link, expires_at } => Words::about("Your link to sign in")
                .says("Somebody, hopefully you, wants to sign in to your account.")
                .leads("Sign in", link)
                .ends(works_until(*expires_at))
                .ends(NOT_YOU),
            Self::SignInCode { code, expires_at } => Words {
                code: Some(code.clone()),
                ..Words::about("Your code to sign in")
            }
            .says("Type this code where you are signing in:")
            .ends(format!("It works once, until {}.", when(*expires_at)))
            .ends("Give it to nobody. We never ask for it by mail, message or telephone. If you are not signing in, somebody knows your password: change it."),
            Self::NewDevice { at, device, address, sessions } => Words::about("A new device signed in to your account")
                .says(format!("{} signed in to your account on {}, from the address {}.", quoted(device), when(*at), quoted(address)))
                .says(WAS_YOU)
                .leads("It was not me: see where I am signed in", sessions),
            Self::SuspiciousSignIn { at, device, address, was_let_in, sessions } => {
                let outcome = if *was_let_in {
                    "It was let in, because it knew everything that it had to know."
                } else {
                    "It was not let in."
                };
                Words::about("An unusual sign-in to your account")
                    .says(format!("{} tried to sign in to your account on {}, from the address {}. That is not like you. {outcome}", quoted(device), when(*at), quoted(address)))
                    .says(WAS_YOU)
                    .leads("It was not me: see where I am signed in", sessions)
            }
            Self::Invitation { organisation, role, link, expires_at } => {
                let organisation = quoted(organisation);
                Words::about(format!("{organisation} invites you"))
                    .says(format!("{organisation} invites you to work with them on Bilten as {}.", quoted(role)))
                    .leads("See the invitation", link)
                    .ends(works_until(*expires_at))
                    .ends("If you do not know them, you need do nothing.")
            }
            Self::ConfirmNewEmail { link, expires_at } => Words::about("Confirm your new e-mail address")
                .says("Somebody, hopefully you, wants to use this address for their account from now on. Please confirm that it is yours.")
                .leads("Confirm this address", link)
                .ends(works_until(*expires_at))
                .ends(NOT_YOU),
            Self::EmailChanged { at, undo, undo_until } => Words::about("Your e-mail address was changed")
                .says(format!("The address of your account was changed on {}. Mail goes to the new address from now on.", when(*at)))
                .says(WAS_YOU)
                .leads("It was not me: bring this address back", undo)
                .ends(format!("That works until {}. It ends all sessions, and you will set a new password.", when(*undo_until))),
            Self::IdentityLinked { at, provider, security } => Words::about("Another way to sign in to your account")
                .says(format!("Since {}, an account at {} can be used to sign in to yours.", when(*at), quoted(provider)))
                .says(WAS_YOU)
                .leads("See how I sign in", security),
            Self::MfaChanged { at, change, security } => Words::about("How you sign in was changed")
                .says(format!("{} That was on {}.", quoted(change), when(*at)))
                .says(WAS_YOU)
                .leads("See how I sign in", security),
            Self::RecoveryCodeUsed { at, left, security } => Words::about("A recovery code was used")
                .says(format!("Somebody signed in to your account with one of its recovery codes on {}. {left} of them are left.", when(*at)))
                .says(WAS_YOU)
                .leads("See how I sign in", security),
            Self::PasskeyCopied { at, passkey, passkeys } => Words::about("A copy of your passkey was refused")
                .says(format!("Your passkey {} was shown on {}, and it was refused: it seems to be a copy, because it counts fewer uses than there were.", quoted(passkey), when(*at)))
                .says("Somebody else may have it. Remove that passkey, and make a new one on a device that only you have.")
                .leads("See my passkeys", passkeys)
                .ends("You get one such mail in an hour at most."),
            Self::AccountErased { at } => Words::about("Your account was erased")
                .says(format!("Your account was erased on {}, with everything personal in it. This is the last mail about it.", when(*at)))
                .ends("Tickets that you bought stay valid. What the law makes us keep about payments is kept without your name."),
            Self::ExportReady { link, expires_at } => Words::about("Your data is ready")
                .says("The copy of your data that you asked for is ready. You need to be signed in to download it.")
                .leads("Download it", link)
                .ends(format!("It is there until {}.", when(*expires_at))),
            Self::AccountFlagged { at, account, was_let_in } => {
                let outcome = if *was_let_in {
                    "They were let in, because they knew everything that they had to know."
                } else {
                    "They were not let in."
                };
                Words::about("An unusual sign-in to an account")
                    .says(format!("Somebody tried to sign in to the account {} on {}, and it does not look like its owner. {outcome}", quoted(account), when(*at)))
                    .says("The list of flagged accounts shows it until an administrator has looked into it; the audit log tells what happened.")
                    .ends("You get one mail in an hour about an account at most.")
            }
            Self::WebhookDisabled { at, endpoint, description, is_gone } => {
                let why = if *is_gone {
                    "It answered that it is gone."
                } else {
                    "It took nothing in three days, however often it was tried."
                };
                let name = match quoted(description) {
                    name if name.is_empty() => quoted(endpoint),
                    name => format!("“{name}” ({})", quoted(endpoint)),
                };
                Words::about("A webhook was switched off")
                    .says(format!("Nothing is sent to the webhook endpoint {name} any more, since {}. {why}", when(*at)))
                    .says("Once it works again, switch it on; what it missed meanwhile can be sent again.")
                    .ends("You get this mail because you may look after the webhooks of your organisation.")
            }
            Self::OrdersFound { event, links, .. } => {
                let one_or_many = if links.len() == 1 { "your order" } else { "your orders" };
                let words = Words::about(format!("Your tickets for {}", quoted(event)))
                    .says(format!("Somebody, hopefully you, asked for the way to {one_or_many} for {}. Here it is, the newest first.", quoted(event)));
                links
                    .iter()
                    .fold(words, |words, link| words.leads("See the order", link))
                    .ends("Whoever has such a link has the tickets, so do not pass this mail on.")
                    .ends("If this was not you, you need do nothing: only you were sent this.")
            }
            Self::OrderAccepted { reference, link, expires_at } => Words::about("Your order can be paid now")
                .says(format!("The organiser has looked at your order {}. Its tickets are reserved for you; please pay for them by {}.", quoted(reference), when(*expires_at)))
                .leads("Pay now", link)
                .ends("If you have changed your mind, you need do nothing."),
            Self::ImpersonationNotice { at, until, reason } => Words::about("Our support has access to your account")
                .says(format!("A member of our staff can act in your name from {} until {} at the latest. Everything they do is recorded.", when(*at), when(*until)))
                .says(format!("The reason they gave: {}", quoted(reason)))
                .ends("If you did not ask for help, please answer whoever runs this site."),
            Self::TicketOffered { event, link, expires_at } => {
                let event = quoted(event);
                Words::about(format!("A ticket for you: {event}"))
                    .says(format!("Somebody who has a ticket for {event} offers it to you. Once you accept it, it is yours, and theirs lets nobody in any more."))
                    .leads("Accept or decline the ticket", link)
                    .ends(format!("The offer is open until {}, unless it is taken back before.", when(*expires_at)))
                    .ends("If you expect no ticket, you need do nothing. Nobody needs money from you for this: do not pay anybody to accept it.")
            }
            Self::TicketReceived { event, link } => {
                let event = quoted(event);
                Words::about(format!("Your ticket: {event}"))
                    .says(format!("The ticket for {event} is yours. Keep this mail: the link leads to its code, and whoever has the link has the ticket."))
                    .leads("See your ticket", link)
            }
            Self::TransferAnswered { event, accepted } => {
                let event = quoted(event);
                if *accepted {
                    Words::about(format!("Your ticket was passed on: {event}"))
                        .says(format!("The ticket for {event} that you offered was accepted. Its code on your side lets nobody in any more."))
                } else {
                    Words::about(format!("Your ticket was declined: {event}"))
                        .says(format!("The ticket for {event} that you offered was declined. It is still yours, with the same code."))
                }
            }
            Self::WaitlistJoined { event, entry } => {
                let event = quoted(event);
                Words::about(format!("You are on the waitlist: {event}"))
                    .says(format!("This address is on the waitlist for {event}. When tickets come back and it is your turn, we hold them for you and write to you."))
                    .leads("See how it stands, or leave the waitlist", entry)
                    .ends("If this was not you, leave it by the same link.")
            }
            Self::WaitlistOffered { event, quantity, link, expires_at, entry } => {
                let event = quoted(event);
                let tickets = if *quantity == 1 {
                    "1 ticket is".to_owned()
                } else {
                    format!("{quantity} tickets are")
                };
                Words::about(format!("Tickets for you: {event}"))
                    .says(format!("{tickets} held for you for {event}, until {}. After that, whoever is next gets them.", when(*expires_at)))
                    .leads("Buy them", link)
                    .leads("I do not want them: leave the waitlist", entry)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<MailTemplate> {
        let at = Timestamp::from_ms(1_700_000_000_000);
        let url = |path: &str| format!("https://t.example.org/{path}?a=1&b=<2>");
        vec![
            MailTemplate::VerifyEmail {
                link: url("v"),
                expires_at: at,
            },
            MailTemplate::AlreadyRegistered {
                sign_in: url("s"),
                reset: url("r"),
            },
            MailTemplate::ResetPassword {
                link: url("r"),
                expires_at: at,
            },
            MailTemplate::PasswordChanged {
                at,
                reset: url("r"),
            },
            MailTemplate::MagicLink {
                link: url("m"),
                expires_at: at,
            },
            MailTemplate::SignInCode {
                code: "123456".to_owned(),
                expires_at: at,
            },
            MailTemplate::NewDevice {
                at,
                device: "Firefox".to_owned(),
                address: "192.0.2.1".to_owned(),
                sessions: url("s"),
            },
            MailTemplate::SuspiciousSignIn {
                at,
                device: "Firefox".to_owned(),
                address: "192.0.2.1".to_owned(),
                was_let_in: false,
                sessions: url("s"),
            },
            MailTemplate::Invitation {
                organisation: "A & <b>B</b>\r\nBcc: x".to_owned(),
                role: "door staff".to_owned(),
                link: url("i"),
                expires_at: at,
            },
            MailTemplate::ConfirmNewEmail {
                link: url("c"),
                expires_at: at,
            },
            MailTemplate::EmailChanged {
                at,
                undo: url("u"),
                undo_until: at,
            },
            MailTemplate::IdentityLinked {
                at,
                provider: "Google".to_owned(),
                security: url("s"),
            },
            MailTemplate::MfaChanged {
                at,
                change: "A passkey was added.".to_owned(),
                security: url("s"),
            },
            MailTemplate::RecoveryCodeUsed {
                at,
                left: 3,
                security: url("s"),
            },
            MailTemplate::PasskeyCopied {
                at,
                passkey: "A & <b>key</b>".to_owned(),
                passkeys: url("p"),
            },
            MailTemplate::AccountErased { at },
            MailTemplate::ExportReady {
                link: url("e"),
                expires_at: at,
            },
            MailTemplate::AccountFlagged {
                at,
                account: "usr_00000000000000000000000001".to_owned(),
                was_let_in: true,
            },
            MailTemplate::WebhookDisabled {
                at,
                endpoint: "whe_00000000000000000000000001".to_owned(),
                description: "<b>Ledger</b>\r\nBcc: x".to_owned(),
                is_gone: false,
            },
            MailTemplate::OrdersFound {
                at,
                event: "<b>Gala</b>\r\nBcc: x".to_owned(),
                links: vec![url("a"), url("b")],
            },
            MailTemplate::OrderAccepted {
                reference: "ABC123XYZ".to_owned(),
                link: url("o"),
                expires_at: at,
            },
            MailTemplate::ImpersonationNotice {
                at,
                until: at,
                reason: "Ticket 17".to_owned(),
            },
            MailTemplate::TicketOffered {
                event: "A & <b>B</b>\r\nBcc: x".to_owned(),
                link: url("t"),
                expires_at: at,
            },
            MailTemplate::TicketReceived {
                event: "A & <b>B</b>\r\nBcc: x".to_owned(),
                link: url("t"),
            },
            MailTemplate::TransferAnswered {
                event: "A & <b>B</b>\r\nBcc: x".to_owned(),
                accepted: true,
            },
            MailTemplate::TransferAnswered {
                event: "Večer".to_owned(),
                accepted: false,
            },
            MailTemplate::WaitlistJoined {
                event: "A & <b>B</b>\r\nBcc: x".to_owned(),
                entry: url("w"),
            },
            MailTemplate::WaitlistOffered {
                event: "A & <b>B</b>\r\nBcc: x".to_owned(),
                quantity: 2,
                link: url("c"),
                expires_at: at,
                entry: url("w"),
            },
        ]
    }

    /// covers: AUTH-1
    #[test]
    fn every_mail_says_in_both_forms_what_it_was_told() {
        for template in all() {
            let name = template.name();
            let words = template.words();
            assert!(
                !words.subject.is_empty() && !words.subject.contains(['\r', '\n']),
                "{name}"
            );
            let plain = words.plain("https://t.example.org").unwrap();
            let html = words.html("https://t.example.org").unwrap();
            // Whatever the template holds is said, and in HTML nothing of it is markup.
            for (label, link) in &words.actions {
                assert!(plain.contains(link.as_str()), "{name}: {plain}");
                assert!(html.contains("?a=1&#38;b=&#60;2&#62;"), "{name}: {html}");
                assert!(plain.contains(label) && html.contains(label), "{name}");
            }
            for paragraph in words
                .paragraphs
                .iter()
                .chain(&words.ending)
                .chain(&words.code)
            {
                assert!(plain.contains(paragraph.as_str()), "{name}: {plain}");
            }
            assert!(!html.contains("<b>"), "{name}: {html}");
            assert!(!plain.contains("&#"), "plain text is not escaped: {plain}");
            let kept = serde_json::to_string(&template).unwrap();
            assert_eq!(
                serde_json::from_str::<MailTemplate>(&kept).unwrap(),
                template
            );
        }
    }
}
