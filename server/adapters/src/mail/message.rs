//! A mail in the form in which it travels (RFC 5322, MIME).

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::{Mail, MailError};

/// The mail with all its headers.
pub(super) fn message(mail: &Mail, from: &Mailbox) -> Result<Message, MailError> {
    let unusable = |why: &str| MailError::Unusable(why.to_owned());
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if mail.id.is_empty() || !mail.id.chars().all(is_plain) {
        return Err(unusable("its id is not made of letters and digits"));
    }
    let address = mail.to.parse().map_err(|_| unusable("it goes nowhere"))?;
    let since_epoch = Duration::from_millis(u64::try_from(mail.at.ms()).unwrap_or(0));
    // The boundary is ours, so that the same mail is the same bytes.
    let body = MultiPart::alternative()
        .boundary(format!("bilten-{}", mail.id))
        .singlepart(SinglePart::plain(mail.text.clone()))
        .singlepart(SinglePart::html(mail.html.clone()));
    // No answer to it by a machine (RFC 3834).
    let automatic = HeaderValue::new(
        HeaderName::new_from_ascii_str("Auto-Submitted"),
        "auto-generated".to_owned(),
    );
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, address))
        .subject(one_line(&mail.subject))
        .date(SystemTime::UNIX_EPOCH + since_epoch)
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .raw_header(automatic)
        .multipart(body)
        .map_err(|error| unusable(&error.to_string()))
}

/// A text for a header: a line break in it would begin another header.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use bilten_kernel::clock::Timestamp;

    use super::*;

    fn mail() -> Mail {
        Mail {
            id: "abc123".to_owned(),
            to: "ana@example.com".to_owned(),
            subject: "Vstopnice za večer".to_owned(),
            text: "Živjo,\n.\nna svidenje".to_owned(),
            html: "<p>Živjo</p>".to_owned(),
            at: Timestamp::from_ms(1_700_000_000_000),
        }
    }

    fn written(mail: &Mail) -> Result<String, MailError> {
        let from = "Bilten <bilten@example.org>".parse().unwrap();
        message(mail, &from).map(|m| String::from_utf8(m.formatted()).unwrap())
    }

    #[test]
    fn a_mail_has_its_headers_and_is_the_same_bytes_each_time() {
        let text = written(&mail()).unwrap();
        for header in [
            "From: Bilten <bilten@example.org>\r\n",
            "To: ana@example.com\r\n",
            "Message-ID: <abc123@example.org>\r\n",
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "MIME-Version: 1.0\r\n",
        ] {
            assert!(text.contains(header), "{header} in\n{text}");
        }
        assert_eq!(text, written(&mail()).unwrap());
        assert!(text.is_ascii(), "any server takes it:\n{text}");
    }

    #[test]
    fn nothing_in_a_mail_makes_a_header_of_its_own() {
        let mut with_break = mail();
        with_break.subject = "Hello\r\nBcc: victim@example.org\r\n\r\nbody\u{85}x".to_owned();
        let text = written(&with_break).unwrap();
        assert!(!text.contains("\nBcc"), "{text}");
        let head = text.split("\r\n\r\n").next().unwrap();
        assert_eq!(head.matches("Subject:").count(), 1, "{text}");
        for to in [
            "",
            "ana",
            "ana@example.com\r\nBcc: victim@example.org",
            "ana@example.com, victim@example.org",
            "<ana@example.com>",
        ] {
            let mut wrong = mail();
            wrong.to = to.to_owned();
            assert!(
                matches!(written(&wrong), Err(MailError::Unusable(_))),
                "{to:?}"
            );
        }
        for id in ["", "a b", "../x", "A", "x\r\ny"] {
            let mut wrong = mail();
            wrong.id = id.to_owned();
            assert!(
                matches!(written(&wrong), Err(MailError::Unusable(_))),
                "{id:?}"
            );
        }
    }
}
