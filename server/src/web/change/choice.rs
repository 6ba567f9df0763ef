//! What somebody chose, as the steps of a change.

use std::collections::{BTreeMap, BTreeSet};

use super::super::form::{Faults, Fields};
use crate::catalog::TierId;
use crate::catalog::seating::SeatId;
use crate::sales::changes::{
    ChangeStep, Changeable, ChangeableUnit, LineReason, MAX_STEPS, OrderChange, UnitPick,
};

/// What shall happen to tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// They are for another date.
    Date,
    /// They are of another tier.
    Tier,
    /// Somebody else comes with them.
    Name,
    /// They are given back.
    Return,
}

impl Act {
    /// What forms call it.
    pub(super) const fn value(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Tier => "tier",
            Self::Name => "name",
            Self::Return => "return",
        }
    }

    /// The field beside which it is told what is wrong with it.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Tier => "tier",
            Self::Name => "name",
            Self::Return => "tickets",
        }
    }

    fn of(value: &str) -> Option<Self> {
        [Self::Date, Self::Tier, Self::Name, Self::Return]
            .into_iter()
            .find(|act| act.value() == value)
    }
}

/// What somebody ticked and wrote.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// Lines and units within them.
    units: BTreeSet<(u32, u32)>,
    pub(super) act: Option<Act>,
    pub(super) date: String,
    pub(super) tier: String,
    pub(super) name: String,
    pub(super) email: String,
    /// The version of the order that they saw.
    pub(super) version: Option<i64>,
}

/// What a form calls a unit.
pub(super) fn value_of(unit: &ChangeableUnit) -> String {
    format!("{}-{}", unit.line, unit.unit)
}

fn unit_of(value: &str) -> Option<(u32, u32)> {
    let (line, unit) = value.split_once('-')?;
    Some((line.parse().ok()?, unit.parse().ok()?))
}

impl Choice {
    /// What a form says.
    pub(super) fn of(fields: &Fields) -> Self {
        Self {
            units: fields.all("u").into_iter().filter_map(unit_of).collect(),
            act: Act::of(fields.text("act")),
            date: fields.text("date").to_owned(),
            tier: fields.text("tier").to_owned(),
            name: fields.text("name").to_owned(),
            email: fields.text("email").to_owned(),
            version: fields.text("version").parse().ok(),
        }
    }

