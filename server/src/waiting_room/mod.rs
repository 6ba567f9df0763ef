//! The waiting room: when more people come than can be served, who is let in to buy, and when.
//!
//! Today this is the model alone: pure rules with their tests. Will own the tables `waiting_rooms`,
//! `waiting_places`, `waiting_calls` and `waiting_counts`; stands between `catalog` and `sales` (which asks it for a
//! pass before it holds anything).
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
//!
//! # A life
//!
//! 1. **Made**: a [`Seed`] is drawn and sealed by the vault; [`DrawTerms::commitment`] is published at
//!    once, with the name of a beacon (a public random value of a later moment) if there is one.
//! 2. **Gathering** (until `opens_at`): whoever comes gets a place. When they came does not matter.
//! 3. **Drawing**: no place is added to the draw any more; [`roster_hash`] is published, and after it
//!    the seed. Every place of the roster has its number by [`Line`].
//! 4. **Calling**: places are called by number, as many as [`step`] says. Whoever comes now gets the
//!    next number after all others: first come, first served.
//! 5. **Open**: nobody waits, and nobody needs to: passes are given at once. **Ended**: sold out, or
//!    the sale is over.
//!
//! # Invariants
//!
//! - the order follows from what was fixed before the seed was known to anybody but the server, and
//!   anybody can work it out again from what is published;
//! - a place is called once; a pass starts one purchase, for one event, from one browser;
//! - never more than `most_inside` people are inside, decided inside the UPDATE;
//! - a node holds nothing that another could not work out again from rows.
//!
//! # For whoever builds the service
//!
//! Tables:
//!
//! - `waiting_rooms`: `id, event_id, state, opens_at, sealed_seed, commitment, beacon, beacon_value,
//!   roster_hash, seed, drawn, places, called, lapsed, entered, missed, inside, most_inside, policy,
//!   pace, version`
//! - `waiting_places`: `id, room_id, number, joined_at, serial, pass_until_at, entered_at, left_at`; the
//!   number is written on joining after the draw, otherwise with the first pass
//! - `waiting_calls`: `room_id, upto, at`, a row a step while somebody is called
//! - `waiting_counts`: `room_id, kind, key_hash, places`
//!
//! Statements that decide:
//!
//! - *join*: one lane per room, a batch of `$2` places:
//!   `UPDATE waiting_rooms SET places = places + $2 WHERE id = $1 AND state IN ('gathering', 'calling')
//!   RETURNING places, state`. Its row lock is what separates the draw from those who come late: in
//!   state `calling` the numbers are `places - $2 + 1 ..= places`. Counted before by [`JoinLimits`]:
//!   `INSERT INTO waiting_counts … ON CONFLICT (room_id, kind, key_hash) DO UPDATE SET places =
//!   waiting_counts.places + 1 WHERE waiting_counts.places < $5`; no row: the place that they have.
//! - *close*: `UPDATE waiting_rooms SET state = 'drawing', drawn = places WHERE id = $1 AND state =
//!   'gathering' AND opens_at <= $2`; then read the ids, and publish the roster's hash.
//! - *reveal*: `UPDATE waiting_rooms SET state = 'calling', seed = $2, beacon_value = $3 WHERE id = $1
//!   AND state = 'drawing' AND roster_hash IS NOT NULL`.
//! - *call*: `UPDATE waiting_rooms SET called = called + $2, pace = $3, version = version + 1 WHERE
//!   id = $1 AND version = $4 RETURNING called`, and a row of `waiting_calls`: whichever node runs the
//!   step, one of them counts. This counter is all that nodes share while people wait.
//! - *lapse*, in the same write: [`Calls::lapse`] gives a range of numbers whose time is over; those of
//!   them without a row that entered (`SELECT COUNT(*) … WHERE number > $2 AND number <= $3 AND entered_at
//!   IS NOT NULL`) are added to `missed`. Who is called and not here yet is `called - entered - missed`.
//!   Whoever missed their turn may join again, behind everybody (its counts are given back).
//! - *pass*: `UPDATE waiting_places SET serial = serial + 1, number = $4, pass_until_at = $3 WHERE id = $1
//!   AND entered_at IS NULL AND (pass_until_at IS NULL OR pass_until_at > $2) RETURNING serial`, for a
//!   number that is called, until [`Calls::until`] says.
//! - *enter*: `UPDATE waiting_places SET entered_at = $3 WHERE id = $1 AND serial = $2 AND entered_at IS
//!   NULL` and `UPDATE waiting_rooms SET inside = inside + 1 WHERE id = $1 AND inside < most_inside`, in
//!   one transaction with the hold: all, or nothing. House full: the pass stays good, and its time is
//!   extended in the row; whoever came and found it full counts as come (`entered`), not as missed.
//! - *leave* (paid, given up, expired): `UPDATE waiting_places SET left_at = $2 WHERE id = $1 AND left_at
//!   IS NULL`, and with its row count `UPDATE waiting_rooms SET inside = inside - $2 WHERE id = $1`.
//!
//! Calls: `sales` asks for [`Pass::check`] and *enter* in the write that makes the hold, and tells
//! *leave* when the hold or its order ends; a job of one second runs [`step`]; a job at `opens_at` closes,
//! waits for the beacon, reveals.
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
//! # Metrics to declare with the service
//!
//! `bilten_waiting_people` (gauge, by `state`: waiting, called, inside), `bilten_waiting_joins_total` (by
//! `outcome`), `bilten_waiting_called_total`, `bilten_waiting_passes_total` (by `outcome`: used, missed
//! and the words of [`PassRefusal`]), `bilten_waiting_rate_per_minute` (gauge), `bilten_waiting_wait_seconds`
//! (histogram, from the opening to the pass). No label names an event: a platform has too many.

mod model;

pub use model::*;
