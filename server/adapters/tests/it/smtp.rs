//! Mail servers that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bilten_adapters::mail::{Mail, MailError, Mailer, SmtpMailer};
use bilten_adapters::outgoing::{Failing, MAIL_SERVER, OutgoingConfig, Outside};
use bilten_kernel::clock::{Clock, ManualClock};
use bilten_kernel::random::SeededRandom;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

fn mailer(url: &str, failures: u32) -> (SmtpMailer, Arc<Outside>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let config = OutgoingConfig {
        failures,
        ..OutgoingConfig::default()
    };
    let outside = Outside::new(config, clock.clone(), Arc::new(SeededRandom::new(1)));
    let from = "Bilten <bilten@example.org>".parse().unwrap();
    let step = Duration::from_millis(300);
    let mailer = SmtpMailer::new(url, from, step, Arc::clone(&outside)).unwrap();
    (mailer, outside, clock)
}

fn mail(clock: &ManualClock) -> Mail {
    Mail {
        id: "m1".to_owned(),
        to: "ana@example.com".to_owned(),
        subject: "Hello".to_owned(),
        text: "Hello".to_owned(),
        html: "<p>Hello</p>".to_owned(),
        at: clock.now(),
    }
}

/// A server that answers each command, or each line of a mail, with this.
async fn server(greeting: &'static str, answer: fn(&str) -> String, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = converse(stream, greeting, answer, pause).await;
            });
        }
    });
    url
}

async fn converse(
    stream: TcpStream,
    greeting: &str,
    answer: fn(&str) -> String,
    pause: Duration,
) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(greeting.as_bytes()).await?;
    while let Some(line) = lines.next_line().await? {
        tokio::time::sleep(pause).await;
        writing.write_all(answer(&line).as_bytes()).await?;
    }
    Ok(())
}

/// covers: GW-6
#[tokio::test]
async fn a_server_that_is_down_is_left_alone_and_one_that_refuses_a_mail_is_not() {
    // Takes no connection.
    let (down, outside, clock) = mailer("smtp://127.0.0.1:1", 2);
    let mail = mail(&clock);
    for _ in 0..2 {
        assert!(matches!(down.send(&mail).await, Err(MailError::Failed(_))));
    }
    let until = clock.now() + Duration::from_secs(10);
    assert_eq!(down.send(&mail).await, Err(MailError::PutOff(until)));
    clock.advance(Duration::from_secs(10));
    assert!(matches!(down.send(&mail).await, Err(MailError::Failed(_))));
    assert_eq!(outside.failing(&MAIL_SERVER).open, 1, "it was still down");

    // Refuses every recipient for now: that says nothing of the next mail.
    let refusing = |line: &str| match line.get(..4) {
        Some("RCPT") => "450 4.2.1 not now\r\n".to_owned(),
        Some(_) | None => "250 fine\r\n".to_owned(),
    };
    let url = server("220 hello\r\n", refusing, Duration::ZERO).await;
    let (mailer, outside, _) = mailer(&url, 1);
    for _ in 0..3 {
        assert!(matches!(
            mailer.send(&mail).await,
            Err(MailError::Failed(_))
        ));
    }
    assert_eq!(outside.failing(&MAIL_SERVER), Failing::default());
}

/// covers: GW-6
#[tokio::test]
async fn a_server_that_says_nothing_closes_or_takes_its_time_is_given_up() {
    let fine = |_: &str| "250 fine\r\n".to_owned();
    // Says nothing; says that it closes; takes nearly as long as it may for each step.
    for (greeting, pause) in [
        ("", Duration::ZERO),
        ("421 closing\r\n", Duration::ZERO),
        ("220 hello\r\n", Duration::from_millis(250)),
    ] {
        let url = server(greeting, fine, pause).await;
        let (mailer, outside, clock) = mailer(&url, 1);
        let sent = mailer.send(&mail(&clock)).await;
        assert!(
            matches!(sent, Err(MailError::Failed(_))),
            "{greeting}: {sent:?}"
        );
        assert_eq!(outside.failing(&MAIL_SERVER).open, 1, "{greeting}");
    }
}

/// A server that takes mail, but on the first connection only after a while; counts connections.
async fn slow_at_first() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
            tokio::spawn(async move {
                let (reading, mut writing) = stream.into_split();
                let mut lines = BufReader::new(reading).lines();
                let mut answer = "220 hello\r\n";
                let mut is_mail = false;
                loop {
                    if writing.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                    loop {
                        let Ok(Some(line)) = lines.next_line().await else {
                            return;
                        };
                        if !is_mail {
                            is_mail = line == "DATA";
                            answer = if is_mail {
                                "354 go on\r\n"
                            } else {
                                "250 fine\r\n"
                            };
                            break;
                        }
                        if line == "." {
                            if is_first {
                                tokio::time::sleep(Duration::from_millis(1_500)).await;
                            }
                            (is_mail, answer) = (false, "250 taken\r\n");
                            break;
                        }
                    }
                }
            });
        }
    });
    (url, came)
}

/// covers: GW-6, BE-5
#[tokio::test]
async fn nobody_goes_on_with_a_conversation_that_was_given_up() {
    let (url, came) = slow_at_first().await;
    let (mailer, _, clock) = mailer(&url, 5);
    let mail = mail(&clock);
    let first = mailer.send(&mail).await;
    assert_eq!(first, Err(MailError::Failed("it took too long".to_owned())));
    for _ in 0..3 {
        assert_eq!(mailer.send(&mail).await, Ok(()));
    }
    // The answer to the first mail is nobody's.
    assert!(came.load(Ordering::SeqCst) > 1);
}
