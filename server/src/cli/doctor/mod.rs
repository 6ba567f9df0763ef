//! `bilten doctor`: what is wrong with this installation, and how to mend it.
//!
//! It looks and changes nothing: no file, no table, no key. To add a check: a function in the file
//! of its subject that gives [`Finding`]s, and a line in [`examine`].
//!
//! | file | looks at |
//! |---|---|
//! | `settings.rs` | the configuration, addresses, the port, mail, where telemetry goes |
//! | `database.rs` | the database: reachable, ours, in use, up to date, safely set |
//! | `machine.rs` | the master key, the disk |
//! | `edge.rs` | shared limits, countries, the certificate, how many files may be open |

mod database;
mod edge;
mod machine;
mod settings;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{Failure, output};
use crate::config::Config;
use bilten_kernel::config::ConfigError;

/// Say what is wrong with this installation and how to mend it; changes nothing.
///
/// Prints one line for each thing it looked at: ok, warn or fail, what it found, and how to mend
/// it. With --json each line is an object with status, check, detail and, unless it is ok, mend.
/// Exits with 1 if anything failed; warnings alone are no failure.
#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Nothing to do.
    Ok,
    /// It works, but somebody should look at it.
    Warn,
    /// It does not work, or something would be lost.
    Fail,
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    status: Status,
    check: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, detail: impl ToString) -> Self {
        Self {
            status: Status::Ok,
            check,
            detail: detail.to_string(),
            mend: None,
        }
    }

    fn warn(check: &'static str, detail: impl ToString, mend: impl ToString) -> Self {
        Self {
            status: Status::Warn,
            mend: Some(mend.to_string()),
            ..Self::ok(check, detail)
        }
    }

    fn fail(check: &'static str, detail: impl ToString, mend: impl ToString) -> Self {
        Self {
            status: Status::Fail,
            ..Self::warn(check, detail, mend)
        }
    }

    fn text(&self) -> String {
        let status = match self.status {
            Status::Ok => "ok  ",
            Status::Warn => "warn",
            Status::Fail => "fail",
        };
        let line = format!("{status} {:<13} {}", self.check, self.detail);
        match &self.mend {
            Some(mend) => format!("{line}\n     {:<13} → {mend}", ""),
            None => line,
        }
    }
}

pub(super) async fn run(
    config: Result<Config, ConfigError>,
    arguments: &DoctorArguments,
) -> Result<ExitCode, Failure> {
    let findings = match config {
        Ok(config) => examine(&config).await,
        Err(error) => vec![settings::unreadable(&error)],
    };
    for finding in &findings {
        if arguments.json {
            output::json(finding)?;
        } else {
            output::line(finding.text())?;
        }
    }
    let is_failed = findings.iter().any(|f| f.status == Status::Fail);
    Ok(if is_failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = settings::values(config);
    findings.push(settings::public_url(config));
    findings.push(settings::post(config));
    findings.extend(settings::mail_server(config).await);
    let (port, is_serving) = settings::port(config).await;
    findings.push(port);
    let (about_database, db) = database::examine(&config.database, is_serving).await;
    findings.extend(about_database);
    findings.push(machine::master_key(&config.secrets, db.as_ref()).await);
    findings.extend(machine::disk(config));
    findings.extend(settings::telemetry(config).await);
    findings.extend(edge::certificate(config));
    findings.extend(edge::shared_limits(config).await);
    findings.extend(edge::countries(config));
    findings.push(edge::open_files(config));
    if let Some(db) = db {
        db.close().await;
    }
    findings
}
