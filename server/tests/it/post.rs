//! What reaches people: the mail in the folder, a gateway for text messages, an SMTP server.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use mail_parser::MessageParser;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long something may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail as its reader sees it.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedMail {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// All headers, as they came.
    pub(crate) headers: HashMap<String, String>,
}

impl ReceivedMail {
    /// Reads a mail as it travels.
    pub(crate) fn read(raw: &[u8]) -> Self {
        let mail = MessageParser::default().parse(raw).unwrap();
        Self {
            subject: mail.subject().unwrap().to_owned(),
            text: mail.body_text(0).unwrap().into_owned(),
            html: mail.body_html(0).unwrap().into_owned(),
            headers: mail
                .headers_raw()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
        }
    }

    /// The first link in it, as a path of the server.
    pub(crate) fn link(&self) -> String {
        let (_, rest) = self.text.split_once("://").unwrap();
        let line = rest.lines().next().unwrap().trim();
        format!("/{}", line.split_once('/').unwrap().1)
    }

    /// The value of `name=` in its first link.
    pub(crate) fn token(&self, name: &str) -> String {
        let link = self.link();
        let (_, rest) = link
            .split_once(&format!("{name}="))
            .unwrap_or_else(|| panic!("no {name} in {link}"));
        rest.split('&').next().unwrap().to_owned()
    }

    /// The code in it: a line that is indented.
    pub(crate) fn code(&self) -> String {
        let line = self.text.lines().find(|line| line.starts_with("    "));
        line.unwrap().trim().to_owned()
    }
}

/// The mails to an address that nobody has taken, oldest first.
pub(crate) fn waiting(folder: &Path, email: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut mails: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|is| is == "eml"))
        .filter_map(|path| Some((path.clone(), std::fs::read(path).ok()?)))
        .filter(|(_, raw)| {
            let text = String::from_utf8_lossy(raw);
            text.lines().any(|line| line == format!("To: {email}"))
        })
        .collect();
    mails.sort();
    mails
}

