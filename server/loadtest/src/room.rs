//! Waiting rooms, as those see them who wait.

use std::time::Duration;

use hyper::Method;

use crate::client::{Connection, LoadError};
use crate::shop::{Shop, text};

/// How often somebody asks again who came a moment too early or finds the house full.
pub(crate) const TRIES: u32 = 600;
/// How long they wait in between.
pub(crate) const A_MOMENT: Duration = Duration::from_millis(50);

/// Where something of an event's room is.
pub(crate) fn places(event: &str, what: &str) -> String {
    format!("/api/v1/shop/events/{event}/waiting-room/{what}")
}

/// Waits until the draw was held.
pub(crate) async fn until_calling(shop: &Shop, room: &str) -> Result<(), LoadError> {
    for _ in 0..TRIES {
        let now = shop.call(Method::GET, room, None).await?;
        if now["state"] == "calling" {
            return Ok(());
        }
        tokio::time::sleep(A_MOMENT).await;
    }
    Err(LoadError::Wrong("the draw was not held".to_owned()))
}

/// Claims the pass of a place that is called; none while everything is sold.
pub(crate) async fn claim(
    connection: &mut Connection,
    event: &str,
    token: &str,
) -> Result<Option<String>, LoadError> {
    let (path, place) = (places(event, "pass"), ("waiting-place", token));
    for _ in 0..TRIES {
        let claimed = connection.ask(Method::POST, &path, &[place], None).await?;
        // A node may know of the call a second later.
        if claimed.code() == "waiting_room.not_called" {
            tokio::time::sleep(A_MOMENT).await;
            continue;
        }
        if claimed.code() == "waiting_room.sold_out" {
            return Ok(None);
        }
        return Ok(Some(text(&claimed.done(&path)?["pass"])));
    }
    Err(LoadError::Wrong(
        "somebody was called and has no pass".to_owned(),
    ))
}
