//! The configuration, and the addresses in it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use axum::http::{Request, StatusCode};
use bilten_adapters::outgoing::{OWN_SERVER, Outgoing, Reach, Reading, Rules, Traced};
use bilten_kernel::config::ConfigError;
use bilten_kernel::telemetry;
use serde::Deserialize;

use super::Finding;
use crate::app::Post;
use crate::config::Config;
use crate::server;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How long others may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The configuration cannot be read; nothing else can be looked at then.
pub(super) fn unreadable(error: &ConfigError) -> Finding {
    let key = error.key.as_ref().map(|key| format!("{key}: "));
    let detail = format!(
        "{}: {}{}",
        error.source_name,
        key.unwrap_or_default(),
        error.problem
    );
    Finding::fail("configuration", detail, &error.mend)
}

/// Values that are of the right kind and make no sense all the same.
pub(super) fn values(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |key: &str, detail: &str, mend: &str| {
        findings.push(Finding::fail(
            "configuration",
            format!("{key}: {detail}"),
            mend,
        ));
    };
    let (http, database) = (&config.http, &config.database);
    if http.body_limit_bytes < 1_024 {
        wrong(
            "http.body_limit_bytes",
            "no order fits so few bytes",
            "Set it to 1048576",
        );
    }
    if http.request_timeout_ms < 100 {
        wrong(
            "http.request_timeout_ms",
            "no request is answered so fast",
            "Set it to 30000",
        );
    }
    if database.max_connections == 0 {
        wrong(
            "database.max_connections",
            "no connection is allowed",
            "Set it to 16",
        );
    }
    if database.acquire_timeout_ms == 0 {
        wrong(
            "database.acquire_timeout_ms",
            "every request would be refused as busy",
            "Set it to 5000",
        );
    }
    if let Err(error) = telemetry::check_level(&config.log.level) {
        wrong("log.level", &error.to_string(), "Set it to info");
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "configuration",
            format_args!("every key is known and has a usable value (bilten {VERSION})"),
        ));
    }
    findings
}

