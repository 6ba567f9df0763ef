//! What resale asks: those who wait are offered what others sell before everybody sees it.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::WaitlistError;
use super::model::*;
use super::offers::{LOOK, OFFERS, matched};
use super::service::{path, person};
use super::store::{self, EntryRow};
use crate::app::App;
use crate::catalog::{EventId, TierId};
use crate::identity::Email;
use crate::identity::mail::{self, MailTemplate};
use crate::sales::Hold;

/// An entry that waits.
#[derive(Clone)]
pub(in crate::sales) struct NextEntry(EntryRow);

impl NextEntry {
    /// Its id.
    pub(in crate::sales) const fn id(&self) -> WaitlistEntryId {
        self.0.id
    }

    /// It as matching sees it, where so many can be had in one order.
    pub(in crate::sales) fn matched(&self, most: u32) -> WaitlistEntry {
        matched(&self.0, most)
    }
}

/// The next tier and date for which somebody waits, after one of them.
pub(in crate::sales) async fn next_waited_for(
    c: &mut Conn,
    after: Option<(EventId, TierId, String)>,
) -> Result<Option<(EventId, TierId, String)>, DbError> {
    store::next_waited_for(c, after).await
}

/// Whether somebody waits for a tier, on a date if it is sold by dates, who is content with so many tickets.
pub(in crate::sales) async fn is_waited_for(
    c: &mut Conn,
    tier: TierId,
    occurrence: &str,
    tickets: i64,
) -> Result<bool, DbError> {
    store::is_waited_for(c, tier, occurrence, tickets).await
}

/// Who waits for a tier, on a date if it is sold by dates, in the order in which they are served.
pub(in crate::sales) async fn waiting(
    c: &mut Conn,
    tier: TierId,
    occurrence: &str,
) -> Result<Vec<NextEntry>, DbError> {
    let rows = store::waiting(c, tier, occurrence, LOOK).await?;
    Ok(rows.into_iter().map(NextEntry).collect())
}

/// Lets an entry have an offer that is made in this write; says whether it still waits.
pub(in crate::sales) async fn claim(c: &mut Conn, entry: &NextEntry) -> Result<bool, DbError> {
    store::claim(c, entry.0.id, entry.0.version).await
}

/// Counts for these entries that others were served before them.
pub(in crate::sales) async fn pass_over(
    c: &mut Conn,
    ids: &[WaitlistEntryId],
) -> Result<(), DbError> {
    if ids.is_empty() {
        return Ok(());
    }
    store::pass_over(c, ids).await
}

/// Offers a hold of so many tickets to an entry that was claimed in this write, and tells whoever waits.
pub(in crate::sales) async fn offer_held(
    app: &App,
    c: &mut Conn,
    NextEntry(row): &NextEntry,
    (hold, quantity): (&Hold, u32),
    event: String,
    now: Timestamp,
) -> Result<(), WaitlistError> {
    let offer = WaitlistOfferId::new(&*app.clock, &*app.random);
    let open = OpenWaitlistOffer {
        quantity,
        hold: hold.id,
        expires_at: hold.expires_at,
    };
    store::insert_offer(c, offer, row, &open, now).await?;
    if let Ok(to) = person(app, row)?.parse::<Email>() {
        let offered = MailTemplate::WaitlistOffered {
            event,
            quantity,
            link: mail::link(app, &format!("/checkout/{}", hold.id)),
            expires_at: hold.expires_at,
            entry: mail::link(app, &path(app, row.id, "")),
        };
        mail::send_in(app, c, &to, offered).await?;
    }
    c.after_commit(|| OFFERS.add(&[("state", "made")], 1));
    Ok(())
}
