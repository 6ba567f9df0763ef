//! `bilten user`: people, made by whoever runs the server.

use std::io::Read;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;
use crate::app::App;
use crate::config::Config;
use crate::identity::{self, Password, Role};
use crate::server;

#[derive(Debug, Args)]
pub(super) struct UserArguments {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make an account, and print its id
    ///
    /// Without --verified, a link for the first password is mailed to the address. With it, the
    /// address counts as theirs: the link is printed, or the password is read with --password-stdin.
    Create {
        /// Their e-mail address
        #[arg(long)]
        email: String,
        /// What they are called
        #[arg(long)]
        name: String,
        /// The short name of an organisation that they become a member of
        #[arg(long, requires = "role")]
        organisation: Option<String>,
        /// As what: owner, manager, box_office, door_staff, door_supervisor, finance, marketing, viewer
        #[arg(long, requires = "organisation")]
        role: Option<String>,
        /// The address is known to be theirs
        #[arg(long)]
        verified: bool,
        /// Read their password from standard input
        #[arg(long, requires = "verified")]
        password_stdin: bool,
    },
}

/// The first line of standard input.
fn password_from_stdin() -> Result<Password, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(4_096)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new("identity.password_input", error))?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    Ok(Password::from(line))
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) async fn run(config: Config, arguments: &UserArguments) -> Result<ExitCode, Failure> {
    let app = server::open(config).await?;
    let printed = create(&app, &arguments.command).await?;
    for line in printed {
        println!("{line}");
    }
    app.db.clone().close().await;
    Ok(ExitCode::SUCCESS)
}

async fn create(app: &App, command: &UserCommand) -> Result<Vec<String>, Failure> {
    let UserCommand::Create {
        email,
        name,
        organisation,
        role,
        verified,
        password_stdin,
    } = command;
    // All that can be wrong is looked at before anything is made.
    let profile = identity::checked_profile(email, name, None)?;
    let membership = match (organisation, role) {
        (Some(organisation), Some(role)) => {
            let role: Role = role
                .parse()
                .map_err(|_| Failure::new("identity.role_unknown", "there is no such role"))?;
            Some((
                identity::organisation_by_slug(app, organisation).await?,
                role,
            ))
        }
        (None, _) | (_, None) => None,
    };
    let password = if *password_stdin {
        Some(password_from_stdin()?)
    } else {
        None
    };
    let user = identity::create_person(app, profile, password, *verified).await?;
    if let Some((organisation, role)) = membership {
        identity::add_member(app, organisation.id, user, Some(role)).await?;
    }
    let mut printed = vec![user.to_string()];
    if *verified && !*password_stdin {
        printed.push(identity::set_password_link(app, user).await?);
    } else if !*verified {
        identity::mail_password_link(app, user).await?;
    }
    Ok(printed)
}
