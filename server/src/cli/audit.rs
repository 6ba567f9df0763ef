//! `bilten audit`: whether the audit log holds, and the log for others to keep.

use std::process::ExitCode;

use bilten_kernel::clock::Timestamp;
use clap::{Args, Subcommand};

use super::{Failure, output};
use crate::config::Config;
use crate::platform::{self, Anchor, AuditCheck};
use crate::server;

#[derive(Debug, Args)]
pub(super) struct AuditArguments {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Say whether the audit log is as it was written; works beside a running server
    ///
    /// Prints one line of JSON: how many entries there are, the last one as SEQ:HASH, and the first
    /// thing that does not hold, if something does not. Exits with 1 then.
    Verify {
        /// An entry that an earlier verification printed, kept elsewhere
        #[arg(long, value_name = "SEQ:HASH")]
        anchor: Option<Anchor>,
    },
    /// Print the audit log as lines of JSON; works beside a running server
    Export {
        /// Only what was done since, such as 2026-05-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Only what comes after this entry
        #[arg(long, value_name = "SEQ", conflicts_with = "since")]
        after: Option<i64>,
        /// With addresses and programs of those who have not been forgotten
        #[arg(long)]
        origins: bool,
    },
}

pub(super) async fn run(config: Config, arguments: &AuditArguments) -> Result<ExitCode, Failure> {
    let app = server::open_to_read(config).await?;
    let code = match &arguments.command {
        AuditCommand::Verify { anchor } => {
            let verdict = platform::verify_audit(&app.db, &app.vault, anchor.clone()).await?;
            output::json(&verdict)?;
            match verdict.broken {
                None => ExitCode::SUCCESS,
                Some(broken) => {
                    return Err(Failure::new(
                        "platform.audit_broken",
                        format_args!("entry {}: {}", broken.seq, sentence(broken.check)),
                    ));
                }
            }
        }
        AuditCommand::Export {
            since,
            after,
            origins,
        } => {
            let start = match since {
                Some(since) => platform::audit_export_start(&app.db, *since).await?,
                None => Some(after.unwrap_or(0)),
            };
            let mut next = start;
            while let Some(after) = next {
                let entries = platform::audit_export(&app.db, &app.vault, after, *origins).await?;
                for entry in &entries {
                    output::json(entry)?;
                }
                next = entries.last().map(|entry| entry.seq);
            }
            ExitCode::SUCCESS
        }
    };
    app.db.clone().close().await;
    Ok(code)
}

const fn sentence(check: AuditCheck) -> &'static str {
    match check {
        AuditCheck::Hash => "its content is not what its hash was taken of",
        AuditCheck::Link => "it is not bound to the entry before it",
        AuditCheck::Gap => "entries before it are missing",
        AuditCheck::Tail => "it and all after it are missing",
        AuditCheck::Head => "the log was not ended so by this installation",
        AuditCheck::Anchor => "it is another one than the one remembered",
    }
}
