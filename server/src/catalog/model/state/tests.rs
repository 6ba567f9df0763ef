//! Tests of the states of an event.

use proptest::prelude::*;

use super::*;
use crate::identity::Permission;

const ALL: Has = Has {
    tier: true,
    new_dates: true,
};

/// The whole table, as the documentation shows it.
///
/// covers: BE-2
#[test]
fn the_table_is_this() {
    let told = |result: Result<Move, Immovable>| match result {
        Ok(Move { to: Some(to), .. }) => to.as_str(),
        Ok(Move { to: None, .. }) => "gone",
        Err(Immovable::Already(_)) => "=",
        Err(Immovable::State { .. } | Immovable::NotADraft | Immovable::Lacks(_)) => "-",
    };
    let mut table = String::new();
    for &action in Action::ALL {
        table.push_str(action.as_str());
        for &from in Kept::ALL {
            table.push(' ');
            table.push_str(told(step(from, action, ALL)));
        }
        table.push('\n');
    }
    // Columns: draft published paused postponed cancelled archived.
    assert_eq!(
        table,
        "publish published = - - - -\n\
         pause - paused = - - -\n\
         resume - = published - - -\n\
         postpone - postponed postponed = - -\n\
         reschedule - published paused published - -\n\
         cancel - cancelled cancelled cancelled = -\n\
         archive - archived archived - archived =\n\
         delete gone - - - - -\n"
    );
}

/// What the first routes allowed.
#[test]
fn the_first_words_move_as_before() {
    let routes = [
        (Action::Publish, EventState::Published),
        (Action::Cancel, EventState::Cancelled),
        (Action::Archive, EventState::Archived),
    ];
    for &state in EventState::ALL {
        for (action, to) in routes {
            let moved = step(Kept::of(state, Brake::None), action, ALL);
            let may_become = match (state, to) {
                (EventState::Draft, EventState::Published)
                | (EventState::Published, EventState::Cancelled | EventState::Archived)
                | (EventState::Cancelled, EventState::Archived) => true,
                (
                    EventState::Draft
                    | EventState::Published
                    | EventState::Cancelled
                    | EventState::Archived,
                    _,
                ) => false,
            };
            assert_eq!(moved.is_ok(), may_become, "{state} {action}");
            if let Ok(moved) = moved {
                assert_eq!(moved.to.map(Kept::columns), Some((to, Brake::None)));
            }
        }
        let deleted = step(Kept::of(state, Brake::None), Action::Delete, ALL);
        assert_eq!(deleted.is_ok(), state == EventState::Draft);
    }
}

#[test]
fn columns_and_states_are_the_same_thing() {
    for &kept in Kept::ALL {
        let (state, brake) = kept.columns();
        assert_eq!(Kept::of(state, brake), kept);
    }
    // A brake that was left on a cancelled event means nothing.
    assert_eq!(
        Kept::of(EventState::Cancelled, Brake::Paused),
        Kept::Cancelled
    );
}

#[test]
fn a_move_needs_more_than_a_state() {
    let none = Has {
        tier: false,
        new_dates: false,
    };
    let lacks = step(Kept::Draft, Action::Publish, none);
    assert_eq!(lacks, Err(Immovable::Lacks(Need::Tier)));
    let lacks = step(Kept::Postponed, Action::Reschedule, none);
    assert_eq!(lacks, Err(Immovable::Lacks(Need::NewDates)));
    // What the state refuses is refused for the state, not for what is missing.
    let refused = step(Kept::Archived, Action::Reschedule, none);
    assert_eq!(refused.unwrap_err().code(), "state");
}

#[test]
fn whoever_sells_stops_selling_and_whoever_holds_is_told() {
    for &from in Kept::ALL {
        for &action in Action::ALL {
            let Ok(moved) = step(from, action, ALL) else {
                continue;
            };
            let stops = from == Kept::Published && moved.to != Some(Kept::Published);
            assert_eq!(
                stops,
                from == Kept::Published && moved.effects.contains(&Effect::ReleaseHolds),
                "{from} {action}"
            );
            if moved.effects.contains(&Effect::RevokeTickets) {
                assert!(moved.effects.contains(&Effect::TellHolders));
                assert!(moved.effects.contains(&Effect::RefundAll));
            }
        }
    }
    assert_eq!(Action::Delete.permission(), Permission::EventsWrite);
    assert_eq!(Action::Cancel.permission(), Permission::EventsPublish);
}

const fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

const fn tier(from: Option<i64>, until: Option<i64>, left: i64) -> TierFacts {
    TierFacts {
        sells_from: match from {
            Some(ms) => Some(at(ms)),
            None => None,
        },
        sells_until: match until {
            Some(ms) => Some(at(ms)),
            None => None,
        },
        left,
    }
}

#[test]
fn time_and_stock_say_where_an_event_stands() {
    let early = tier(Some(100), Some(200), 5);
    let late = tier(Some(300), None, 5);
    let gone = tier(None, None, 0);
    let cases: &[(Kept, &[TierFacts], i64, Standing)] = &[
        (Kept::Draft, &[early], 150, Standing::Draft),
        (Kept::Published, &[early], 99, Standing::Scheduled),
        (Kept::Published, &[early], 100, Standing::OnSale),
        (Kept::Published, &[early], 199, Standing::OnSale),
        (Kept::Published, &[early], 200, Standing::Scheduled),
        (Kept::Published, &[early, late], 250, Standing::Scheduled),
        (Kept::Published, &[early, late], 300, Standing::OnSale),
        (Kept::Published, &[gone], 300, Standing::SoldOut),
        (Kept::Published, &[gone, late], 250, Standing::Scheduled),
        (Kept::Published, &[gone, late], 350, Standing::OnSale),
        (Kept::Published, &[], 350, Standing::Scheduled),
        (Kept::Published, &[gone], 1_000, Standing::Ended),
        (Kept::Paused, &[late], 350, Standing::Paused),
        (Kept::Paused, &[late], 1_000, Standing::Ended),
        (Kept::Postponed, &[late], 2_000, Standing::Postponed),
        (Kept::Cancelled, &[late], 2_000, Standing::Cancelled),
        (Kept::Archived, &[late], 350, Standing::Archived),
    ];
    for (kept, tiers, now, standing) in cases {
        let facts = Facts {
            kept: *kept,
            ends_at: at(1_000),
            tiers,
        };
        assert_eq!(facts.standing(at(*now)), *standing, "{kept} at {now}");
    }
}

#[test]
fn a_scheduled_event_says_when_it_opens() {
    let tiers = [tier(Some(500), None, 1), tier(Some(300), None, 0)];
    let facts = Facts {
        kept: Kept::Published,
        ends_at: at(1_000),
        tiers: &tiers,
    };
    // The tier that opens first has nothing left.
    assert_eq!(facts.opens_at(at(100)), Some(at(500)));
    assert_eq!(facts.opens_at(at(600)), None);
}

proptest! {
    /// Whatever time and stock do, they never show or hide what the organiser decided.
    #[test]
    fn derived_states_are_those_of_a_published_event(
        kept in 0..Kept::ALL.len(),
        now in 0_i64..2_000,
        tiers in proptest::collection::vec((0_i64..1_500, 0_i64..1_500, 0_i64..3), 0..5),
    ) {
        let kept = Kept::ALL[kept];
        let tiers: Vec<_> = tiers
            .into_iter()
            .map(|(from, until, left)| tier(Some(from), Some(until), left))
            .collect();
        let facts = Facts { kept, ends_at: at(1_000), tiers: &tiers };
        let standing = facts.standing(at(now));
        let derived = [Standing::Scheduled, Standing::OnSale, Standing::SoldOut, Standing::Ended];
        if derived.contains(&standing) {
            prop_assert!(matches!(kept, Kept::Published | Kept::Paused));
        } else {
            prop_assert_eq!(standing.as_str(), kept.as_str());
        }
        if standing == Standing::OnSale {
            prop_assert!(now < 1_000 && tiers.iter().any(|t| t.left > 0));
        }
    }
}
