//! What resale asks: those who wait are offered what others sell before everybody sees it.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::WaitlistError;
use super::model::*;
use super::offers::OFFERS;
use super::service::{path, person};
use super::store::{self, EntryRow};
use crate::app::App;
use crate::catalog::TierId;
use crate::identity::Email;
use crate::identity::mail::{self, MailTemplate};
use crate::sales::Hold;

/// An entry that is content with one ticket.
pub(in crate::sales) struct NextEntry(EntryRow);

/// Whether somebody waits for one ticket of a tier, on a date if it is sold by dates.
pub(in crate::sales) async fn is_waited_for(
    c: &mut Conn,
    tier: TierId,
    occurrence: &str,
) -> Result<bool, DbError> {
    Ok(store::next_for_one(c, tier, occurrence).await?.is_some())
}

/// Who is next of those who are content with one ticket of a tier, on a date if it is sold by dates.
pub(in crate::sales) async fn next_for_one(
    c: &mut Conn,
    tier: TierId,
    occurrence: &str,
) -> Result<Option<NextEntry>, DbError> {
    let next = store::next_for_one(c, tier, occurrence).await?;
    Ok(next.map(NextEntry))
}

/// Lets an entry have an offer that is made in this write; says whether it still waits.
pub(in crate::sales) async fn claim(c: &mut Conn, entry: &NextEntry) -> Result<bool, DbError> {
    store::claim(c, entry.0.id, entry.0.version).await
}

/// Offers a hold of one ticket to an entry that was claimed in this write, and tells whoever waits.
pub(in crate::sales) async fn offer_one(
    app: &App,
    c: &mut Conn,
    NextEntry(row): &NextEntry,
    hold: &Hold,
    event: String,
    now: Timestamp,
) -> Result<(), WaitlistError> {
    let offer = WaitlistOfferId::new(&*app.clock, &*app.random);
    let open = OpenWaitlistOffer {
        quantity: 1,
        hold: hold.id,
        expires_at: hold.expires_at,
    };
    store::insert_offer(c, offer, row, &open, now).await?;
    if let Ok(to) = person(app, row)?.parse::<Email>() {
        let offered = MailTemplate::WaitlistOffered {
            event,
            quantity: 1,
            link: mail::link(app, &format!("/checkout/{}", hold.id)),
            expires_at: hold.expires_at,
            entry: mail::link(app, &path(app, row.id, "")),
        };
        mail::send_in(app, c, &to, offered).await?;
    }
    c.after_commit(|| OFFERS.add(&[("state", "made")], 1));
    Ok(())
}