/// Whether only this machine reaches a host.
fn is_local(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether mail and text messages reach people, and by a way on which nobody reads them.
pub(super) fn post(config: &Config) -> Finding {
    const CHECK: &str = "mail";
    if let Err(error) = Post::new(config, server::outside(config)) {
        return Finding::fail(CHECK, error, "See [mail] and [sms] in the configuration");
    }
    let host = |url: &str| {
        let parsed = reqwest::Url::parse(url).ok()?;
        Some(parsed.host_str()?.to_owned())
    };
    let is_far = |url: &str| host(url).is_some_and(|host| !is_local(&host));
    let (smtp, sms) = (config.mail.smtp_url.as_str(), config.sms.url.as_str());
    if smtp.is_empty() {
        let folder = config.mail.folder.display();
        return if is_far(&config.http.public_url) {
            Finding::warn(
                CHECK,
                format_args!("mail reaches nobody: it is written to {folder}"),
                "Set mail.smtp_url to an SMTP server",
            )
        } else {
            Finding::ok(CHECK, format_args!("mail is written to {folder}"))
        };
    }
    let domain = config.mail.from.rsplit('@').next().unwrap_or_default();
    if is_local(domain.trim_end_matches('>')) {
        return Finding::fail(
            CHECK,
            "mail.from is an address that nobody outside can answer, so servers will refuse mail",
            "Set mail.from to an address that the SMTP server may send for",
        );
    }
    if is_far(smtp) && smtp.starts_with("smtp:") && !smtp.contains("tls=required") {
        return Finding::warn(
            CHECK,
            "mail, with links to sign in, goes to the SMTP server in the clear",
            "Use smtps:// or ?tls=required in mail.smtp_url",
        );
    }
    if is_far(sms) && !sms.starts_with("https:") {
        return Finding::warn(
            CHECK,
            "text messages, with codes to sign in, go to the gateway in the clear",
            "Use https:// in sms.url",
        );
    }
    Finding::ok(CHECK, "mail goes to an SMTP server")
}

/// Whether the mail server can be reached; nothing if there is none.
pub(super) async fn mail_server(config: &Config) -> Option<Finding> {
    const CHECK: &str = "mail server";
    let url = reqwest::Url::parse(&config.mail.smtp_url).ok()?;
    let usual = if url.scheme() == "smtps" { 465 } else { 587 };
    let (host, port) = (url.host_str()?, url.port().unwrap_or(usual));
    let connect = tokio::net::TcpStream::connect((host.trim_matches(['[', ']']), port));
    let mend = "Check mail.smtp_url, and that this machine may connect there";
    Some(match tokio::time::timeout(PATIENCE, connect).await {
        Ok(Ok(_)) => Finding::ok(CHECK, format_args!("{host}:{port} answers")),
        Ok(Err(error)) => Finding::fail(CHECK, format_args!("{host}:{port}: {error}"), mend),
        Err(_) => Finding::fail(CHECK, format_args!("{host}:{port} does not answer"), mend),
    })
}

/// Where traces and metrics go.
pub(super) async fn telemetry(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "telemetry";
    let telemetry = &config.telemetry;
    if let Err(error) = bilten_adapters::telemetry::check(telemetry) {
        return vec![Finding::fail(
            CHECK,
            error,
            "See [telemetry] in the configuration",
        )];
    }
    let mut findings = Vec::new();
    let listen = &telemetry.metrics_listen;
    if !listen.is_empty() {
        let is_near = listen
            .rsplit_once(':')
            .is_some_and(|(host, _)| is_local(host));
        findings.push(match listen.to_socket_addrs() {
            Err(error) => Finding::fail(
                CHECK,
                format_args!("metrics_listen: {listen} is not an address: {error}"),
                "Set telemetry.metrics_listen to an address such as 127.0.0.1:9464",
            ),
            Ok(_) if is_near => Finding::ok(CHECK, format_args!("metrics on {listen}")),
            Ok(_) => Finding::warn(
                CHECK,
                format_args!("others can read metrics on {listen}: they tell how much is sold"),
                "Let a firewall keep everybody but Prometheus from it, or listen on 127.0.0.1",
            ),
        });
    }
    if let Ok(url) = reqwest::Url::parse(&telemetry.otlp_url)
        && let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default())
    {
        let connect = tokio::net::TcpStream::connect((host.trim_matches(['[', ']']), port));
        findings.push(match tokio::time::timeout(PATIENCE, connect).await {
            Ok(Ok(_)) => Finding::ok(CHECK, format_args!("traces go to {host}:{port}")),
            Ok(Err(_)) | Err(_) => Finding::warn(
                CHECK,
                format_args!("the collector at {host}:{port} does not answer: traces are lost"),
                "Start it, or empty telemetry.otlp_url",
            ),
        });
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "log lines only"));
    }
    findings
}

/// The address that people use.
pub(super) fn public_url(config: &Config) -> Finding {
    const CHECK: &str = "public_url";
    let url = config.http.public_url.as_str();
    let example =
        "Set http.public_url to the address people use, such as https://tickets.example.org";
    let parsed = reqwest::Url::parse(url).ok();
    let Some((host, parsed)) = parsed
        .as_ref()
        .and_then(|parsed| Some((parsed.host_str()?, parsed)))
    else {
        return Finding::fail(CHECK, format_args!("{url} is not an address"), example);
    };
    let is_https = match parsed.scheme() {
        "https" => true,
        "http" => false,
        _ => return Finding::fail(CHECK, format_args!("{url} is not https or http"), example),
    };
    if parsed.path() != "/" || url.ends_with('/') || parsed.query().is_some() {
        let mend = "Set http.public_url without a path and without a slash at its end";
        return Finding::fail(CHECK, format_args!("{url} is more than an address"), mend);
    }
    let listens_locally = config
        .http
        .listen
        .rsplit_once(':')
        .is_some_and(|(host, _)| is_local(host));
    match (is_local(host), is_https) {
        (true, _) if listens_locally => {
            Finding::ok(CHECK, format_args!("{url}: for this machine only"))
        }
        (true, _) => Finding::warn(
            CHECK,
            format_args!(
                "{url} works on this machine only, but others can reach the server: links and pairing codes would lead them nowhere"
            ),
            example,
        ),
        (false, false) => Finding::warn(
            CHECK,
            format_args!("{url} is not encrypted: passwords, tickets and names travel in the open"),
            "Put a TLS proxy in front and set http.public_url to its https address",
        ),
        (false, true) => Finding::ok(CHECK, url),
    }
}

