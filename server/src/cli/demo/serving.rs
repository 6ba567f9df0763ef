//! The server of the demo: in this process, on a real port, as `bilten serve` runs it.

use std::net::SocketAddr;

use bilten_kernel::config as files;
use bilten_kernel::http::{self, ServeError};
use bilten_kernel::telemetry;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::api::{Api, text};
use super::folder::{Folder, Marker};
use super::network::Network;
use super::organiser;
use super::stage::Stage;
use crate::app::App;
use crate::cli::{Failure, output};
use crate::config::{Config, DEFAULTS};
use crate::platform::VaultError;
use crate::server::{self, StartError};
use crate::{catalog, identity};

/// A server that runs.
pub(super) struct Running {
    /// The application, for what the command line does beside HTTP.
    pub(super) app: App,
    /// Where it listens.
    pub(super) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), StartError>>,
}

impl Running {
    /// Starts the server. It takes nothing from a configuration file, and from the environment only
    /// what is logged and the key of a database that is named: a demo must not end up in a real shop
    /// by mistake.
    ///
    /// # Errors
    /// What the server says, such as `listen_address_in_use`.
    pub(super) async fn start(
        folder: &Folder,
        database_url: Option<&str>,
        listen: Option<&str>,
        is_check: bool,
    ) -> Result<Self, Failure> {
        let log = std::env::vars().filter(|(name, _)| name.starts_with("BILTEN_LOG__"));
        let is_quiet = log.size_hint().1 == Some(0);
        let mut config: Config = files::load(None, DEFAULTS, log)?;
        if is_quiet || config.log.level == "info" {
            "warn".clone_into(&mut config.log.level);
        }
        telemetry::init(&config.log).map_err(|error| Failure::new("log", error))?;
        config.database.url = database_url.map_or_else(|| folder.database_url(), str::to_owned);
        config.secrets.master_key_file = folder.master_key();
        config.mail.folder = folder.mail();
        if database_url.is_some()
            && let Ok(key) = std::env::var("BILTEN_SECRETS__MASTER_KEY")
        {
            // A database that was used before belongs to its master key.
            config.secrets.master_key = key;
        }

        let listener = bind(listen, is_check).await.map_err(StartError::from)?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::new("listen", error))?;
        config.http.listen = address.to_string();
        config.http.public_url = format!("http://{address}");
        let app = server::open(config).await.map_err(|error| {
            if matches!(error, StartError::Vault(VaultError::Sealed)) {
                Failure::new(
                    error.code(),
                    "the database was made with another master key. Give that in BILTEN_SECRETS__MASTER_KEY, or name an empty database",
                )
            } else {
                error.into()
            }
        })?;
        folder.make()?;
        let (stop, stopped) = oneshot::channel();
        let until = async move {
            // An error means that nobody is left to stop it: stop as well.
            let _ = stopped.await;
        };
        let served = tokio::spawn(server::serve(app.clone(), listener, until));
        Ok(Self {
            app,
            address,
            stop,
            served,
        })
    }

    /// The server's address.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops the server as a request to end does.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        // It may have ended by itself; then it says why below.
        let _ = self.stop.send(());
        match self.served.await {
            Ok(served) => Ok(served?),
            Err(error) => Err(Failure::new("serve", error)),
        }
    }
}

/// The address that was asked for, or the usual one, or any.
async fn bind(listen: Option<&str>, is_check: bool) -> Result<TcpListener, ServeError> {
    const ANY: &str = "127.0.0.1:0";
    match listen {
        Some(listen) => http::bind(listen).await,
        None if is_check => http::bind(ANY).await,
        None => match http::bind("127.0.0.1:8080").await {
            Err(ServeError::InUse { .. }) => http::bind(ANY).await,
            other => other,
        },
    }
}

/// Whether the server answers.
///
/// # Errors
/// What the server says, or the output's failure.
pub(super) async fn answers(stage: &mut Stage, running: &Running) -> Result<(), Failure> {
    let api = Api::new(running.url(), String::new())?;
    let health = api.get("/readyz").await?;
    stage.step(
        format_args!("{} answers", running.url()),
        "ok",
        text(&health, "/status")?,
    )?;
    stage.say(format_args!("database {}", text(&health, "/database")?))
}

/// Goes on with a finished demo.
///
/// # Errors
/// `demo.other_database` if it is not in this database.
pub(super) async fn take_up(
    folder: &Folder,
    running: &Running,
    marker: &Marker,
) -> Result<Network, Failure> {
    let app = &running.app;
    let other = |_| {
        Failure::new(
            "demo.other_database",
            format_args!(
                "the demo in {} is not in this database; it was made in {}. Give the same --database-url",
                folder.path().display(),
                marker.engine
            ),
        )
    };
    catalog::id_by_slug(app, &marker.slug)
        .await
        .map_err(other)?;
    let key = folder.api_key().unwrap_or_default();
    if identity::authenticate(app, &key).await?.is_none() {
        let organisation = identity::organisation_by_slug(app, &marker.organisation).await?;
        folder.keep_api_key(&organiser::new_key(app, &organisation).await?)?;
    }
    output::line(format_args!(
        "A finished demo is in {}; its shop opens again.",
        folder.path().display()
    ))?;
    invite(folder, running, marker)?;
    let wanted = marker.gates_server.strip_prefix("http://");
    let wanted = wanted.and_then(|address| address.parse().ok());
    match Network::start(running.address, wanted) {
        Ok(network) => Ok(network),
        // Somebody else has the port now: the shop works all the same.
        Err(failure) => {
            output::note(format_args!(
                "bilten: the gates cannot sync this time: {}",
                failure.detail
            ));
            Network::start(running.address, None)
        }
    }
}

/// Says where everything is.
///
/// # Errors
/// The output's failure.
pub(super) fn invite(folder: &Folder, running: &Running, marker: &Marker) -> Result<(), Failure> {
    let shown = folder.path().display();
    let url = running.url();
    let key = folder.api_key().unwrap_or_default();
    output::line(format_args!(
        "
The shop is open     {url}/e/{slug}
Pay by               the sandbox; no money moves
The API              {url}/api/v1/openapi.json
Its key              {key}
                     (also in {file})
Tickets              {shown}/tickets
A gate               bilten gate --store {shown}/gates/north.db status
Read a ticket        bilten read {shown}/tickets/*.png

Ctrl-C closes it; `bilten demo` opens it again.",
        slug = marker.slug,
        file = folder.api_key_file().display(),
    ))
}
