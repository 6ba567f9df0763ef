//! Mail and text messages: sent once the write is committed, sealed until then, tried again.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{jobs, on_both_engines};
use bilten_server::app::App;
use bilten_server::identity::mail::{self, MailTemplate};
use bilten_server::identity::sms::{self, SmsText};
use bilten_server::identity::{Email, IdentityError, Phone};

use crate::app::TestApp;
use crate::post::SmtpCatcher;

pub(super) fn code_mail(app: &App, code: &str) -> MailTemplate {
    MailTemplate::SignInCode {
        code: code.to_owned(),
        expires_at: app.now() + Duration::from_secs(600),
    }
}

/// Writes mails down in one transaction, which is given up if `fails`.
pub(super) async fn write(app: &App, to: &str, templates: Vec<MailTemplate>, fails: bool) {
    let (work, to) = (app.clone(), to.parse::<Email>().unwrap());
    let done: Result<(), IdentityError> = app
        .db
        .write(move |c| {
            Box::pin(async move {
                for template in templates {
                    mail::send_in(&work, c, &to, template).await?;
                }
                if fails {
                    return Err(IdentityError::NotFound("reason to go on"));
                }
                Ok(())
            })
        })
        .await;
    assert_eq!(done.is_err(), fails);
}

pub(super) async fn write_sms(app: &App, to: &str, code: &str, expires_at: Timestamp) {
    let (work, to) = (app.clone(), to.parse::<Phone>().unwrap());
    let text = SmsText::Code {
        code: code.to_owned(),
        expires_at,
    };
    let done: Result<(), IdentityError> = app
        .db
        .write(move |c| Box::pin(async move { sms::send_in(&work, c, &to, text).await }))
        .await;
    done.unwrap();
}

