//! Sign-in by other identity providers, set up from the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;
use crate::config::Config;
use crate::identity::{self, ConnectionInput, FederationError};
use crate::server;

/// Who does what the command line does.
const BY: &str = "command line";

#[derive(Debug, Args)]
pub(super) struct SsoArguments {
    #[command(subcommand)]
    command: SsoCommand,
}

#[derive(Debug, Subcommand)]
enum SsoCommand {
    /// Connect with an identity provider and print the id, where browsers come back to and, for SAML,
    /// where our description is
    Add {
        /// What the API takes, as JSON: slug, name, and oidc or saml
        file: PathBuf,
        /// The short name of the organisation whose people it is for; without it, everybody
        #[arg(long)]
        organisation: Option<String>,
    },
    /// List connections
    List {
        /// The short name of the organisation; without it, those for everybody
        #[arg(long)]
        organisation: Option<String>,
    },
    /// Confirm that a mail domain is an organisation's: its provider says who those people are
    ConfirmDomain {
        /// The domain
        domain: String,
        /// The short name of the organisation
        #[arg(long)]
        organisation: String,
    },
}

fn failure(error: FederationError) -> Failure {
    use bilten_kernel::error::IntoProblem as _;

    let problem = error.into_problem();
    let mut detail = problem.detail().to_owned();
    for error in problem.errors() {
        detail = format!("{detail}; {}: {}", error.field, error.detail);
    }
    Failure::new(problem.code(), detail)
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) async fn sso(config: Config, arguments: &SsoArguments) -> Result<ExitCode, Failure> {
    let app = server::open(config).await?;
    let organisation = async |slug: &Option<String>| match slug {
        Some(slug) => identity::organisation_by_slug(&app, slug)
            .await
            .map(|organisation| Some(organisation.id)),
        None => Ok(None),
    };
    match &arguments.command {
        SsoCommand::Add {
            file,
            organisation: slug,
        } => {
            let text = std::fs::read_to_string(file).map_err(|error| {
                Failure::new("sso.file", format!("{}: {error}", file.display()))
            })?;
            let input: ConnectionInput = serde_json::from_str(&text).map_err(|error| {
                Failure::new("sso.file", format!("{}: {error}", file.display()))
            })?;
            let owner = organisation(slug).await?;
            let made = identity::save_sso_connection(&app, owner, None, input, BY)
                .await
                .map_err(failure)?;
            let description = made.metadata_url.map(|url| format!("\t{url}"));
            let description = description.unwrap_or_default();
            println!("{}\t{}{description}", made.id, made.callback_url);
        }
        SsoCommand::List { organisation: slug } => {
            let owner = organisation(slug).await?;
            let all = identity::sso_connections(&app, owner)
                .await
                .map_err(failure)?;
            for one in all {
                println!("{}\t{}\t{}\t{}", one.id, one.slug, one.kind, one.name);
            }
        }
        SsoCommand::ConfirmDomain {
            domain,
            organisation,
        } => {
            let owner = identity::organisation_by_slug(&app, organisation).await?;
            identity::confirm_sso_domain(&app, owner.id, domain, BY)
                .await
                .map_err(failure)?;
            println!("confirmed");
        }
    }
    app.db.clone().close().await;
    Ok(ExitCode::SUCCESS)
}
