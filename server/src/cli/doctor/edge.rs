//! What is in front: shared limits, countries, the certificate, how many connections there may be.

use std::time::Duration;

use bilten_adapters::limits;

use super::Finding;
use crate::config::Config;
use crate::edge::{self, EdgeError};
use crate::telemetry::files;

/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether who keeps the limits of all nodes answers; nothing if each node counts by itself.
pub(super) async fn shared_limits(config: &Config) -> Option<Finding> {
    const CHECK: &str = "limits";
    let url = config.limits.url.as_str();
    if url.is_empty() {
        return None;
    }
    if let Err(error) = limits::shared(url) {
        return Some(Finding::fail(
            CHECK,
            error,
            "Set limits.url to an address such as redis://127.0.0.1:6379",
        ));
    }
    let mend = "Check limits.url, and that this machine may connect there; until then each node counts by itself";
    Some(
        match tokio::time::timeout(PATIENCE, limits::answers(url)).await {
            Ok(Ok(())) => Finding::ok(CHECK, "Redis answers: limits are shared by all nodes"),
            Ok(Err(error)) => Finding::warn(CHECK, format_args!("Redis: {error}"), mend),
            Err(_) => Finding::warn(CHECK, "Redis does not answer", mend),
        },
    )
}

/// Whether the file of countries can be read, if there is one; nothing if none is needed.
pub(super) fn countries(config: &Config) -> Option<Finding> {
    const CHECK: &str = "countries";
    let path = config.visitors.country_file.as_path();
    match edge::check(config) {
        // That of limits is told with them.
        Err(EdgeError::Limits(_)) => None,
        Err(error @ (EdgeError::Countries(_) | EdgeError::NoCountryFile)) => Some(Finding::fail(
            CHECK,
            error,
            "See [visitors] in the configuration",
        )),
        Ok(()) if path.as_os_str().is_empty() => None,
        Ok(()) => Some(Finding::ok(
            CHECK,
            format_args!("{} can be read", path.display()),
        )),
    }
}

/// Whether the certificate and its key can be used; nothing if connections are not encrypted here.
pub(super) fn certificate(config: &Config) -> Option<Finding> {
    const CHECK: &str = "certificate";
    match config.http.tls.check() {
        Ok(true) => Some(Finding::ok(CHECK, "it and its key belong together")),
        Ok(false) => None,
        Err(error) => Some(Finding::fail(
            CHECK,
            error,
            "Put a pair there that belongs together; the server reads it again by itself",
        )),
    }
}

/// Whether as many connections fit as there may be.
pub(super) fn open_files(config: &Config) -> Finding {
    const CHECK: &str = "open files";
    let needed = files::needed(config.http.max_connections);
    match files::most() {
        Some(most) if most < needed => Finding::warn(
            CHECK,
            format_args!(
                "this user may have {most} open at once, and http.max_connections needs {needed}"
            ),
            "Raise the limit (LimitNOFILE of systemd, ulimit -Hn), or lower http.max_connections",
        ),
        Some(most) => Finding::ok(CHECK, format_args!("{most} may be open at once")),
        None => Finding::ok(CHECK, "nobody limits them"),
    }
}