/// Waits until no mail or text message is left to be sent, letting pauses pass.
pub(super) async fn settled(t: &TestApp) -> Vec<jobs::Remaining> {
    for _ in 0..1200 {
        let left = jobs::remaining(&t.app.db).await.unwrap();
        let open: Vec<_> = left.iter().filter(|job| !job.is_dead).collect();
        if open.is_empty() {
            return left;
        }
        if open.iter().all(|job| job.last_error.is_some()) {
            t.clock.advance(Duration::from_millis(500));
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!(
        "jobs were never done: {:?}",
        jobs::remaining(&t.app.db).await
    );
}

on_both_engines! {
    /// covers: AUTH-1, AUTH-5, BE-8
    async fn a_mail_goes_out_if_and_only_if_its_cause_is_committed(db: TestDb) {
        let t = TestApp::start(db).await;
        write(&t.app, "ana@example.com", vec![code_mail(&t.app, "111111")], true).await;
        write(&t.app, "Ana.Novak@example.com", vec![code_mail(&t.app, "222222")], false).await;
        let got = t.mail_to("Ana.Novak@example.com").await;
        assert_eq!((got.subject.as_str(), got.code().as_str()), ("Your code to sign in", "222222"));
        assert!(got.html.contains("222222"), "{}", got.html);
        assert_eq!(got.headers["auto-submitted"], "auto-generated");
        assert!(got.headers["message-id"].ends_with("@localhost>"), "{:?}", got.headers);
        assert!(got.headers.contains_key("date"));
        assert!(settled(&t).await.is_empty());
        assert_eq!(t.mails_waiting("ana@example.com"), 0, "a write that failed sends nothing");
        t.stop().await;
    }

    /// covers: BE-8
    async fn nothing_of_a_mail_can_be_read_in_the_jobs_table(db: TestDb) {
        let catcher = SmtpCatcher::start().await;
        catcher.refuse(&["451 4.3.0 later, ana@example.com"; 3]);
        let url = catcher.url.clone();
        let t = TestApp::start_with(db, |config| config.mail.smtp_url = url).await;
        write(&t.app, "ana@example.com", vec![code_mail(&t.app, "314159")], false).await;
        let mut seen = Vec::new();
        while catcher.refusals_left() > 0 {
            for row in t.jobs_as_text().await {
                assert!(!row.contains("ana@") && !row.contains("314159") && !row.contains("code"), "{row}");
                seen.push(row);
            }
            t.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert!(seen.iter().any(|row| row.contains("identity.mail") && row.contains("answered 451 4.3.0")), "{seen:?}");
        settled(&t).await;
        assert_eq!(catcher.next().await.code(), "314159");
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn smtp_hands_over_once_and_tries_again(db: TestDb) {
        let catcher = SmtpCatcher::start().await;
        let url = catcher.url.clone();
        let t = TestApp::start_with(db, |config| {
            config.mail.smtp_url = url;
            config.mail.from = "Bilten <tickets@example.org>".to_owned();
        }).await;
        let invitation = MailTemplate::Invitation {
            organisation: "Kino Šiška\r\nBcc: victim@example.org".to_owned(),
            role: "viewer".to_owned(),
            link: mail::link(&t.app, "/invitations?token=abc"),
            expires_at: t.app.now() + Duration::from_secs(60),
        };
        write(&t.app, "ana@example.com", vec![invitation], false).await;
        let got = catcher.next().await;
        assert_eq!(got.subject, "Kino Šiška Bcc: victim@example.org invites you");
        assert!(!got.headers.contains_key("bcc"), "{:?}", got.headers);
        assert_eq!(got.token("token"), "abc");
        assert_eq!(got.headers["from"], "Bilten <tickets@example.org>");
        let login = &catcher.logins()[0];
        // bilten, secret! with NUL before each.
        assert_eq!(login, "AUTH PLAIN AGJpbHRlbgBzZWNyZXQh");

        // Down for a while: it comes in the end, once.
        catcher.refuse(&["451 4.7.1 not now", "421 4.3.2 too busy", "550 5.7.1 we do not relay for you"]);
        write(&t.app, "ana@example.com", vec![code_mail(&t.app, "123123")], false).await;
        assert!(settled(&t).await.is_empty());
        assert_eq!(catcher.next().await.code(), "123123");

        // Nobody at that address: given up at once, and no dead job is left for each typing error.
        catcher.refuse(&["250 fine", "550 5.1.1 no such user here"]);
        write(&t.app, "nobody@example.com", vec![code_mail(&t.app, "999999")], false).await;
        assert!(settled(&t).await.is_empty());
        assert_eq!(catcher.refusals_left(), 1, "it was tried again");
        assert!(catcher.mails().is_empty());
        t.stop().await;
    }

    /// covers: AUTH-5
    async fn what_comes_too_late_is_not_sent(db: TestDb) {
        let catcher = SmtpCatcher::start().await;
        catcher.refuse(&["451 later"; 100]);
        let url = catcher.url.clone();
        let t = TestApp::start_with(db, |config| config.mail.smtp_url = url).await;
        write(&t.app, "ana@example.com", vec![code_mail(&t.app, "777777")], false).await;
        while catcher.refusals_left() == 100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        t.clock.advance(Duration::from_secs(601));
        assert!(settled(&t).await.is_empty());
        assert!(catcher.mails().is_empty());
        t.stop().await;
    }

    /// covers: AUTH-5
    async fn a_text_message_goes_to_the_gateway(db: TestDb) {
        let t = TestApp::start(db).await;
        assert!(sms::is_offered(&t.app));
        t.sms().refuse(&[503, 429, 500]);
        let soon = t.app.now() + Duration::from_secs(600);
        write_sms(&t.app, "+386 40 123 456", "424242", soon).await;
        assert!(settled(&t).await.is_empty());
        let text = t.sms_to("+38640123456").await;
        assert!(text.starts_with("424242 is your code for 127.0.0.1."), "{text}");
        assert_eq!(t.sms().asked(), 4);
        // What the gateway never takes, and what comes too late, is given up.
        t.sms().refuse(&[422]);
        write_sms(&t.app, "+38640123457", "1", t.app.now() + Duration::from_secs(600)).await;
        assert!(settled(&t).await.is_empty());
        write_sms(&t.app, "+38640123457", "2", t.app.now() - Duration::from_secs(1)).await;
        assert!(settled(&t).await.is_empty());
        assert_eq!(t.sms().asked(), 5);
        t.stop().await;
    }

    /// covers: AUTH-5
    async fn without_a_gateway_there_are_no_text_messages(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.sms.url.clear()).await;
        assert!(!sms::is_offered(&t.app));
        t.stop().await;
    }
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_key_that_is_wrong() {
    use bilten_kernel::config;
    use bilten_server::app::Post;
    use bilten_server::config::{Config, DEFAULTS};

    let _ = rustls::crypto::ring::default_provider().install_default();
    for (key, value, wanted) in [
        ("BILTEN_MAIL__FROM", "nobody", "mail.from"),
        (
            "BILTEN_MAIL__SMTP_URL",
            "https://x:hunter2@mail.example.org",
            "mail.smtp_url",
        ),
        ("BILTEN_MAIL__SMTP_URL", "mail.example.org", "mail.smtp_url"),
        ("BILTEN_SMS__URL", "sms.example.org", "sms.url"),
        ("BILTEN_SMS__URL", "ftp://sms.example.org", "sms.url"),
    ] {
        let env = [(key.to_owned(), value.to_owned())];
        let config: Config = config::load(None, DEFAULTS, env.into_iter()).unwrap();
        let error = Post::new(&config, bilten_server::server::outside(&config))
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains(wanted) && !error.contains("hunter2"),
            "{error}"
        );
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
