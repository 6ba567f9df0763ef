//! Who asks to be signed in, and the cookies by which pages know them again.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::http::ClientIp;

use super::extract::{cookie, session_cookie_name};
use crate::app::App;
use crate::identity::model::*;

/// The header in which an app sends the secret by which it is known.
const DEVICE: &str = "bilten-device";
/// How long a browser keeps the secret by which it is known, in seconds.
const DEVICE_LASTS_S: i64 = 400 * 86_400;
/// How long a browser keeps where it wanted to go while its owner looks for a mail, in seconds: as
/// long as the link of a registration is good.
const NEXT_LASTS_S: i64 = 86_400;
/// The longest address of a page to go on to: programs ask for much at `/oauth/authorize`. Encoded it
/// fits into a cookie.
const NEXT_MOST: usize = 2_000;

/// From where a request comes.
#[derive(Clone, Debug)]
pub(crate) struct CameFrom(pub(crate) Origin);

/// An app that asks for something on the way to a session.
#[derive(Clone, Debug)]
pub(crate) struct AppVisitor(pub(crate) Visitor);

/// A browser that asks for something on the way to a session.
#[derive(Clone, Debug)]
pub struct PageVisitor(pub Visitor);

/// Where a browser wanted to go before its owner had to look for a mail; empty if nowhere.
#[derive(Clone, Debug)]
pub struct KeptNext(pub String);

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

async fn origin(parts: &mut Parts, app: &App) -> Result<Origin, Infallible> {
    let ClientIp(ip) = ClientIp::from_request_parts(parts, app).await?;
    let agent = text(&parts.headers, USER_AGENT.as_str()).unwrap_or_default();
    Ok(Origin::new(ip, agent))
}

impl FromRequestParts<App> for CameFrom {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(origin(parts, app).await?))
    }
}

impl FromRequestParts<App> for AppVisitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(Visitor {
            origin: origin(parts, app).await?,
            device: text(&parts.headers, DEVICE).map(str::to_owned),
            kind: SessionKind::App,
        }))
    }
}

impl FromRequestParts<App> for PageVisitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(Visitor {
            origin: origin(parts, app).await?,
            device: cookie(&parts.headers, device_cookie_name(app)).map(str::to_owned),
            kind: SessionKind::Page,
        }))
    }
}

impl FromRequestParts<App> for KeptNext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let kept = cookie(&parts.headers, next_cookie_name(app))
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(Self(kept.unwrap_or_default()))
    }
}

fn is_https(app: &App) -> bool {
    app.config.http.public_url.starts_with("https://")
}

fn device_cookie_name(app: &App) -> &'static str {
    if is_https(app) {
        "__Host-bilten_device"
    } else {
        "bilten_device"
    }
}

fn next_cookie_name(app: &App) -> &'static str {
    if is_https(app) {
        "__Host-bilten_next"
    } else {
        "bilten_next"
    }
}

/// A cookie for the whole of this host that no script can read and no other site's form brings.
pub(crate) fn set_cookie(app: &App, name: &str, value: &str, lasts_s: i64) -> HeaderValue {
    let secure = if is_https(app) { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}");
    // Names and tokens of ours are letters, digits and signs that a header can hold.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The `Set-Cookie` values by which a browser has the session that has just begun, and is known the
/// next time.
pub fn sign_in_cookies(app: &App, begun: &Begun, now: Timestamp) -> Vec<HeaderValue> {
    let lasts = begun.session.expires_at.since(now).as_secs();
    let lasts = i64::try_from(lasts).unwrap_or(i64::MAX);
    let name = session_cookie_name(app);
    let session = set_cookie(app, name, &begun.session.token, lasts);
    let device = begun
        .device
        .as_ref()
        .map(|token| set_cookie(app, device_cookie_name(app), token, DEVICE_LASTS_S));
    std::iter::once(session).chain(device).collect()
}

/// The `Set-Cookie` value by which a browser forgets its session.
pub fn sign_out_cookie(app: &App) -> HeaderValue {
    set_cookie(app, session_cookie_name(app), "", 0)
}

/// The `Set-Cookie` value by which a browser keeps where it wanted to go until it comes back by the
/// link of a mail; nowhere is an empty `next`, which makes it forget what it kept before.
///
/// The mail itself does not say: anybody may have one sent to somebody else's address, and would
/// choose where that person goes.
pub fn next_cookie(app: &App, next: &str) -> HeaderValue {
    let name = next_cookie_name(app);
    if next.is_empty() {
        return set_cookie(app, name, "", 0);
    }
    let kept = URL_SAFE_NO_PAD.encode(safe_next(next));
    set_cookie(app, name, &kept, NEXT_LASTS_S)
}

/// A page of ours to go on to, as a form or link named it; the home page for anything that could
/// lead elsewhere.
pub fn safe_next(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let is_plain = next.len() <= NEXT_MOST
        && next
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: AUTH-2
    #[test]
    fn only_own_pages_come_next() {
        let long = format!("/{}", "a".repeat(NEXT_MOST - 1));
        for own in [
            "/",
            "/account",
            "/e/x?a=1&b=//c",
            "/manage#x",
            "/a//b",
            &long,
        ] {
            assert_eq!(safe_next(own), own);
        }
        for other in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "/a\r\nSet-Cookie: x=y",
            " /a",
            "/a b",
            "/\u{2044}evil",
            "/a\0b",
            &format!("/{}", "a".repeat(NEXT_MOST)),
        ] {
            assert_eq!(safe_next(other), "/", "{other:?}");
        }
    }
}
