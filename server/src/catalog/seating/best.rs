//! Best available: the seats that a party would choose if it saw everything at once.
//!
//! # What is best
//! Each seat has a cost: its distance to the map's focus, plus half of what of it is to the side
//! (so of two seats as far away the more central one wins); a seat with something in the view
//! comes after all others, and a step-free seat does for those who did not ask for one. A block of
//! seats costs what its seats cost together; of equal blocks the one that is first in the map is
//! taken. The answer depends on the map, the free seats and the wish, and on nothing else.
//!
//! # Who sits together
//! 1. Wheelchair spaces first, each with companions' seats of its own, shared out evenly; the
//!    second and further ones as near as possible to the first.
//! 2. The rest of the party in one block: neighbours in one row, or chairs of one table; as near as
//!    possible to the wheelchair spaces, if there are any. Those who need a step-free seat are
//!    counted within the block. A table that is sold whole is offered to a party that fills it.
//! 3. If there is no such block and the party may be split: two blocks, as even as there are
//!    (4 + 3 rather than 5 + 2), nobody alone; then three and four even ones; then the largest
//!    blocks there are, one after another, nobody alone while that can be avoided. Each block after
//!    the first is the nearest to the first. Step-free seats are in the first.
//!
//! With [`PickRules::no_orphans`] no answer leaves an orphan in the sense of
//! [`orphans`](super::orphans): first blocks are looked for that leave no single seat at all, then
//! such as leave the one that cannot be helped. If only others are left, the refusal says so. To sit
//! together goes before leaving no single seat at all; how a party is split does not.
//!
//! # Time
//! One look for the best block walks the runs by their best seat and stops where no run can hold
//! anything better: mostly a few rows, at worst one pass over the map (with a block nearest to a
//! point always one pass). A split needs at most about 2 passes for each of the party.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{PartId, SeatId};
use super::layout::Layout;
use super::pick::{PickRules, orphans};
use super::search::{Search, Singles};
use super::set::SeatSet;

/// The most seats that are looked for at once.
pub const MAX_PARTY: u16 = 100;

/// What a party wishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// How many seats and wheelchair spaces in all.
    pub seats: u16,
    /// The price categories that will do; none means any.
    #[serde(default)]
    pub categories: Vec<PartId>,
    /// The only section that will do.
    #[serde(default)]
    pub section: Option<PartId>,
    /// How many of them are wheelchair spaces.
    #[serde(default)]
    pub wheelchair: u16,
    /// How many of them are companions' seats at those spaces.
    #[serde(default)]
    pub companions: u16,
    /// How many of them are seats that are reached without a step.
    #[serde(default)]
    pub step_free: u16,
    /// Whether the party sits apart rather than not at all.
    #[serde(default)]
    pub may_split: bool,
    /// Whether seats with something in the view will not do.
    #[serde(default)]
    pub full_view: bool,
}

impl Wish {
    /// So many seats anywhere, together.
    pub const fn seats(seats: u16) -> Self {
        Self {
            seats,
            categories: Vec::new(),
            section: None,
            wheelchair: 0,
            companions: 0,
            step_free: 0,
            may_split: false,
            full_view: false,
        }
    }
}

/// The seats that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Those who sit together, block by block; wheelchair spaces and their companions first.
    pub blocks: Vec<Vec<usize>>,
}

impl Pick {
    /// Whether the whole party sits together.
    pub const fn is_together(&self) -> bool {
        self.blocks.len() == 1
    }

    /// The seats as a set.
    pub fn set(&self, layout: &Layout) -> SeatSet {
        let mut set = SeatSet::empty(layout.places().len());
        for seat in self.blocks.iter().flatten() {
            set.insert(*seat);
        }
        set
    }

    /// The ids of the seats, sorted, as the statement that holds them wants them.
    pub fn ids(&self, layout: &Layout) -> Vec<SeatId> {
        layout.ids(&self.set(layout))
    }
}

/// Why nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPick {
    /// The wish is for no seats, for too many, or its parts are more than its whole.
    Wish,
    /// The map has no such section.
    UnknownSection,
    /// The map has no such category.
    UnknownCategory,
    /// There are not so many free seats that will do; so many there are.
    TooFew(usize),
    /// There are not enough wheelchair spaces, companions' seats or step-free seats.
    NoAccess,
    /// There are enough seats, but not together, and the party wants to sit together.
    NotTogether,
    /// There are enough seats, but every choice leaves single ones.
    LeavesSingles,
}

impl NoPick {
    /// The stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wish => "sales.wish",
            Self::UnknownSection => "sales.unknown_section",
            Self::UnknownCategory => "sales.unknown_category",
            Self::TooFew(_) => "sales.too_few_seats",
            Self::NoAccess => "sales.no_accessible_seats",
            Self::NotTogether => "sales.not_together",
            Self::LeavesSingles => "sales.leaves_single_seats",
        }
    }
}

/// Looks for the best free seats for a party; see the rules above.
///
/// # Errors
/// Why there are none.
pub fn best_available(
    layout: &Layout,
    free: &SeatSet,
    wish: &Wish,
    rules: PickRules,
) -> Result<Pick, NoPick> {
    let search = Search::new(layout, free, wish)?;
    if !rules.no_orphans {
        return search.party(wish);
    }
    // To sit together goes before leaving no single seat at all.
    let together = Wish {
        may_split: false,
        ..wish.clone()
    };
    let attempts = [
        (&together, Singles::Never),
        (&together, Singles::Unavoidable),
        (wish, Singles::Never),
        (wish, Singles::Unavoidable),
    ];
    let mut refusal = NoPick::LeavesSingles;
    for (wish, singles) in attempts
        .into_iter()
        .take(if wish.may_split { 4 } else { 2 })
    {
        let mut search = search.clone();
        search.singles = singles;
        match search.party(wish) {
            Ok(pick) if orphans(layout, free, &pick.set(layout)).is_empty() => return Ok(pick),
            Ok(_) => refusal = NoPick::LeavesSingles,
            Err(error) => refusal = error,
        }
    }
    // Without the rule there might be something: then it is the rule that is in the way.
    let is_for_want = matches!(
        refusal,
        NoPick::TooFew(_) | NoPick::NotTogether | NoPick::NoAccess
    );
    if is_for_want && search.party(wish).is_ok() {
        refusal = NoPick::LeavesSingles;
    }
    Err(refusal)
}
