//! Who comes with the tickets of an order and what they were asked: checked by the event's form, stored
//! sealed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::files::{self, AnswerFile};
use super::super::model::*;
use super::super::store::{self, OF_ORDER, PartRow, SealedAttendee, SealedPart};
use super::{SalesError, email_lookup, json_fault};
use crate::app::App;
use crate::catalog::questions::{
    AnsweredForm, Answers, AskedAt, SaidAnswers, SaidForm, SaidTicket, answer,
};
use crate::catalog::{self, EventId, TierId};
use crate::identity::Tenant;

/// What a caller says of one ticket: who comes with it, and what they answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TicketRequest {
    /// The holder's name; without it, the buyer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The holder's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Answers to the questions that are asked of each ticket, by question.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub answers: SaidAnswers,
}

/// Who comes with a ticket, where that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendee {
    /// Their name.
    pub name: String,
    /// Their e-mail address, if they gave it.
    pub email: Option<String>,
}

/// Who comes with an order, and what was answered.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// By number of the ticket, from 0.
    pub attendees: BTreeMap<u32, Attendee>,
    /// What was answered.
    pub answers: AnsweredForm,
}

/// For what an attendee, or answers, are sealed; the row's id is that of `row_id`.
pub(in crate::sales) fn part_purpose(row: impl std::fmt::Display) -> String {
    format!("order part {row}")
}

/// Checks who comes and what was answered: `tiers` are those of the order's tickets, in their order.
///
/// # Errors
/// [`SalesError::Invalid`] by what is wrong; a fault of the database.
pub async fn people(
    app: &App,
    event: EventId,
    tiers: &[TierId],
    answers: &SaidAnswers,
    tickets: &[TicketRequest],
) -> Result<People, SalesError> {
    let mut faults = Vec::new();
    if tickets.len() > tiers.len() {
        faults.push(FieldError {
            field: "tickets".to_owned(),
            code: "too_many".into(),
            detail: "There are fewer tickets.".to_owned(),
        });
        return Err(SalesError::Invalid(faults));
    }
    let mut attendees = BTreeMap::new();
    for (ticket, number) in tickets.iter().zip(0u32..) {
        faults.extend(faults_of(ticket, number));
        let name = ticket.name.as_deref().map(str::trim).unwrap_or_default();
        let email = ticket.email.as_deref().map(str::trim).unwrap_or_default();
        if !name.is_empty() {
            let attendee = Attendee {
                name: name.to_owned(),
                email: (!email.is_empty()).then(|| email.to_owned()),
            };
            attendees.insert(number, attendee);
        }
    }
    let form = catalog::questions_of(app, event).await?;
    let said = SaidForm {
        answers: answers.clone(),
        tickets: tickets
            .iter()
            .map(|ticket| SaidTicket {
                answers: ticket.answers.clone(),
            })
            .collect(),
    };
    let nothing = AnsweredForm::default();
    match answer(&form.questions, AskedAt::Purchase, tiers, &said, &nothing) {
        Ok(answers) => {
            faults.extend(files::faults_of(app, event, &answers).await?);
            if faults.is_empty() {
                Ok(People { attendees, answers })
            } else {
                Err(SalesError::Invalid(faults))
            }
        }
        Err(more) => {
            faults.extend(more);
            Err(SalesError::Invalid(faults))
        }
    }
}

fn faults_of(ticket: &TicketRequest, number: u32) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut add = |field: &str, code: &'static str, detail: &str| {
        faults.push(FieldError {
            field: format!("tickets[{number}].{field}"),
            code: code.into(),
            detail: detail.to_owned(),
        });
    };
    if let Some(name) = &ticket.name
        && (name.chars().count() > 200 || name.chars().any(char::is_control))
    {
        let detail = "A name has at most 200 characters and no control characters.";
        add("name", "too_long", detail);
    }
    if let Some(email) = &ticket.email {
        if !is_email(email.trim()) {
            let detail = "Please give an e-mail address such as ana@example.com.";
            add("email", "email", detail);
        } else if ticket
            .name
            .as_deref()
            .is_none_or(|name| name.trim().is_empty())
        {
            add("name", "required", "Please say whose address this is.");
        }
    }
    faults
}

/// Stores who comes with orders, and what was answered; the files that it names are theirs from now on, and
/// must have been locked for them, or those of answers that move.
pub(super) async fn insert_people(
    app: &App,
    c: &mut Conn,
    orders: &[(OrderId, &People)],
) -> Result<(), DbError> {
    let (mut attendees, mut answers) = (Vec::new(), Vec::new());
    for (order, people) in orders {
        for (number, attendee) in &people.attendees {
            let text = serde_json::to_vec(attendee).map_err(|error| json_fault(&error))?;
            attendees.push(SealedAttendee {
                part: sealed(app, *order, i64::from(*number), &text)?,
                email_lookup: attendee
                    .email
                    .as_deref()
                    .map_or_else(Vec::new, |email| email_lookup(app, email).to_vec()),
            });
        }
        let of_tickets = people.answers.tickets.iter().zip(0i64..);
        let all = std::iter::once((&people.answers.order, OF_ORDER)).chain(of_tickets);
        for (said, number) in all.filter(|(said, _)| !said.is_empty()) {
            let text = serde_json::to_vec(said).map_err(|error| json_fault(&error))?;
            answers.push(sealed(app, *order, number, &text)?);
        }
    }
    if !attendees.is_empty() {
        store::insert_attendees(c, attendees).await?;
    }
    if !answers.is_empty() {
        store::insert_answers(c, answers).await?;
    }
    for (order, people) in orders {
        files::give(c, *order, &people.answers).await?;
    }
    Ok(())
}

