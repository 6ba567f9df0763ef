//! Commands of whoever runs the server.

use std::process::ExitCode;

use bilten_kernel::error::IntoProblem as _;
use clap::{Args, Subcommand};

use super::Failure;
use crate::config::Config;
use crate::identity::{self, ApiKeyId, COMMAND_LINE, Email};
use crate::{router, sales, server};

#[derive(Debug, Args)]
pub(super) struct OrganisationArguments {
    #[command(subcommand)]
    command: OrganisationCommand,
}

#[derive(Debug, Subcommand)]
enum OrganisationCommand {
    /// Make an organisation and print its id and short name
    Create {
        /// Its name
        name: String,
        /// It only tries things out: no money moves, its tickets are marked; this cannot be changed later
        #[arg(long)]
        sandbox: bool,
    },
    /// Empty a sandbox: its events go with all that was sold, and print how many
    Reset {
        /// Its short name
        organisation: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct KeyArguments {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make an API key and print it; it is shown only this once
    Create {
        /// The short name of the organisation it acts for
        #[arg(long)]
        organisation: String,
        /// What the key is for
        #[arg(long, default_value = "made by the command line")]
        name: String,
    },
    /// End an API key
    Revoke {
        /// Its id, as `key create` printed it
        key: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct AdminArguments {
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make somebody with an account an administrator of the platform
    Grant {
        /// Their e-mail address
        email: String,
    },
    /// Make somebody no administrator any more
    Revoke {
        /// Their e-mail address
        email: String,
    },
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) async fn admin(config: Config, arguments: &AdminArguments) -> Result<ExitCode, Failure> {
    let (AdminCommand::Grant { email } | AdminCommand::Revoke { email }) = &arguments.command;
    let email: Email = email
        .parse()
        .map_err(|error| Failure::new("identity.email", error))?;
    let app = server::open(config).await?;
    let user = identity::user_by_email(&app, &email).await?;
    let user = user.ok_or_else(|| {
        Failure::new(
            "identity.not_found",
            "there is no account with this address",
        )
    })?;
    let (done, word) = match &arguments.command {
        AdminCommand::Grant { .. } => (
            identity::grant_admin(&app, user.id, COMMAND_LINE).await?,
            "granted",
        ),
        AdminCommand::Revoke { .. } => (
            identity::revoke_admin(&app, user.id, COMMAND_LINE).await?,
            "revoked",
        ),
    };
    println!("{}\t{}", user.id, if done { word } else { "as before" });
    app.db.clone().close().await;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) async fn organisation(
    config: Config,
    arguments: &OrganisationArguments,
) -> Result<ExitCode, Failure> {
    let app = server::open(config).await?;
    match &arguments.command {
        OrganisationCommand::Create { name, sandbox } => {
            let made = if *sandbox {
                identity::create_sandbox(&app, name).await?
            } else {
                identity::create_organisation(&app, name).await?
            };
            println!("{}\t{}", made.id, made.slug);
        }
        OrganisationCommand::Reset { organisation } => {
            let found = identity::organisation_by_slug(&app, organisation).await?;
            let emptied = sales::reset_sandbox(&app, found.id, COMMAND_LINE.to_owned()).await;
            let emptied = emptied.map_err(|error| {
                let problem = error.into_problem();
                Failure::new(problem.code(), problem.detail())
            })?;
            println!("{}\t{}", emptied.events, emptied.orders);
        }
    }
    app.db.clone().close().await;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) async fn key(config: Config, arguments: &KeyArguments) -> Result<ExitCode, Failure> {
    let app = server::open(config).await?;
    let code = match &arguments.command {
        KeyCommand::Create { organisation, name } => {
            let organisation = identity::organisation_by_slug(&app, organisation).await?;
            let (id, token) = identity::create_api_key(&app, organisation.id, name).await?;
            println!("{id}\t{token}");
            ExitCode::SUCCESS
        }
        KeyCommand::Revoke { key } => {
            let id: ApiKeyId = key
                .parse()
                .map_err(|error| Failure::new("identity.key_id", error))?;
            if identity::revoke_api_key(&app, id).await? {
                println!("revoked");
                ExitCode::SUCCESS
            } else {
                return Err(Failure::new(
                    "identity.key_unknown",
                    "there is no such key, or it had ended before",
                ));
            }
        }
    };
    app.db.clone().close().await;
    Ok(code)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) async fn migrate(config: Config) -> Result<ExitCode, Failure> {
    let app = server::open(config).await?;
    println!("up to date");
    app.db.clone().close().await;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) fn openapi() -> Result<ExitCode, Failure> {
    let text = router::openapi_text().map_err(|error| Failure::new("openapi", error))?;
    println!("{text}");
    Ok(ExitCode::SUCCESS)
}
