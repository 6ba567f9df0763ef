//! Who comes with tickets that are added or moved, and what was answered for them.

use std::collections::{BTreeMap, HashMap};

use bilten_kernel::db::{Conn, DbError};

use super::super::draft::people_faults;
use super::super::error::ChangeError;
use super::super::model::*;
use super::Prepared;
use crate::app::App;
use crate::catalog;
use crate::catalog::questions::{
    AnsweredForm, Answers, AskedAt, AskedPer, Question, SaidForm, SaidTicket, answer,
};
use crate::sales::files;
use crate::sales::service::put_people;
use crate::sales::{Attendee, Cart, OrderId, People, SalesError};

/// Checks who comes with what is added, and what they answer; what is asked of the order was answered when
/// it was bought.
pub(super) async fn people_of_added(
    app: &App,
    prepared: &Prepared,
    cart: &Cart,
) -> Result<People, ChangeError> {
    let lines = cart.lines.iter();
    let lines = lines.map(|line| (line.tier, line.occurrence, line.quantity));
    let tiers = prepared.draft.added_tiers(&prepared.offer, lines);
    let asked = &prepared.draft.people;
    let mut faults = people_faults(asked);
    if asked.len() > tiers.len() {
        let detail = "There are fewer tickets.";
        return Err(ChangeError::field("tickets", "too_many", detail));
    }
    let form = catalog::questions_of(app, prepared.offer.event.id).await?;
    let questions: Vec<Question> = form
        .questions
        .iter()
        .filter(|question| question.per == AskedPer::Ticket)
        .cloned()
        .collect();
    let said = SaidForm {
        tickets: asked
            .iter()
            .map(|ticket| SaidTicket {
                answers: ticket.answers.clone(),
            })
            .collect(),
        ..SaidForm::default()
    };
    let (work, id) = (app.clone(), prepared.id);
    let (of_order, _) = app
        .db
        .read(move |c| Box::pin(async move { crate::sales::answers_in(&work, c, id).await }))
        .await?;
    let before = AnsweredForm {
        order: of_order,
        tickets: Vec::new(),
    };
    let answered = answer(&questions, AskedAt::Purchase, &tiers, &said, &before);
    let tickets = match answered {
        Ok(answered) => {
            let event = prepared.offer.event.id;
            faults.extend(files::faults_of(app, event, &answered).await?);
            answered.tickets
        }
        Err(more) => {
            faults.extend(more);
            Vec::new()
        }
    };
    if !faults.is_empty() {
        return Err(SalesError::Invalid(faults).into());
    }
    let attendees = asked.iter().zip(0u32..).filter_map(|(ticket, number)| {
        let name = ticket.name.as_deref().map(str::trim)?;
        let email = ticket.email.as_deref().map(str::trim);
        let attendee = Attendee {
            name: name.to_owned(),
            email: email.map(str::to_owned),
        };
        Some((number, attendee))
    });
    Ok(People {
        attendees: attendees.collect(),
        answers: AnsweredForm {
            order: Answers::new(),
            tickets,
        },
    })
}

/// People under other numbers; those without one are left out.
pub(super) fn renumbered(
    attendees: BTreeMap<u32, Attendee>,
    mut answers: HashMap<u32, Answers>,
    number: impl Fn(u32) -> Option<u32>,
) -> People {
    let mut people = People::default();
    for (old, attendee) in attendees {
        if let Some(new) = number(old) {
            people.attendees.insert(new, attendee);
        }
    }
    let old: Vec<u32> = answers.keys().copied().collect();
    for old in old {
        let Some((new, said)) = number(old).zip(answers.remove(&old)) else {
            continue;
        };
        let place = usize::try_from(new).unwrap_or(0);
        let tickets = &mut people.answers.tickets;
        if tickets.len() <= place {
            tickets.resize(place + 1, Answers::new());
        }
        if let Some(own) = tickets.get_mut(place) {
            *own = said;
        }
    }
    people
}

/// The number of an added ticket by its place among those on which somebody is named.
fn number_of(plan: &Plan, place: u32) -> Option<u32> {
    let place = usize::try_from(place.checked_add(plan.unnamed)?).ok()?;
    Some(plan.tickets.added.get(place)?.ticket.number)
}

/// Stores who comes with the tickets that a plan adds.
pub(super) async fn put_added(
    app: &App,
    c: &mut Conn,
    id: OrderId,
    plan: &Plan,
    people: &People,
) -> Result<(), DbError> {
    let answers = people.answers.tickets.iter().zip(0u32..);
    let answers = answers.map(|(said, place)| (place, said.clone())).collect();
    let people = renumbered(people.attendees.clone(), answers, |place| {
        number_of(plan, place)
    });
    put_people(app, c, id, &people).await
}

/// Who is named on the tickets that a plan adds, by their place among all that it adds.
pub(super) fn named(plan: &Plan, people: &People) -> BTreeMap<u32, String> {
    let attendees = people.attendees.iter();
    attendees
        .map(|(place, attendee)| {
            let place = place.saturating_add(plan.unnamed);
            (place, attendee.name.clone())
        })
        .collect()
}
