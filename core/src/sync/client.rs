//! The device's side of the protocol over HTTP: one function for each thing that it asks.
//!
//! It holds no state but the connection: sessions, retries and order are the runner's. A hub and
//! the load tool use it as well.

use super::hints::Hints;
use super::pairing::{Challenge, ChallengeRequest, PairRequest, Paired, Session, SessionRequest};
use super::push::{self, Receipt, ScanReport};
use super::{BASE_PATH, MAX_MESSAGE_BYTES, MAX_PAGE, SyncError, body};
use crate::id::DeviceId;
use crate::system::Clock;
use crate::time::Timestamp;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest pause within an answer; a server that makes a large page needs a moment.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Small answers are there within this time, or not at all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer waits than this are not obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
const ZSTD: HeaderValue = HeaderValue::from_static("zstd");

/// A connection to one server.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// A session, and what its opening said of the clock.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The session.
    pub session: Session,
    /// What the server's clock said.
    pub clock: ClockReading,
}

#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
}

/// What an exchange with the server says of the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// What to add to the machine's clock to get the server's.
    pub offset_ms: i64,
    /// By how much that may be wrong either way.
    pub error_ms: u64,
}

impl ClockReading {
    /// The server looked at its clock at some moment between our asking and its answer; half-way
    /// is the best guess.
    #[must_use]
    pub const fn new(asked: Timestamp, answered: Timestamp, server: Timestamp) -> Self {
        let half = answered.ms().saturating_sub(asked.ms()) / 2;
        Self {
            offset_ms: server.ms().saturating_sub(asked.ms().saturating_add(half)),
            error_ms: half.unsigned_abs(),
        }
    }
}

