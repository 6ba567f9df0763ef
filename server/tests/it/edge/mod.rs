//! The edge through the real server: who is let in, how often, what is done once, and how answers
//! come.

mod answers;
mod bodies;
mod frames;
mod hostile;
mod input;
mod life;
mod limits;
mod once;
mod once_crash;
mod raw;
mod shared;
mod visitors;

use bilten_server::config::Config;

pub(crate) use shared::OwnRedis;

use crate::app::Client;

/// Counts this machine as anybody else.
fn count_us(config: &mut Config) {
    config.visitors.always.clear();
}

/// A client that says it comes from an address, by a proxy that is believed.
pub(crate) async fn get_from(client: &Client, address: &str, path: &str) -> crate::app::Answer {
    let request = client
        .request(reqwest::Method::GET, path)
        .header("x-forwarded-for", address);
    client.send(request).await
}

/// Believes what tests say of where they come from.
fn believe_us(config: &mut Config) {
    count_us(config);
    config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
}
