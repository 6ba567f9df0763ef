//! One edit over many dates: "this", "this and following", "all".

use std::collections::BTreeMap;

use bilten_kernel::text_enum;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Local, Phase, Series, SeriesError, Settings};

text_enum! {
    /// Which dates an edit is for.
    pub enum EditScope {
        /// One date.
        This = "this",
        /// One date and all after it.
        ThisAndFollowing = "this_and_following",
        /// All dates.
        All = "all",
    }
}

text_enum! {
    /// What an edit does with dates that have sold something.
    #[derive(Default)]
    pub enum SoldDates {
        /// They stay as they are.
        #[default]
        Keep = "keep",
        /// They change too; holders are told where the time changed.
        Change = "change",
    }
}

/// An edit of a series.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesEdit {
    /// Which dates it is for.
    pub scope: EditScope,
    /// The original start of the date that it starts from; not needed for all.
    pub at: Option<Local>,
    /// What is to hold.
    pub change: Settings,
    /// What it does with dates that have sold something.
    #[serde(default)]
    pub sold: SoldDates,
}

/// A date as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesDate {
    /// What it is known by.
    pub original: Local,
    /// What it says itself.
    pub own: Settings,
    /// How many tickets are sold or held, by number of the tier.
    pub sold: BTreeMap<u16, i64>,
    /// Whether it is over or cancelled: no edit of several dates changes it.
    pub is_closed: bool,
}

impl SeriesDate {
    /// Whether somebody has a ticket for it, or is about to.
    pub fn is_sold(&self) -> bool {
        self.sold.values().any(|sold| *sold > 0)
    }
}

/// What an edit comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    /// What holds for all dates from now on.
    pub settings: Settings,
    /// What holds from some date on.
    pub phases: Vec<Phase>,
    /// What single dates say themselves, where that changed.
    pub own: BTreeMap<Local, Settings>,
    /// Dates for which something else holds than before.
    pub changed: Vec<Local>,
    /// Dates with holders whose time is another one: tell them, reissue, offer refunds.
    pub moved: Vec<Local>,
    /// Dates that stay as they were because they have sold something, or are over.
    pub kept: Vec<Local>,
}

/// Why an edit changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such date.
    #[error("the series has no such date")]
    NoSuchDate,
    /// It says nothing.
    #[error("the edit changes nothing")]
    Nothing,
    /// The date is over or cancelled.
    #[error("the date is over or cancelled")]
    Closed,
    /// The date has sold something, and the edit did not say that it may move it.
    #[error("tickets of this date are sold; say that sold dates may change")]
    Sold,
    /// A capacity would be below what is sold or held.
    #[error("{original} has {sold} tickets of tier {tier} sold or held")]
    CapacityBelowSold {
        /// The date.
        original: Local,
        /// The number of the tier.
        tier: u16,
        /// What is sold or held.
        sold: i64,
    },
    /// A value is wrong.
    #[error(transparent)]
    Series(#[from] SeriesError),
}

impl EditError {
    /// The stable code of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchDate => "no_such_date",
            Self::Nothing => "nothing_to_change",
            Self::Closed => "date_closed",
            Self::Sold => "date_sold",
            Self::CapacityBelowSold { .. } => "capacity_below_sold",
            Self::Series(error) => error.code(),
        }
    }
}

