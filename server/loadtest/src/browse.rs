//! People who look.

use std::time::{Duration, Instant};

use clap::Args;
use hyper::Method;

use crate::client::{Connection, LoadError};
use crate::figures::Seen;
use crate::shop::Shop;

#[derive(Debug, Args)]
pub(crate) struct BrowseArguments {
    /// How many people look at once
    #[arg(long, default_value_t = 64)]
    clients: u32,
    /// For how long, in seconds, for each of page and API
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

pub(crate) async fn run(shop: &Shop, arguments: &BrowseArguments) -> Result<(), LoadError> {
    let event = shop.event(1_000).await?;
    let places = [
        ("event page", format!("/e/{}", event.slug)),
        ("shop API", format!("/api/v1/shop/events/{}", event.id)),
    ];
    for (name, path) in places {
        let until = Duration::from_secs(arguments.seconds);
        let began = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..arguments.clients {
            let (address, path) = (shop.address.clone(), path.clone());
            tasks.push(tokio::spawn(async move {
                let mut connection = Connection::open(&address).await?;
                let mut seen = Seen::default();
                while began.elapsed() < until {
                    let sent = Instant::now();
                    let (status, _) = connection.send(Method::GET, &path, &[], Vec::new()).await?;
                    seen.note(sent.elapsed());
                    seen.errors += u64::from(status != 200);
                }
                Ok::<_, LoadError>(seen)
            }));
        }
        let mut all = Vec::new();
        for task in tasks {
            all.push(
                task.await
                    .map_err(|error| LoadError::Network(error.to_string()))??,
            );
        }
        Seen::merge(all).print(name, began.elapsed());
    }
    Ok(())
}