fn sealed(app: &App, order: OrderId, ticket: i64, text: &[u8]) -> Result<SealedPart, DbError> {
    let purpose = part_purpose(store::row_id(order, ticket));
    Ok(SealedPart {
        order,
        ticket,
        sealed: app.vault.seal(&purpose, text, &*app.random)?,
    })
}

fn opened<T: serde::de::DeserializeOwned>(
    app: &App,
    order: OrderId,
    ticket: i64,
    sealed: &[u8],
) -> Result<T, DbError> {
    let text = app
        .vault
        .open(&part_purpose(store::row_id(order, ticket)), sealed)?;
    serde_json::from_slice(&text).map_err(|error| json_fault(&error))
}

/// Who is named as holder of which ticket of an order, by number of the ticket, from 0.
///
/// # Errors
/// A fault of the database.
pub async fn attendees_in(
    app: &App,
    c: &mut Conn,
    order: OrderId,
) -> Result<BTreeMap<u32, Attendee>, DbError> {
    let mut named = BTreeMap::new();
    for PartRow { ticket, sealed } in store::attendees(c, order).await? {
        let attendee = opened(app, order, ticket, &sealed)?;
        if let Ok(number) = u32::try_from(ticket) {
            named.insert(number, attendee);
        }
    }
    Ok(named)
}

/// What was answered for an order, and for each of its tickets by number, from 0.
///
/// # Errors
/// A fault of the database.
pub async fn answers_in(
    app: &App,
    c: &mut Conn,
    order: OrderId,
) -> Result<(Answers, HashMap<u32, Answers>), DbError> {
    let (mut of_order, mut of_tickets) = (Answers::new(), HashMap::new());
    for PartRow { ticket, sealed } in store::answers(c, order).await? {
        let said = opened(app, order, ticket, &sealed)?;
        match u32::try_from(ticket) {
            Ok(number) => {
                of_tickets.insert(number, said);
            }
            Err(_) => of_order = said,
        }
    }
    Ok((of_order, of_tickets))
}

/// What was said of an order and its tickets.
#[derive(Clone, Debug)]
pub struct SaidOfOrder {
    /// What was answered for the order.
    pub order: Answers,
    /// Of each ticket of which something was said: its number from 0, who comes, and what was answered.
    pub tickets: Vec<(u32, Option<Attendee>, Answers)>,
    /// The files that answer.
    pub files: Vec<AnswerFile>,
}

/// Who comes with an order of one of the organisation's events, and what was answered.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn people_of(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
) -> Result<SaidOfOrder, SalesError> {
    super::order_of(app, tenant, order).await?;
    let work = app.clone();
    let (mut attendees, (of_order, mut of_tickets), files) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let attendees = attendees_in(&work, c, order).await?;
                let answers = answers_in(&work, c, order).await?;
                let files = files::files_of_order_in(&work, c, order).await?;
                Ok::<_, DbError>((attendees, answers, files))
            })
        })
        .await?;
    let numbers: BTreeSet<u32> = attendees.keys().chain(of_tickets.keys()).copied().collect();
    let tickets = numbers
        .into_iter()
        .map(|number| {
            let answers = of_tickets.remove(&number).unwrap_or_default();
            (number, attendees.remove(&number), answers)
        })
        .collect();
    Ok(SaidOfOrder {
        order: of_order,
        tickets,
        files,
    })
}

/// All that is held of who comes with an order, for a copy of its buyer's data.
///
/// # Errors
/// A fault of the database.
pub async fn people_of_order_in(app: &App, c: &mut Conn, order: OrderId) -> Result<Value, DbError> {
    let attendees = attendees_in(app, c, order).await?;
    let (of_order, of_tickets) = answers_in(app, c, order).await?;
    let files = files::files_of_order_in(app, c, order).await?;
    let tickets: Vec<Value> = attendees
        .keys()
        .chain(of_tickets.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|number| {
            json!({
                "ticket": number + 1,
                "holder": attendees.get(number),
                "answers": of_tickets.get(number),
            })
        })
        .collect();
    Ok(json!({"answers": of_order, "tickets": tickets, "files": files}))
}

/// Forgets whoever is named with an address on tickets that others have bought: gives their orders with
/// the names that they had.
pub(super) async fn erase_attendees(
    app: &App,
    c: &mut Conn,
    lookup: [u8; 32],
) -> Result<Vec<ErasedOrder>, DbError> {
    let mut erased = Vec::new();
    for row in store::lock_attendees_with_email(c, lookup).await? {
        let attendee: Attendee = opened(app, row.order_id, row.ticket, &row.sealed)?;
        store::delete_attendee(c, row.order_id, row.ticket).await?;
        files::erase_of_ticket(c, row.order_id, row.ticket).await?;
        erased.push(ErasedOrder {
            id: row.order_id,
            event_id: row.event_id,
            name: attendee.name,
        });
    }
    Ok(erased)
}
