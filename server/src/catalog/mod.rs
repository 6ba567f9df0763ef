//! What is on offer: events, their occurrences (dates) and tiers (kinds of ticket with a price).
//!
//! Pools, prices and fees are in [`offers`], recurring series and the settings of single dates in
//! [`dates`], what is on a seat map in [`seating`], which is pure.
//!
//! Owns the tables `events`, `event_versions`, `occurrences`, `tiers`, `capacity_pools`, `series`,
//! `price_settings`, `tax_rules`, `questions`, `policies` and `organisation_profiles`; the folders
//! `venues` and `seat_maps` own theirs.
//!
//! | folder | holds |
//! |---|---|
//! | `life` | what is done to an event as a whole: its states, its history, its copies |
//! | `offers` | pools, prices, taxes and fees |
//! | `dates` | recurring series, and many dates at once |
//! | `forms` | the questions of an event |
//! | `policies` | refund, transfer and resale, of an organisation and of its events |
//! | `profiles` | what an organisation says of itself, and how its pages look |
//! | `venues` | where events take place |
//! | `seat_maps` | the seats of venues, by versions |
//!
//! Invariants:
//! - every event has at least one occurrence and at most one tier of each number;
//! - each change of an event or of its tiers raises `events.version` and leaves a row in
//!   `event_versions` with who did it and what the event looked like afterwards;
//! - a change that names an old version changes nothing;
//! - an event that was ever published is cancelled or archived, never dropped;
//! - JSON of an event (answers, its history, messages) carries its first 100 dates and how many there
//!   are; in memory it has all of them.
//!
//! Pure rules: [`state`] (the life of an event), [`series`] (recurring dates), [`texts`] (languages),
//! [`questions`], [`policy`] (refund, transfer, resale) and [`brand`].

mod dates;
mod forms;
mod life;
mod model;
mod offers;
mod policies;
mod profiles;
mod routes;
mod seat_maps;
pub mod seating;
mod service;
mod store;
mod venues;
mod wanted;

pub use dates::*;
pub use forms::{
    ClauseInput, Form, FormInput, FormView, Forms, QuestionInput, form_of, questions_in,
    questions_of, save_form,
};
pub use life::{
    DuplicateInput, EventSnapshot, EventVersion, MovedDate, RescheduleInput, act, duplicate,
    version_of, versions_of,
};
pub use model::*;
pub use offers::{Books, FEE_PLANS, FeePlans, price_book};
pub use policies::{
    KeptPolicy, PolicyInput, delete_policy, policies_of, policy_at, policy_of, save_policy,
    stored_policy,
};
pub use profiles::{
    OrganisationProfile, ProfileInput, ShopOrganisation, profile_in, profile_of, save_profile,
};
pub use routes::routes;
pub use seat_maps::*;
pub use service::*;
pub use venues::*;
pub use wanted::Wanted;
