//! The waiting room: when more people come than can be served, who is let in to buy, and when.
//!
//! Owns the tables `waiting_rooms`, `waiting_places`, `waiting_calls` and `waiting_counts`; stands between
//! `catalog` and `sales`, which asks [`gate`] before it holds anything and calls [`enter`] in the write that
//! does, and [`leave`] when a hold or its order ends.
//!
//! | file | holds |
//! |---|---|
//! | `model/mod.rs` | ids, states, when a room is what |
//! | `model/draw.rs` | the fair draw: commitment, roster, seed, order; how anybody verifies it |
//! | `model/join.rs` | how many places one account, device and network may have |
//! | `model/network.rs` | the network that stands for one household or office |
//! | `model/token.rs` | the cookie of a place and the pass of somebody whose turn it is |
//! | `model/pace/` | how many are called each second |
//! | `model/calls.rs` | when which numbers were called: whose time is over, how fast it goes |
//! | `model/line.rs` | what somebody in line is told, in words and figures |
//! | `model/notice.rs` | the one small file that every waiting page polls |
//! | `model/room.rs` | a room as it is stored, and as it is shown |
//! | `model/supply.rs` | what becomes of a room by what there is left to wait for |
//! | `model/standing.rs` | what somebody who waits is answered |
//! | `service/kept.rs` | what a node keeps in memory |
//! | `service/manage.rs` `shown.rs` `join.rs` `turns.rs` `steps.rs` | what organisers do; what everybody may know; getting a place; passes and coming in; the steps |
//! | `routes/` | all of it over HTTP |
//!
//! # A life
//!
//! 1. **Made**: a [`Seed`] is drawn and sealed by the vault; [`DrawTerms::commitment`] is published at
//!    once, with the name of a beacon (a public random value of a later moment) if there is one.
//! 2. **Gathering** (until `opens_at`): whoever comes gets a place. When they came does not matter.
//! 3. **Drawing**: no place is added to the draw any more; [`roster_hash`] is published, and after it
//!    the seed. Every place of the roster has its number by [`Line`].
//! 4. **Calling**: places are called by number, as many as [`step`] says. Whoever comes now gets the
//!    next number after all others: first come, first served. While everything is sold the room says so and
//!    stands still ([`fate`]), for what may come back.
//! 5. **Open**: nobody waits, and nobody needs to: who comes may buy at once. **Ended**: it was
//!    sold out for a while, the sale is over, or its organiser ended it.
//!
//! # Invariants
//!
//! - the order follows from what was fixed before the seed was known to anybody but the server, and
//!   anybody can work it out again from what is published;
//! - a place is called once; a pass starts one purchase, for one event, from one browser;
//! - nobody is called while nothing is free, and nobody loses their turn while everything is sold;
//! - never more than `most_inside` people are inside, decided inside the UPDATE;
//! - a node holds nothing that another could not work out again from rows.
//!
//! # Who decides
//!
//! Each thing is decided by one statement, in `store/`:
//!
//! - *join*: one lane per room. The room's row is locked first, which separates the draw from those who
//!   come late; then limits are counted, places added. In state `calling` the numbers are the last ones of
//!   `places`, otherwise the draw says them.
//! - *close*, *roster*, *reveal*: three writes, each by the state that it leaves; a node that dies between
//!   them is followed by whichever makes the next step.
//! - *call*: by `version`: whichever node runs the step, one of them counts. In the same write those whose
//!   time is over and who did not come are counted as missed.
//! - *sold out*, *going on*, *ending by itself*: by `version`, as a call. Going on moves the times of all calls
//!   and passes by as long as it was sold out, in the same write: nobody's time passes meanwhile.
//! - *pass*: raises `serial`, for a number that is called and not used; the one before is dead.
//! - *enter*: by `serial`, `entered_at IS NULL` and `inside < most_inside`, in one transaction with the
//!   hold: all, or nothing. House full: in a write of its own the pass is extended, and whoever waits at the
//!   door counts as come, not as missed.
//! - *leave*: by `holder` (the hold, then its order) and `left_at IS NULL`. Whoever gives a hold up while
//!   their pass is good may choose again by it.
//!
//! Rows are locked in one order: stock, places, rooms. The opening may be moved until the draw; the
//! commitment goes on naming the one that was promised (`promised_at`).
//!
//! # When a node dies
//!
//! A node keeps in memory what follows from rows: the [`Line`] (24 bytes a place: 2.4 MB for 100,000),
//! the last [`Notice`], keys. A new node reads the ids once and draws again (the same seed, the same
//! order). The step's own state ([`Pace`]) is a column of the room, so the next node goes on where the
//! last one stopped; a step that did not commit called nobody. Nobody's place hangs on a connection:
//! it is a signed cookie ([`PlaceToken`]) that any node can read without the database. When the
//! database is away, the page, the notice and everybody's number stay; only calling pauses.
//!
//! # The page
//!
//! One static file for all rooms, kept by caches; it polls `GET …/notice.json`, which is the same for
//! everybody ([`Notice`]), rendered once a second by each node and served with
//! [`Notice::cache_control`], so that a cache in front answers nearly all of it. The page knows its own
//! number and shows `number - called` without asking. What it says goes through
//! [`InLine::is_news_after`], so that a screen reader hears what changed and no more. No timer moves the
//! focus or reloads; when the turn comes there is a message and a link, for as long as [`PASS_MS`].
//!
//! Without scripts the same pages work by links: `/wait/{event}/` (static) leads to `/wait/{event}/place`,
//! which says once how it stands.

mod model;
mod routes;
mod service;
mod store;

use crate::platform::SealedColumn;
pub use model::*;
pub(crate) use routes::entry_problem;
pub use routes::{Came, Visit, pass_cookie, place_cookie, routes};
pub use service::*;

/// The columns of the waiting room that hold sealed texts.
pub static SEALED: &[SealedColumn] = &[
    crate::sealed_column!("waiting_rooms", "id", "sealed_seed", "id" => |id| service::seed_purpose(id)),
];
