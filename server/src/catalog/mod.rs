//! What is on offer: events, their occurrences (dates) and tiers (kinds of ticket with a price).
//!
//! Seat maps are in [`seating`], which is pure: no table, store or route stands upon it yet.
//!
//! Owns the tables `events`, `event_versions`, `occurrences`, `tiers`, `questions`, `policies` and
//! `organisation_profiles`.
//!
//! | folder | holds |
//! |---|---|
//! | `life` | what is done to an event as a whole: its states, its history, its copies |
//! | `forms` | the questions of an event |
//! | `policies` | refund, transfer and resale, of an organisation and of its events |
//! | `profiles` | what an organisation says of itself, and how its pages look |
//!
//! Invariants:
//! - every event has at least one occurrence and at most one tier of each number;
//! - each change of an event or of its tiers raises `events.version` and leaves a row in
//!   `event_versions` with who did it and what the event looked like afterwards;
//! - a change that names an old version changes nothing;
//! - an event that was ever published is cancelled or archived, never dropped.
//!
//! Pure rules: [`state`] (the life of an event), [`texts`] (languages), [`questions`], [`policy`]
//! (refund, transfer, resale) and [`brand`]. Those of [`series`] (recurring dates) and [`venue`] have
//! no tables yet, and notes on the ones they suggest.

mod forms;
mod life;
mod model;
mod policies;
mod profiles;
mod routes;
pub mod seating;
mod service;
mod store;
mod wanted;

pub use forms::{
    ClauseInput, Form, FormInput, FormView, Forms, QuestionInput, form_of, questions_in,
    questions_of, save_form,
};
pub use life::{
    DuplicateInput, EventSnapshot, EventVersion, MovedDate, RescheduleInput, act, duplicate,
    version_of, versions_of,
};
pub use model::*;
pub use policies::{
    KeptPolicy, PolicyInput, delete_policy, policies_of, policy_of, save_policy, stored_policy,
};
pub use profiles::{
    OrganisationProfile, ProfileInput, ShopOrganisation, profile_in, profile_of, save_profile,
};
pub use routes::routes;
pub use service::*;
pub use wanted::Wanted;