/// What a server says of itself on `/readyz`.
#[derive(Deserialize)]
struct Health {
    version: String,
}

/// Whether the port is free, or one of our servers has it; the second value says that.
pub(super) async fn port(config: &Config) -> (Finding, bool) {
    const CHECK: &str = "port";
    let listen = config.http.listen.as_str();
    let mend = "Set http.listen to an address of this machine, such as 127.0.0.1:8080";
    let address = match listen.to_socket_addrs().map(|mut found| found.next()) {
        Ok(Some(address)) => address,
        Ok(None) => {
            let detail = format!("{listen} is not an address");
            return (Finding::fail(CHECK, detail, mend), false);
        }
        Err(error) => {
            let detail = format!("{listen} is not an address: {error}");
            return (Finding::fail(CHECK, detail, mend), false);
        }
    };
    match std::net::TcpListener::bind(address) {
        Ok(_) => (Finding::ok(CHECK, format_args!("{listen} is free")), false),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            occupied(config, address).await
        }
        Err(error) => {
            let detail = format!("cannot listen on {listen}: {error}");
            (Finding::fail(CHECK, detail, mend), false)
        }
    }
}

/// How the server that has the port is asked.
const RULES: Rules = Rules {
    peer: &OWN_SERVER,
    reach: Reach::Direct,
    reading: Reading::Whole(64 * 1024),
    is_failure,
    traced: Traced::Nowhere,
};

fn is_failure(_: StatusCode) -> bool {
    false
}

async fn occupied(config: &Config, mut address: SocketAddr) -> (Finding, bool) {
    const CHECK: &str = "port";
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
            SocketAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        });
    }
    let listen = config.http.listen.as_str();
    let (mut is_ready, mut body) = (false, serde_json::Value::Null);
    if let Ok(question) = Request::get(format!("http://{address}/readyz")).body(Vec::new()) {
        let asked = Outgoing::new(RULES, server::outside(config));
        if let Ok(reply) = asked.send("", question).await {
            is_ready = reply.status.is_success();
            body = serde_json::from_slice(&reply.body).unwrap_or_default();
        }
    }
    if !is_ready && body["code"] == "platform.not_ready" {
        let detail = format!("our server has {listen}, but its database does not answer");
        let mend = "See what is said of the database below, and the server's log";
        return (Finding::fail(CHECK, detail, mend), true);
    }
    match serde_json::from_value::<Health>(body) {
        Ok(health) if is_ready && health.version == VERSION => {
            let detail = format!("our server answers on {listen}");
            (Finding::ok(CHECK, detail), true)
        }
        Ok(health) if is_ready => {
            let detail = format!("a server of version {} answers on {listen}", health.version);
            let mend = format!("Restart it to run version {VERSION}");
            (Finding::warn(CHECK, detail, mend), true)
        }
        Ok(_) | Err(_) => {
            let detail = format!("{listen} is in use by another program");
            let mend = "Stop that one, or set http.listen to another port";
            (Finding::fail(CHECK, detail, mend), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn status_of(listen: &str, public_url: &str) -> Status {
        let mut config: Config =
            bilten_kernel::config::load(None, crate::config::DEFAULTS, std::iter::empty()).unwrap();
        config.http.listen = listen.to_owned();
        config.http.public_url = public_url.to_owned();
        super::public_url(&config).status
    }

    #[test]
    fn addresses_that_lead_nowhere_are_found() {
        let local = "127.0.0.1:8080";
        assert_eq!(status_of(local, "http://127.0.0.1:8080"), Status::Ok);
        assert_eq!(status_of(local, "https://tickets.example.org"), Status::Ok);
        assert_eq!(status_of("[::1]:80", "http://[::1]:80"), Status::Ok);
        for (listen, url) in [
            ("0.0.0.0:8080", "http://localhost:8080"),
            ("[::]:8080", "http://127.0.0.1"),
            (local, "http://tickets.example.org"),
        ] {
            assert_eq!(status_of(listen, url), Status::Warn, "{url}");
        }
        for url in [
            "",
            "tickets.example.org",
            "ftp://tickets.example.org",
            "https://tickets.example.org/",
            "https://tickets.example.org/shop",
            "https://",
        ] {
            assert_eq!(status_of(local, url), Status::Fail, "{url}");
        }
    }
}
