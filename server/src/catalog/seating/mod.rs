//! Seat maps: their format, their versions, their pictures, and which seats to offer. Pure: no
//! database, no clock, no randomness.
//!
//! | file | holds |
//! |---|---|
//! | `model.rs`, `numbering.rs`, `ids.rs` | the JSON format, its schema; how rows are numbered; ids |
//! | `validate/` | [`SeatMap::check`]: each fault by code and path; the limits |
//! | `layout.rs`, `set.rs` | [`Layout`]: a checked map with its indexes; [`SeatSet`]: a bit for each seat |
//! | `occupancy.rs` | [`Occupancy`]: what is taken on one date, read from its rows |
//! | `compare.rs` | two versions of a map, and whether the new one may take the old one's place |
//! | `pick.rs`, `best.rs`, `search.rs` | choosing by hand, single seats; best available, its rules and its search |
//! | `svg/`, `standalone.rs` | the picture, and with its style in it |
//! | `list.rs`, `words.rs`, `languages.rs` | the list; the words of both |
//! | `templates.rs` | maps to start from: a theatre, an arena, a club |
//!
//! # For who builds upon it
//! The map belongs to catalog, the picking to sales.
//!
//! **Tables.** In catalog (`catalog/seat_maps`) `seat_maps (id, organisation_id, venue_id, name,
//! version, …)` and `seat_map_versions (map_id, version, body, …)`, the body as JSON text and never
//! changed; an occurrence names map and version. In sales
//! `taken_seats (occurrence_id, seat_id, state, hold_id, order_item_id, until_at, PRIMARY KEY
//! (occurrence_id, seat_id))`: a row only for what is taken ([`TakenState`]), so that a date of
//! 60,000 seats begins with no row at all. Standing areas are capacity pools named by area id.
//!
//! **Saving a map** (`catalog/seat_maps/service/edit.rs`, and what is taken in
//! `sales/service/seat_maps.rs`): parse [`SeatMap`] (the route needs a body limit of about
//! 16 MB, the largest map is some 5 MB), [`Layout::new`] outside the transaction, its faults are
//! the field errors of a 422. If occurrences use the map: read what is taken on those that are not
//! over, [`compare()`]; a refusal is a 409 with its field errors. Then, in one transaction: raise the
//! version (`UPDATE seat_maps SET version = version + 1 WHERE id = $1 AND version = $2`), insert the
//! new one; for each date *take* the seats that the edit removes or relabels, by the statement
//! below, as `blocked` (fewer rows than seats: somebody was quicker, 409, compare again); move the
//! dates to the new version and raise the versions of their events; give those seats back. A hold
//! takes its seats first and its stock, which is sold at one version of the event only, after them;
//! so it is refused if that is not the one it chose from. Whoever comes first
//! to a seat wins, on both engines, and no hold ends on a seat that is gone or called otherwise.
//! The preview is the same comparison without the writes.
//!
//! **Holding many seats at once** (sales' service) is one statement on either engine, run by
//! `insert_many` over the seats, distinct and sorted by id (as [`Layout::ids`] and [`Pick::ids`]
//! give them):
//! ```sql
//! INSERT INTO taken_seats (occurrence_id, seat_id, state, hold_id, until_at)
//! VALUES ($1, $2, 'held', $3, $4)
//! ON CONFLICT (occurrence_id, seat_id) DO UPDATE
//!   SET hold_id = excluded.hold_id, until_at = excluded.until_at
//!   WHERE taken_seats.state = 'held' AND taken_seats.until_at <= $5
//! ```
//! The count of rows must be the count of seats; anything less and the transaction is rolled back
//! (`sales.seats_taken`), so a party has all its seats or none. The primary key is what decides:
//! two that want one seat meet at its row, the second waits for the first and then changes nothing.
//! The `WHERE` takes over a hold that ran out, so a seat needs no sweeper to be free again.
//!
//! It cannot deadlock: the rows of an insert come in the order of its array, so every transaction
//! locks seats from the smallest id up; whoever waits holds only smaller ids than the one he waits
//! for, and no circle can close. That is so only while *all* that touches more than one seat keeps
//! the order, and an `UPDATE … FROM unnest` or `DELETE … WHERE hold_id = $1` does not (PostgreSQL
//! locks as its plan happens to go). So the other changes have the same shape, an insert that always
//! meets its row: paying is `… VALUES (…, 'sold', …) ON CONFLICT … DO UPDATE SET state = 'sold', …
//! WHERE taken_seats.state = 'held' AND taken_seats.hold_id = excluded.hold_id` (count = seats; a
//! hold that ran out and was swept away is honoured if its seats are still free, for then the insert
//! inserts), letting go is `DO UPDATE SET until_at = 0 WHERE …hold_id = excluded.hold_id`. Rows that
//! are long over are swept away one in a transaction. Across tables the order is always seats,
//! then pools, then tiers, each by id. Run it by `write_again` all the same.
//!
//! In a lane (hot occurrences) a batch decides in memory with an [`Occupancy`] first and sends only
//! what can succeed; the key still decides, since other nodes may have lanes for the same date.
//!
//! **Choosing** (sales' service): a cached `Arc<Layout>` by map and version; an [`Occupancy`] from
//! the date's rows (kept fresh by the signals of the live stream with [`Occupancy::put`], or read
//! anew: a row with a hold that ran out is not taken); then [`check_choice`] or [`best_available`],
//! then the statement above. If that finds a seat taken, best available reads again and tries anew,
//! three times at most: the answer is deterministic, so rivals who ask at the same moment are given
//! the same seats, and only one of them gets them. In a lane this cannot happen.
//!
//! **Showing**: [`svg::render`] and [`summary`] for the page, [`list`](fn@list) beside it for those
//! whom a picture does not help, [`svg::STYLE`] in the style sheet. `ETag`: map, version and the
//! cursor of the live stream.
//!
//! # Times and sizes
//! With S seats: checking, [`Layout::new`], [`compare()`], [`summary`] and pictures O(S); a choice by
//! hand O(length of its rows); best available mostly a few rows, at worst O(S), a split O(S · party);
//! an [`Occupancy`] 3 bits, a layout some 200 bytes for each seat.

mod best;
mod compare;
mod ids;
mod languages;
mod layout;
mod list;
mod model;
mod numbering;
mod occupancy;
mod pick;
mod search;
mod set;
mod standalone;
pub mod svg;
pub mod templates;
mod validate;
mod words;

#[cfg(test)]
mod tests;

pub use best::{MAX_PARTY, NoPick, Pick, Wish, best_available};
pub use compare::{MapChanges, carry, compare};
pub use ids::{MapIdError, PartId, SeatId};
pub use layout::{Group, Layout, Place, UnknownSeats};
pub use list::{CategoryCount, ListedGroup, ListedSeat, SectionSummary, list, summary};
pub use model::*;
pub use numbering::{Numbering, NumberingScheme, Side};
pub use occupancy::{Occupancy, SeatState, TakenState};
pub use pick::{ChoiceFault, PickRules, check_choice, orphans};
pub use set::SeatSet;
pub use standalone::{ColorScheme, standalone};
pub use validate::{MAX_COORDINATE, MAX_PLACES, MAX_ROW_SEATS, MAX_SEATS, MAX_SECTION_SEATS};
pub use words::Words;