    /// The same, as fields that a form carries along.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields: Vec<_> = self
            .units
            .iter()
            .map(|(line, unit)| ("u", format!("{line}-{unit}")))
            .collect();
        let act = self.act.map_or("", Act::value).to_owned();
        fields.push(("act", act));
        for (name, text) in [
            ("date", &self.date),
            ("tier", &self.tier),
            ("name", &self.name),
            ("email", &self.email),
        ] {
            if !text.is_empty() {
                fields.push((name, text.clone()));
            }
        }
        fields
    }

    /// Forgets which tickets were ticked: the order has other lines by now.
    pub(super) fn forget_units(&mut self) {
        self.units.clear();
        self.version = None;
    }

    /// Whether a unit was ticked.
    pub(super) fn has(&self, unit: &ChangeableUnit) -> bool {
        self.units.contains(&(unit.line, unit.unit))
    }

    fn picks(&self) -> Vec<UnitPick> {
        let mut lines: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (line, unit) in &self.units {
            lines.entry(*line).or_default().push(*unit);
        }
        let pick = |(line, units)| UnitPick { line, units };
        lines.into_iter().map(pick).collect()
    }

    /// The steps that it takes.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn steps(&self, known: &Changeable) -> Result<Vec<ChangeStep>, Faults> {
        let mut faults = Faults::default();
        if self.units.is_empty() {
            faults.add("tickets", "Please tick at least one ticket.");
        }
        let steps: Vec<ChangeStep> = match self.act {
            None => {
                faults.add("what", "Please say what shall happen to the tickets.");
                Vec::new()
            }
            Some(Act::Date) => match self.date.parse() {
                Ok(occurrence) => {
                    let to = |pick| ChangeStep::ChangeDate {
                        pick,
                        occurrence,
                        seats: Vec::new(),
                    };
                    self.picks().into_iter().map(to).collect()
                }
                Err(_) => {
                    faults.add("date", "Please choose a date.");
                    Vec::new()
                }
            },
            Some(Act::Tier) => match self.tier.parse() {
                Ok(tier) => {
                    let to = |pick| ChangeStep::ChangeTier {
                        pick,
                        tier,
                        occurrence: None,
                        seats: Vec::new(),
                        chosen_minor: None,
                    };
                    self.picks().into_iter().map(to).collect()
                }
                Err(_) => {
                    faults.add("tier", "Please choose what you want instead.");
                    Vec::new()
                }
            },
            Some(Act::Name) => self.names(known, &mut faults),
            Some(Act::Return) => {
                let cancel = |pick| ChangeStep::Cancel { pick };
                self.picks().into_iter().map(cancel).collect()
            }
        };
        if steps.len() > MAX_STEPS {
            let text = format!("Please tick fewer tickets: at most {MAX_STEPS} at a time.");
            faults.add("tickets", text);
        }
        if faults.is_empty() {
            Ok(steps)
        } else {
            Err(faults)
        }
    }

    fn names(&self, known: &Changeable, faults: &mut Faults) -> Vec<ChangeStep> {
        if self.name.is_empty() {
            faults.add("name", "Please give the name of whoever comes.");
        }
        let ticked = known.units.iter().filter(|unit| self.has(unit));
        let numbers = ticked.flat_map(|unit| &unit.tickets);
        let steps: Vec<_> = numbers
            .map(|ticket| ChangeStep::ChangeHolder {
                ticket: ticket.number.saturating_add(1),
                name: self.name.clone(),
                email: (!self.email.is_empty()).then(|| self.email.clone()),
            })
            .collect();
        if steps.is_empty() && !self.units.is_empty() {
            faults.add("tickets", "There is no name on what you ticked.");
        }
        steps
    }
}

/// The same steps for exactly the seats that a preview found, so that nobody gets others than they saw.
pub(super) fn with_seats(
    mut steps: Vec<ChangeStep>,
    known: &Changeable,
    preview: &OrderChange,
) -> Vec<ChangeStep> {
    let lines = preview.after.lines.iter();
    let changed = lines.filter(|line| line.reason == LineReason::Changed);
    let mut found: Vec<(TierId, SeatId)> = changed
        .flat_map(|line| {
            let seats = line.units.iter().filter_map(|unit| unit.seat.as_ref());
            seats.map(move |seat| (line.tier_id, seat.id))
        })
        .collect();
    let mut take = |tier: TierId, count: usize| {
        let mut taken: Vec<SeatId> = Vec::new();
        found.retain(|(of, seat)| {
            let is_taken = *of == tier && taken.len() < count;
            if is_taken {
                taken.push(*seat);
            }
            !is_taken
        });
        if taken.len() == count {
            taken
        } else {
            Vec::new()
        }
    };
    let tier_of = |line: u32| {
        let mut units = known.units.iter();
        units
            .find(|unit| unit.line == line)
            .map(|unit| unit.tier_id)
    };
    for step in &mut steps {
        match step {
            ChangeStep::ChangeTier {
                pick, tier, seats, ..
            } => *seats = take(*tier, pick.units.len()),
            ChangeStep::ChangeDate { pick, seats, .. } => {
                if let Some(tier) = tier_of(pick.line) {
                    *seats = take(tier, pick.units.len());
                }
            }
            ChangeStep::ChangeSeats { .. }
            | ChangeStep::ChangeHolder { .. }
            | ChangeStep::Cancel { .. }
            | ChangeStep::Add { .. }
            | ChangeStep::Split { .. }
            | ChangeStep::Merge { .. } => {}
        }
    }
    steps
}
