//! The commands of `bilten`.
//!
//! To add one: a variant of [`Command`], a file here with its `run`, and a line in [`dispatch`].
//! Commands print results on standard output and everything else on standard error; a failure is
//! one line `bilten: CODE: what is wrong` and exit code 1.

mod admin;
mod audit;
mod demo;
mod doctor;
mod gate;
mod keys;
mod maintenance;
mod outbox;
mod output;
mod read;
mod serve;
mod sso;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bilten_kernel::config::ConfigError;
use clap::{Parser, Subcommand};

use crate::config::Config;

/// How long the end of the process waits for threads that are still at work.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Sells tickets and lets people in.
#[derive(Debug, Parser)]
#[command(name = "bilten", version, about)]
struct Arguments {
    /// The configuration file; without it, bilten.toml in the working folder if there is one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The database, over whatever the configuration says
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the shop, the API and the gates
    Serve(serve::ServeArguments),
    /// Bring the database up to date and stop
    Migrate,
    /// Print the OpenAPI description of the API
    Openapi,
    Demo(demo::DemoArguments),
    Doctor(doctor::DoctorArguments),
    Read(read::ReadArguments),
    Gate(gate::GateArguments),
    /// Make an organisation
    Organisation(admin::OrganisationArguments),
    /// Make or end an API key of an organisation
    Key(admin::KeyArguments),
    /// Connect with other identity providers
    Sso(sso::SsoArguments),
    /// Verify or export the audit log
    Audit(audit::AuditArguments),
    /// Look at the keys that seal secrets, or replace them
    Keys(keys::KeysArguments),
    /// Close the service for maintenance, or open it again
    Maintenance(maintenance::MaintenanceArguments),
    /// Look at what waits in the outbox, or deliver dead letters again
    Outbox(outbox::OutboxArguments),
    /// Make an account for somebody
    User(user::UserArguments),
    /// Say who administers the platform
    Admin(admin::AdminArguments),
}

/// Why a command failed: a stable code and a sentence.
#[derive(Debug)]
pub struct Failure {
    /// The stable name of the error.
    pub code: String,
    /// What is wrong, in a sentence.
    pub detail: String,
}

impl Failure {
    /// A failure with this code.
    pub fn new(code: impl Into<String>, detail: impl ToString) -> Self {
        Self {
            code: code.into(),
            detail: detail.to_string(),
        }
    }
}

impl From<crate::server::StartError> for Failure {
    fn from(error: crate::server::StartError) -> Self {
        Self::new(error.code(), error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new("config", error)
    }
}

impl From<crate::identity::IdentityError> for Failure {
    fn from(error: crate::identity::IdentityError) -> Self {
        let problem = bilten_kernel::error::IntoProblem::into_problem(error);
        let fields = problem.errors().iter();
        let fields: Vec<_> = fields
            .map(|error| format!("{}: {}", error.field, error.detail))
            .collect();
        if fields.is_empty() {
            Self::new(problem.code(), problem.detail())
        } else {
            Self::new(problem.code(), fields.join("; "))
        }
    }
}

impl From<crate::platform::PlatformError> for Failure {
    fn from(error: crate::platform::PlatformError) -> Self {
        use crate::platform::PlatformError as E;
        let detail = match &error {
            E::Invalid(fields) => fields
                .iter()
                .map(|field| format!("{}: {}", field.field, field.detail))
                .collect::<Vec<_>>()
                .join("; "),
            E::SettingUnknown
            | E::VersionUnknown
            | E::Stale(_)
            | E::BlockUnknown
            | E::RotationUnderWay
            | E::Vault(_)
            | E::Db(_) => error.to_string(),
        };
        Self::new(error.code(), detail)
    }
}

impl From<bilten_kernel::db::DbError> for Failure {
    fn from(error: bilten_kernel::db::DbError) -> Self {
        Self::new(error.code(), error)
    }
}

/// How the audit log names whoever runs commands on the server's machine.
const COMMAND_LINE: &str = "command_line";

/// Opens the application for a command that writes and has a route of its own.
///
/// # Errors
/// As [`crate::server::open`]; a SQLite file that a server has is named with the way out.
async fn open_to_write(config: Config) -> Result<crate::app::App, Failure> {
    let opened = crate::server::open(config).await.map_err(Failure::from);
    opened.map_err(|failure| match failure.code.as_str() {
        "database_in_use" => Failure::new(
            "database_in_use",
            format_args!(
                "{} A running server does this for a platform administrator by its API (/api/v1/platform/).",
                failure.detail
            ),
        ),
        _ => failure,
    })
}

/// Runs the command that the process was started with.
#[expect(
    clippy::print_stderr,
    reason = "a command says on standard error why it failed"
)]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    // One TLS backend for all clients; an error only says that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("bilten: runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(dispatch(arguments));
    // A server that had to stop while its database was at work does not wait for the thread that is.
    runtime.shutdown_timeout(LAST_MOMENT);
    match done {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("bilten: {}: {}", failure.code, failure.detail);
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(arguments: Arguments) -> Result<ExitCode, Failure> {
    let load = || -> Result<Config, ConfigError> {
        let mut config = Config::load(arguments.config.as_deref())?;
        if let Some(url) = &arguments.database_url {
            config.database.url.clone_from(url);
        }
        Ok(config)
    };
    match &arguments.command {
        Command::Serve(serve) => {
            let (mut config, values) = Config::load_with_values(arguments.config.as_deref())?;
            if let Some(url) = &arguments.database_url {
                config.database.url.clone_from(url);
            }
            serve::run(config, values, arguments.config.clone(), serve).await
        }
        Command::Migrate => admin::migrate(load()?).await,
        Command::Openapi => admin::openapi(),
        Command::Demo(demo) => demo::run(arguments.database_url.as_deref(), demo).await,
        Command::Doctor(doctor) => doctor::run(load(), doctor).await,
        Command::Read(read) => read::run(read),
        Command::Gate(gate) => gate::run(gate).await,
        Command::Organisation(organisation) => admin::organisation(load()?, organisation).await,
        Command::Key(key) => admin::key(load()?, key).await,
        Command::Sso(sso) => sso::sso(load()?, sso).await,
        Command::Audit(audit) => audit::run(load()?, audit).await,
        Command::Keys(keys) => keys::run(load()?, keys).await,
        Command::Maintenance(maintenance) => maintenance::run(load()?, maintenance).await,
        Command::Outbox(outbox) => outbox::run(load()?, outbox).await,
        Command::User(user) => user::run(load()?, user).await,
        Command::Admin(admin) => admin::admin(load()?, admin).await,
    }
}
