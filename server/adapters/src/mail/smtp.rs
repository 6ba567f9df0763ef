//! Mail by SMTP.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bilten_kernel::telemetry::trace;
use lettre::message::Mailbox;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::message::message;
use super::{Mail, MailConfigError, MailError, Mailer};
use crate::Answer;
use crate::outgoing::{MAIL_SERVER, Outside};

/// How often the time for one step a whole mail may take.
const STEPS: u32 = 2;

/// Hands mail to an SMTP server over connections that are kept for a while.
pub struct SmtpMailer {
    builder: AsyncSmtpTransportBuilder,
    transport: RwLock<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
    /// Which server it is, for what is known of it.
    server: String,
    whole: Duration,
    outside: Arc<Outside>,
}

impl SmtpMailer {
    /// A mailer for the server of this URL: `smtps://user:password@host`, or `smtp://…?tls=required`
    /// for STARTTLS. It connects when there is something to send, and each step may take so long.
    ///
    /// # Errors
    /// [`MailConfigError::Url`] if it is none.
    pub fn new(
        url: &str,
        from: Mailbox,
        step: Duration,
        outside: Arc<Outside>,
    ) -> Result<Self, MailConfigError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            // The URL, and the password in it, are not part of this error.
            .map_err(|error| MailConfigError::Url(error.to_string()))?
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(step));
        Ok(Self {
            transport: RwLock::new(builder.clone().build()),
            builder,
            from,
            server: server(url).to_owned(),
            whole: step * STEPS,
            outside,
        })
    }

    fn transport(&self) -> AsyncSmtpTransport<Tokio1Executor> {
        let transport = self
            .transport
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        transport.clone()
    }

    /// Gives up connections of which one is in the midst of a conversation: whoever went on with it
    /// would take the answers to an earlier mail for those to their own.
    async fn begin_anew(&self, given_up: AsyncSmtpTransport<Tokio1Executor>) {
        let fresh = self.builder.clone().build();
        *self
            .transport
            .write()
            .unwrap_or_else(PoisonError::into_inner) = fresh;
        given_up.shutdown().await;
    }

    async fn hand_over(&self, mail: &Mail) -> Result<(), MailError> {
        let message = message(mail, &self.from)?;
        let turn = self
            .outside
            .turn(&MAIL_SERVER, &self.server)
            .await
            .map_err(|why| MailError::PutOff(why.until()))?;
        // Each step has its time; a server that takes nearly as long for each has one for all of them.
        let transport = self.transport();
        let sent = async {
            match tokio::time::timeout(self.whole, transport.send(message)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(Failed::By(error)),
                Err(_) => Err(Failed::TooSlow),
            }
        };
        match trace::outgoing(MAIL_SERVER.name, "MAIL", sent).await {
            Ok(()) => {
                turn.worked();
                Ok(())
            }
            Err(Failed::TooSlow) => {
                turn.failed();
                self.begin_anew(transport).await;
                Err(MailError::Failed("it took too long".to_owned()))
            }
            Err(Failed::By(error)) => {
                if is_down(&error) {
                    turn.failed();
                } else {
                    turn.worked();
                }
                Err(judge(&error))
            }
        }
    }
}

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> Answer<'a, Result<(), MailError>> {
        Box::pin(self.hand_over(mail))
    }
}

/// The server in its URL, without the name and password.
fn server(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    rest.rsplit('@').next().unwrap_or(rest)
}

/// Why a mail was not taken.
enum Failed {
    By(Error),
    TooSlow,
}

/// Whether the server is down, or says so; whatever else it answers is about one mail.
fn is_down(error: &Error) -> bool {
    match error.status() {
        Some(status) => ["421", "454"].contains(&status.to_string().as_str()),
        // Whoever was waiting when connections were given up has not been heard.
        None => !error.is_transport_shutdown(),
    }
}

/// What a server's answer means. Its words are left out: they repeat the address.
fn judge(error: &Error) -> MailError {
    let Some(status) = error.status() else {
        return MailError::Failed(error.to_string());
    };
    let status = status.to_string();
    let said = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    // Codes such as 5.1.1 (RFC 3463) say more: 5.1.x is about the address, while a bare 550 may
    // mean it and 5.7.x means that we may not send.
    let enhanced = said.split_whitespace().next().filter(|word| {
        word.split('.').count() == 3 && word.starts_with(|c: char| c.is_ascii_digit())
    });
    let is_address = match enhanced {
        Some(code) => code.starts_with("5.1."),
        None => ["550", "551", "553"].contains(&status.as_str()),
    };
    let what = enhanced.unwrap_or_default();
    let what = format!("the mail server answered {status} {what}");
    let what = what.trim_end().to_owned();
    if is_address {
        MailError::Refused(what)
    } else {
        MailError::Failed(what)
    }
}