impl Client {
    /// Prepares connections to `server`, such as `https://tickets.example`. Installs rustls' ring
    /// provider if the process has none yet.
    ///
    /// # Errors
    /// [`SyncError::Address`] if the machine's TLS settings cannot be used.
    pub fn new(server: &str, software: &str) -> Result<Self, SyncError> {
        // Fails if somebody was faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(software)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // Our token is for this server only.
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(60))
            .http2_adaptive_window(true)
            .build()
            .map_err(|_| SyncError::Address)?;
        let base = format!("{}{BASE_PATH}", server.trim_end_matches('/'));
        Ok(Self { http, base })
    }

    /// Asks to belong to the event whose one-time code the request holds.
    ///
    /// # Errors
    /// [`SyncError`] says why not.
    pub async fn pair(&self, request: &PairRequest) -> Result<Paired, SyncError> {
        let request = self.http.post(self.url("/pair")).json(request);
        json(request).await
    }

    /// Opens a session: asks for a challenge and answers it.
    ///
    /// # Errors
    /// [`SyncError`] says why not.
    pub async fn open_session(
        &self,
        device: &DeviceId,
        key: &ed25519_dalek::SigningKey,
        clock: &dyn Clock,
    ) -> Result<Opened, SyncError> {
        let asked = clock.now();
        let request = ChallengeRequest {
            device: device.clone(),
        };
        let challenge: Challenge =
            json(self.http.post(self.url("/challenge")).json(&request)).await?;
        let reading = ClockReading::new(asked, clock.now(), challenge.server_time);
        let answer = SessionRequest::sign(device.clone(), challenge.nonce, key);
        let session = json(self.http.post(self.url("/session")).json(&answer)).await?;
        Ok(Opened {
            session,
            clock: reading,
        })
    }

    /// Fetches the page of the feed after `cursor`, or the first one: signed bytes that nobody has
    /// verified yet.
    ///
    /// # Errors
    /// [`SyncError`] says why not.
    pub async fn feed(&self, token: &str, cursor: Option<&str>) -> Result<Vec<u8>, SyncError> {
        let mut url = self.url(&format!("/feed?limit={MAX_PAGE}"));
        if let Some(cursor) = cursor {
            url.push_str("&cursor=");
            push_escaped(&mut url, cursor);
        }
        let request = self
            .http
            .get(url)
            .bearer_auth(token)
            .header(ACCEPT, NDJSON)
            .header(ACCEPT_ENCODING, ZSTD);
        let answer = accepted(request.send().await?).await?;
        let is_zstd = answer.headers().get(CONTENT_ENCODING) == Some(&ZSTD);
        let bytes = bytes(answer).await?;
        if !is_zstd {
            return Ok(bytes);
        }
        tokio::task::spawn_blocking(move || body::decompress(&bytes))
            .await
            .map_err(|_| SyncError::BrokenOff)?
    }

    /// Sends scans, at most [`super::MAX_PUSH`] of them; `device_time` is the corrected clock.
    ///
    /// # Errors
    /// [`SyncError`] says why not; the server may have taken them nevertheless.
    pub async fn push(
        &self,
        token: &str,
        device_time: Timestamp,
        scans: &[ScanReport],
    ) -> Result<Receipt, SyncError> {
        let count = u32::try_from(scans.len()).unwrap_or(u32::MAX);
        let body = body::write_push(&push::Header { device_time, count }, scans)?;
        let request = self
            .http
            .post(self.url("/redemptions"))
            .bearer_auth(token)
            .header(CONTENT_TYPE, NDJSON)
            .header(CONTENT_ENCODING, ZSTD)
            .body(body);
        json(request).await
    }

    /// Listens for hints that the feed has grown.
    ///
    /// # Errors
    /// [`SyncError`] says why not.
    pub async fn hints(&self, token: &str) -> Result<Hints, SyncError> {
        let request = self
            .http
            .get(self.url("/hints"))
            .bearer_auth(token)
            .header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        Ok(Hints::new(accepted(request.send().await?).await?))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, SyncError> {
    let answer = accepted(request.timeout(ANSWER_TIMEOUT).send().await?).await?;
    serde_json::from_slice(&bytes(answer).await?)
        .map_err(|_| SyncError::Garbled("the answer is not what was asked for"))
}

/// Turns every status but success into an error.
async fn accepted(answer: Response) -> Result<Response, SyncError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let retry_after = retry_after(answer.headers());
    // Who answers without a code, or not at all, still answered with a status.
    let body = bytes(answer).await.unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    let code: String = problem
        .code
        .chars()
        .filter(char::is_ascii_graphic)
        .take(64)
        .collect();
    let number = status.as_u16();
    Err(match (status, code.as_str()) {
        (StatusCode::UNAUTHORIZED, _) => SyncError::Unauthorised,
        (StatusCode::FORBIDDEN, "access.device_revoked") => SyncError::Revoked,
        (StatusCode::GONE, _) => SyncError::CursorUnknown,
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT, _) => SyncError::Busy {
            status: number,
            retry_after,
        },
        _ if status.is_server_error() => SyncError::Busy {
            status: number,
            retry_after,
        },
        // Not our server: a proxy or a log-in page sends us elsewhere.
        _ if status.is_redirection() => SyncError::Garbled("the server sends us elsewhere"),
        (_, "") => SyncError::Refused {
            status: number,
            code: "refused".to_owned(),
        },
        _ => SyncError::Refused {
            status: number,
            code,
        },
    })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// Reads a body that is not larger than agreed.
async fn bytes(mut answer: Response) -> Result<Vec<u8>, SyncError> {
    let too_large = SyncError::Garbled("the body is larger than agreed");
    let announced = answer.content_length().unwrap_or(0);
    if announced > MAX_MESSAGE_BYTES as u64 {
        return Err(too_large);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > MAX_MESSAGE_BYTES {
            return Err(too_large);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Escapes everything that has a meaning of its own in a query (RFC 3986).
fn push_escaped(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: SCAN-4
    #[test]
    fn the_offset_takes_half_the_way_off() {
        let hour = 3_600_000;
        let server = Timestamp(10_000_000);
        // The machine is an hour late; the answer took 80 ms.
        let asked = Timestamp(server.ms() - hour - 40);
        let answered = Timestamp(server.ms() - hour + 40);
        let reading = ClockReading {
            offset_ms: hour,
            error_ms: 40,
        };
        assert_eq!(ClockReading::new(asked, answered, server), reading);
        // The machine's clock may jump meanwhile, and may be absurd.
        let _ = ClockReading::new(Timestamp(i64::MAX), Timestamp(i64::MIN), server);
    }

    #[test]
    fn cursors_are_escaped() {
        let mut url = String::new();
        push_escaped(&mut url, "a-Z_0.~ &=é");
        assert_eq!(url, "a-Z_0.~%20%26%3D%C3%A9");
    }
}