/// The mail to an address with this subject; takes it and leaves the others.
pub(crate) async fn mail_about(folder: PathBuf, email: String, subject: &str) -> ReceivedMail {
    let begin = std::time::Instant::now();
    loop {
        for (path, raw) in waiting(&folder, &email) {
            let mail = ReceivedMail::read(&raw);
            if mail.subject == subject {
                std::fs::remove_file(path).unwrap();
                return mail;
            }
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "no mail to {email} about {subject}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The newest mail to an address that nobody has taken; takes it and those before it.
pub(crate) async fn newest_mail(folder: PathBuf, email: String) -> ReceivedMail {
    let begin = std::time::Instant::now();
    loop {
        let mut mails = waiting(&folder, &email);
        for (path, _) in &mails {
            std::fs::remove_file(path).unwrap();
        }
        if let Some((_, raw)) = mails.pop() {
            return ReceivedMail::read(&raw);
        }
        assert!(begin.elapsed() < PATIENCE, "no mail to {email}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A gateway for text messages.
pub(crate) struct SmsSink {
    pub(crate) url: String,
    state: Arc<Mutex<SinkState>>,
}

#[derive(Default)]
struct SinkState {
    messages: Vec<(String, String)>,
    ids: Vec<String>,
    /// What it answers, as long as there is something here.
    refusals: Vec<u16>,
    asked: u32,
}

impl SmsSink {
    pub(crate) const AUTHORIZATION: &str = "Bearer sms-secret";

    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/send", listener.local_addr().unwrap());
        let state = Arc::<Mutex<SinkState>>::default();
        let routes = Router::new()
            .route("/send", post(take))
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, state }
    }

    /// Refuses the next messages with these answers.
    pub(crate) fn refuse(&self, answers: &[u16]) {
        self.state.lock().unwrap().refusals.extend(answers);
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> u32 {
        self.state.lock().unwrap().asked
    }

    /// The newest message to a number; takes it and those before it.
    pub(crate) async fn newest(&self, number: &str) -> String {
        let begin = std::time::Instant::now();
        loop {
            let found = {
                let mut state = self.state.lock().unwrap();
                let (mine, others) = std::mem::take(&mut state.messages)
                    .into_iter()
                    .partition::<Vec<_>, _>(|(to, _)| to == number);
                state.messages = others;
                mine.into_iter().next_back()
            };
            if let Some((_, text)) = found {
                return text;
            }
            assert!(begin.elapsed() < PATIENCE, "no text message to {number}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn take(
    State(state): State<Arc<Mutex<SinkState>>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> StatusCode {
    let mut state = state.lock().unwrap();
    state.asked += 1;
    if headers
        .get("authorization")
        .is_none_or(|value| value != SmsSink::AUTHORIZATION)
    {
        return StatusCode::UNAUTHORIZED;
    }
    if let Some(answer) = state.refusals.pop() {
        return StatusCode::from_u16(answer).unwrap();
    }
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let id = headers["idempotency-key"].to_str().unwrap().to_owned();
    if !state.ids.contains(&id) {
        state.ids.push(id);
        state.messages.push((text("to"), text("text")));
    }
    StatusCode::ACCEPTED
}

/// A mail server that takes everything, or refuses as it is told.
pub(crate) struct SmtpCatcher {
    /// Its address, as `mail.smtp_url` wants it.
    pub(crate) url: String,
    state: Arc<Mutex<CatcherState>>,
}

#[derive(Default)]
struct CatcherState {
    mails: Vec<Vec<u8>>,
    /// What it answers to the next recipients.
    refusals: Vec<&'static str>,
    logins: Vec<String>,
}

impl SmtpCatcher {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://bilten:secret%21@{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<CatcherState>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A client that hangs up is no fault of the catcher.
                    let _ = converse(stream, state).await;
                });
            }
        });
        Self { url, state }
    }

    /// Refuses the next recipients, the last of these first.
    pub(crate) fn refuse(&self, answers: &[&'static str]) {
        self.state.lock().unwrap().refusals.extend(answers);
    }

    /// How many refusals are left to give.
    pub(crate) fn refusals_left(&self) -> usize {
        self.state.lock().unwrap().refusals.len()
    }

    /// What clients signed in with.
    pub(crate) fn logins(&self) -> Vec<String> {
        self.state.lock().unwrap().logins.clone()
    }

    /// All mails so far.
    pub(crate) fn mails(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().mails.clone()
    }

    /// The next mail.
    pub(crate) async fn next(&self) -> ReceivedMail {
        let begin = std::time::Instant::now();
        loop {
            let mail = {
                let mut state = self.state.lock().unwrap();
                (!state.mails.is_empty()).then(|| state.mails.remove(0))
            };
            if let Some(raw) = mail {
                return ReceivedMail::read(&raw);
            }
            assert!(begin.elapsed() < PATIENCE, "no mail came by SMTP");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// As much of RFC 5321 as a client needs.
async fn converse(stream: TcpStream, state: Arc<Mutex<CatcherState>>) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 catcher ready\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-catcher\r\n250-AUTH PLAIN\r\n250 8BITMIME".to_owned(),
            "AUTH" => {
                state.lock().unwrap().logins.push(line.clone());
                "235 welcome".to_owned()
            }
            "RCPT" => {
                let refusal = state.lock().unwrap().refusals.pop();
                refusal.unwrap_or("250 fine").to_owned()
            }
            "DATA" => {
                writing.write_all(b"354 go on\r\n").await?;
                let mut mail = Vec::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    // A leading dot was doubled on the way (RFC 5321, section 4.5.2).
                    let line = line.strip_prefix('.').unwrap_or(&line);
                    mail.extend_from_slice(line.as_bytes());
                    mail.extend_from_slice(b"\r\n");
                }
                state.lock().unwrap().mails.push(mail);
                "250 taken".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 fine".to_owned(),
        };
        writing
            .write_all(format!("{answer}\r\n").as_bytes())
            .await?;
    }
    Ok(())
}
