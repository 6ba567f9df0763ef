//! What an event asks of those who buy, as a part of the checkout's form.
//!
//! A question of the order is the field `q-` and its id, one of a ticket `t`, the ticket's number from 0, `-`
//! and its id. Whether an answer is right, and whether its question applies at all, is said by the service that
//! takes the order; here it is shown, and said in the form's words.

mod said;
mod show;
mod upload;
mod views;

use std::sync::Arc;

use crate::app::App;
use crate::catalog::questions::{AskedAt, AskedPer, Question, QuestionId, QuestionKind};
use crate::catalog::{self, EventDetail, Form, TierId};
use crate::sales::{self, DueTicket, HoldId, SalesError};

pub(super) use upload::fields;
pub(super) use views::AskedView;

/// What is asked of whoever buys what is held.
pub(super) struct Asked {
    form: Arc<Form>,
    /// The tickets, if anything is asked.
    tickets: Vec<DueTicket>,
}

impl Asked {
    /// What an event asks for the tickets of a hold.
    ///
    /// # Errors
    /// [`SalesError::HoldGone`], or a fault of the database.
    pub(super) async fn of(
        app: &App,
        offer: &EventDetail,
        hold: HoldId,
    ) -> Result<Self, SalesError> {
        let event = offer.event.id;
        let form = catalog::questions_of(app, event).await?;
        let mut asked = form.questions.iter();
        let tickets = if asked.any(|question| question.at == AskedAt::Purchase) {
            let held = sales::held_cart(app, event, hold).await?;
            sales::tickets_due(offer, &held.items)
        } else {
            Vec::new()
        };
        Ok(Self { form, tickets })
    }

    /// Whether nothing is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.of_order().is_empty() && !self.asks_tickets()
    }

    /// The tiers of the tickets, in their order.
    pub(super) fn tiers(&self) -> Vec<TierId> {
        self.tickets.iter().map(|ticket| ticket.tier).collect()
    }

    /// What is asked of the order.
    fn of_order(&self) -> Vec<&Question> {
        self.possible(AskedPer::Order, &self.tiers(), &[])
    }

    /// What is asked of a ticket of a tier; `order` is what is asked of the order.
    fn of_ticket(&self, tier: TierId, order: &[&Question]) -> Vec<&Question> {
        let known: Vec<QuestionId> = order.iter().map(|question| question.id).collect();
        self.possible(AskedPer::Ticket, &[tier], &known)
    }

    /// Whether anything is asked of any ticket.
    fn asks_tickets(&self) -> bool {
        let order = self.of_order();
        let mut tickets = self.tickets.iter();
        tickets.any(|ticket| !self.of_ticket(ticket.tier, &order).is_empty())
    }

    /// The questions of one part of the form, but for those that wait for an answer which nobody is asked for;
    /// `known` are those of the part around it.
    fn possible(&self, per: AskedPer, tiers: &[TierId], known: &[QuestionId]) -> Vec<&Question> {
        let all = self.form.questions.iter();
        let mut asked: Vec<&Question> = all
            .filter(|question| {
                question.at == AskedAt::Purchase
                    && question.per == per
                    && (question.tiers.is_empty()
                        || tiers.iter().any(|tier| question.tiers.contains(tier)))
            })
            .collect();
        loop {
            let ids: Vec<QuestionId> = asked.iter().map(|question| question.id).collect();
            let is_known = |id: QuestionId| ids.contains(&id) || known.contains(&id);
            asked.retain(|question| question.when.iter().all(|clause| is_known(clause.question)));
            if asked.len() == ids.len() {
                return asked;
            }
        }
    }

    /// Every field that a file answers, with the question.
    fn files(&self) -> Vec<(String, &Question)> {
        let is_file = |question: &&Question| matches!(question.asks, QuestionKind::File { .. });
        let order = self.of_order();
        let mut files: Vec<(String, &Question)> = Vec::new();
        for question in order.iter().copied().filter(is_file) {
            files.push((field(None, question.id), question));
        }
        for (number, ticket) in self.tickets.iter().enumerate() {
            let asked = self.of_ticket(ticket.tier, &order);
            for question in asked.into_iter().filter(is_file) {
                files.push((field(Some(number), question.id), question));
            }
        }
        files
    }
}

/// The field of the form for something of the order, or of the ticket of this number from 0.
fn field(ticket: Option<usize>, name: impl std::fmt::Display) -> String {
    match ticket {
        Some(number) => format!("t{number}-{name}"),
        None => format!("q-{name}"),
    }
}
