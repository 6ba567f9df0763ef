//! Other rules from some date on: "this and following" for rules.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::edit::lay_phase;
use super::{End, Local, Rule, Series, SeriesError, Settings, Until, expand};

/// Rules with a beginning of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LaterRules {
    /// When they begin (DTSTART); its time of day is that of all their dates, if they name no others.
    pub starts: Local,
    /// The rules (RRULE).
    pub rules: Vec<Rule>,
}

/// What a series is to be from some date on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The original start from which on it holds; it need not be that of a date.
    pub from: Local,
    /// The rules from then on, beginning then or later; without any, none gives dates from then on.
    pub rules: LaterRules,
    /// Further dates from then on; where that is not said, those there are stay.
    pub added: Option<Vec<Local>>,
    /// Dates from then on that are left out; where that is not said, those there are stay.
    pub excluded: Option<Vec<Local>>,
    /// When its dates are: the shift, the length and the doors, all of them said.
    pub time: Settings,
}

impl Series {
    /// The same with other rules from some date on. All dates that are known by an earlier start stay
    /// as they are, and what was said of prices and capacities holds on.
    ///
    /// # Errors
    /// [`SeriesError::NothingBefore`] if it has no date before, or what [`Series::originals`] says.
    pub fn followed_by(&self, then: Following) -> Result<Self, SeriesError> {
        let from = then.from;
        if self.originals()?.first().is_none_or(|first| *first >= from) {
            return Err(SeriesError::NothingBefore);
        }
        let zone = self.zone()?;
        let mut parts = Vec::new();
        for (starts, rules) in self.parts() {
            let mut left = Vec::new();
            for rule in rules {
                left.extend(self.ended(rule, starts, from, &zone)?);
            }
            parts.push(LaterRules {
                starts,
                rules: left,
            });
        }
        parts.push(then.rules);
        let mut parts = parts.into_iter().filter(|part| !part.rules.is_empty());
        let first = parts.next().unwrap_or_else(|| LaterRules {
            starts: self.starts,
            rules: Vec::new(),
        });
        let mut after = Self {
            starts: first.starts,
            time_zone: self.time_zone.clone(),
            rules: first.rules,
            later: parts.collect(),
            added: exceptions(&self.added, from, then.added),
            excluded: exceptions(&self.excluded, from, then.excluded),
            settings: self.settings.clone(),
            phases: self.phases.clone(),
        };
        lay_phase(&mut after.phases, from, &then.time);
        Ok(after)
    }

    /// One of its rules without what it gives from some time on; none if it gives nothing before.
    fn ended(
        &self,
        rule: &Rule,
        starts: Local,
        from: Local,
        zone: &TimeZone,
    ) -> Result<Option<Rule>, SeriesError> {
        let dates = expand::dates(rule, starts.to_jiff(), self.last_year(), zone)?;
        let before = dates.partition_point(|date| *date < from.to_jiff());
        let last = before.checked_sub(1).and_then(|last| dates.get(last));
        Ok(last.map(|last| Rule {
            // One that is over before ends as it did.
            end: if before == dates.len() {
                rule.end
            } else {
                End::Until(Until::Local(*last))
            },
            ..rule.clone()
        }))
    }
}

/// Exceptions before some time as they are, and from then on those that are said.
fn exceptions(all: &[Local], from: Local, said: Option<Vec<Local>>) -> Vec<Local> {
    match said {
        None => all.to_vec(),
        Some(said) => {
            let before = all.iter().copied().filter(|local| *local < from);
            before.chain(said).collect()
        }
    }
}