/// What an edit comes to; all of it, or nothing.
///
/// `base` is the lowest layer, complete for every tier: the tiers' own prices and capacities. What a
/// date says itself is never overwritten by an edit of several dates. A sold date that is kept gets
/// the values that held for it written into its own layer, so that nothing below can move it.
///
/// # Errors
/// [`EditError`], and then nothing is to be changed.
pub fn edit(
    series: &Series,
    base: &Settings,
    dates: &[SeriesDate],
    edit: &SeriesEdit,
) -> Result<Edited, EditError> {
    edit.change.check()?;
    if edit.change.is_empty() {
        return Err(EditError::Nothing);
    }
    let start = match (edit.scope, edit.at) {
        (EditScope::All, _) => None,
        (EditScope::This | EditScope::ThisAndFollowing, at) => {
            Some(at.ok_or(EditError::NoSuchDate)?)
        }
    };
    if let Some(at) = start
        && !dates.iter().any(|date| date.original == at)
    {
        return Err(EditError::NoSuchDate);
    }
    let mut after = series.clone();
    match (edit.scope, start) {
        (EditScope::ThisAndFollowing, Some(at)) => lay_phase(&mut after.phases, at, &edit.change),
        (EditScope::All, _) => {
            after.settings = edit.change.over(&after.settings);
            for phase in &mut after.phases {
                phase.settings = phase.settings.without(&edit.change);
            }
            after.phases.retain(|phase| !phase.settings.is_empty());
        }
        (EditScope::This | EditScope::ThisAndFollowing, _) => {}
    }

    let mut edited = Edited::default();
    for date in dates {
        let is_meant = match (edit.scope, start) {
            (EditScope::This, at) => at == Some(date.original),
            (EditScope::ThisAndFollowing, Some(at)) => date.original >= at,
            (EditScope::ThisAndFollowing, None) => false,
            (EditScope::All, _) => true,
        };
        if is_meant {
            one(&mut edited, series, &after, base, date, edit)?;
        }
    }
    edited.settings = after.settings;
    edited.phases = after.phases;
    Ok(edited)
}

/// Puts a phase among the others; those after it do not contradict it any more.
pub(super) fn lay_phase(phases: &mut Vec<Phase>, at: Local, change: &Settings) {
    for phase in phases.iter_mut().filter(|phase| phase.from >= at) {
        phase.settings = phase.settings.without(change);
    }
    match phases.iter_mut().find(|phase| phase.from == at) {
        Some(same) => same.settings = change.over(&same.settings),
        None => phases.push(Phase {
            from: at,
            settings: change.clone(),
        }),
    }
    phases.retain(|phase| !phase.settings.is_empty());
    phases.sort_by_key(|phase| phase.from);
}

/// What an edit comes to for one date that it is for.
fn one(
    edited: &mut Edited,
    before: &Series,
    after: &Series,
    base: &Settings,
    date: &SeriesDate,
    edit: &SeriesEdit,
) -> Result<(), EditError> {
    let held = date.own.over(&before.settings_of(date.original).over(base));
    let is_single = edit.scope == EditScope::This;
    let may_change = !date.is_sold() || edit.sold == SoldDates::Change;
    if is_single && date.is_closed {
        return Err(EditError::Closed);
    }
    // Price and capacity of one date may change while it sells; when it takes place may not.
    if is_single && !may_change && edit.change.is_of_time() {
        return Err(EditError::Sold);
    }
    if !is_single && (date.is_closed || !may_change) {
        let pinned = held.only(&edit.change).without(&date.own);
        if !pinned.is_empty() {
            edited.own.insert(date.original, date.own.over(&pinned));
        }
        edited.kept.push(date.original);
        return Ok(());
    }
    let own = if is_single {
        edit.change.over(&date.own)
    } else {
        date.own.clone()
    };
    let holds = own.over(&after.settings_of(date.original).over(base));
    if holds == held {
        return Ok(());
    }
    for (tier, capacity) in &holds.capacities {
        let sold = date.sold.get(tier).copied().unwrap_or(0);
        // What was too low before is not this edit's fault.
        if *capacity < sold && held.capacities.get(tier) != Some(capacity) {
            return Err(EditError::CapacityBelowSold {
                original: date.original,
                tier: *tier,
                sold,
            });
        }
    }
    let time = |s: &Settings| (s.shift_minutes, s.duration_minutes, s.doors_minutes);
    if date.is_sold() && time(&holds) != time(&held) {
        edited.moved.push(date.original);
    }
    if own != date.own {
        edited.own.insert(date.original, own);
    }
    edited.changed.push(date.original);
    Ok(())
}
