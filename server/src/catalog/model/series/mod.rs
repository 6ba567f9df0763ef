//! Recurring series: from a rule to dates, and from one edit to many dates.
//!
//! A series is written in the words of RFC 5545 (DTSTART, RRULE, RDATE, EXDATE) in the **local time
//! of the event's zone**, and gives up to [`MAX_DATES`] dates. Each date is known by its *original*
//! local start, the RECURRENCE-ID of the standard: moving a date does not change what it is.
//!
//! # Rules that are stated here and tested in every time zone
//! - The wall clock stays: a show at 19:30 is at 19:30 in summer and in winter.
//! - A local time that does not exist (the clock jumps over it) is moved forward by the length of
//!   the jump: 02:30 becomes 03:30. One that exists twice means the first. Both are what RFC 5545
//!   says.
//! - Two dates never start at one moment: where moving forward makes two of one, one is left.
//! - Length and doors are counted in real minutes from the start, not on the wall clock.
//! - A rule names days, and times of a day if there are several; seconds it cannot name.
//! - COUNT counts what the rule gives, before EXDATE. A first date that the rule does not give is
//!   not added by itself: say it as RDATE.
//! - A rule ends: it has COUNT or UNTIL. No rule reaches further than [`MAX_YEARS`] from where the
//!   series begins.
//! - Rules of one series can begin at several times (DTSTART). Other rules "from this date on" let
//!   those there are end with their last date before it (UNTIL) and stand beside them: what the series
//!   gave before stays, date for date.
//!
//! Why not the crate `rrule`: it reads time zones from a second database (chrono-tz) and refuses
//! local times in gaps and folds, which is what a series has to survive.
//!
//! # Layers of what a date is
//! default of the series ← [`Phase`]s ("this and following") ← [`Settings`] of the one date ("this").
//! The topmost that says something wins, field by field, tier by tier.
//!
//! # Who keeps it
//! [`dates`](crate::catalog) stores a series with its event and each date as a row with what it says
//! itself; sales never expand a rule. Values are edited by [`edit()`], rules by [`Series::plan`] of the
//! new series and [`reconcile()`] with the dates there are: what has been sold stays, whatever the new
//! rule says.

mod edit;
mod expand;
mod later;
mod local;
mod plan;
mod reconcile;
mod rule;
mod rule_text;
#[cfg(test)]
mod tests;

pub use edit::*;
pub use later::*;
pub use local::*;
pub use plan::*;
pub use reconcile::*;
pub use rule::*;

/// The most dates of one series.
pub const MAX_DATES: usize = 2_000;
/// The most years from the first date to the last.
pub const MAX_YEARS: i16 = 50;
/// The most rules of one series.
pub const MAX_RULES: usize = 10;
