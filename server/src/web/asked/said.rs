//! What was answered, and what is wrong with it, in the words of the form.

use bilten_kernel::error::FieldError;
use serde_json::Value;

use super::super::form::{Faults, Fields};
use super::super::problem::sentence;
use super::{Asked, field};
use crate::catalog::EventDetail;
use crate::catalog::questions::{Question, QuestionId, QuestionKind, SaidAnswers};
use crate::catalog::texts::Language;
use crate::sales::TicketRequest;

impl Asked {
    /// What a form says for the order, and for each ticket.
    pub(in crate::web) fn said(&self, fields: &Fields) -> (SaidAnswers, Vec<TicketRequest>) {
        let order = self.of_order();
        let of_order = answers(&order, fields, None);
        if !self.asks_tickets() {
            return (of_order, Vec::new());
        }
        let said = |number: usize, name: &str| {
            let text = fields.text(&field(Some(number), name));
            (!text.is_empty()).then(|| text.to_owned())
        };
        let tickets = self.tickets.iter().enumerate();
        let tickets = tickets
            .map(|(number, ticket)| TicketRequest {
                name: said(number, "name"),
                email: said(number, "email"),
                answers: answers(&self.of_ticket(ticket.tier, &order), fields, Some(number)),
            })
            .collect();
        (of_order, tickets)
    }

    /// Adds what the service found wrong, one fault to a field.
    pub(in crate::web) fn add_faults(
        &self,
        faults: &mut Faults,
        errors: &[FieldError],
        offer: &EventDetail,
        wanted: &[Language],
    ) {
        for error in errors {
            let (at, text) = self.in_words(error, offer, wanted);
            if at.is_empty() || faults.of(&at).is_none() {
                faults.add(at, text);
            }
        }
    }

    /// The field of the form and a sentence that says which question it is about, since all of them stand in
    /// one list.
    fn in_words(
        &self,
        error: &FieldError,
        offer: &EventDetail,
        wanted: &[Language],
    ) -> (String, String) {
        let Some((ticket, name)) = place_of(&error.field) else {
            return (String::new(), sentence(&error.detail));
        };
        let id = name.parse::<QuestionId>().ok();
        let mut questions = self.form.questions.iter();
        let question = id.and_then(|id| questions.find(|question| question.id == id));
        let said = match question {
            Some(question) => {
                let label = offer.event.text_in(&question.label, wanted).text;
                // Those of files are sentences of their own, the others go on from the question.
                let between = if error.code.starts_with("file_") {
                    ":"
                } else {
                    ""
                };
                format!("“{label}”{between} {}", error.detail)
            }
            None => error.detail.clone(),
        };
        let said = sentence(&said);
        let text = match ticket {
            Some(number) if self.tickets.len() > 1 => {
                format!("Ticket {}: {said}", number.saturating_add(1))
            }
            Some(_) | None => said,
        };
        (field(ticket, name), text)
    }
}

fn answers(asked: &[&Question], fields: &Fields, ticket: Option<usize>) -> SaidAnswers {
    let said = asked.iter().filter_map(|question| {
        let value = value(question, fields, &field(ticket, question.id))?;
        Some((question.id, value))
    });
    said.collect()
}

/// What a field says, if it says anything.
fn value(question: &Question, fields: &Fields, name: &str) -> Option<Value> {
    match &question.asks {
        QuestionKind::MultiChoice { .. } => {
            let ticked = fields.all(name).into_iter().filter(|key| !key.is_empty());
            let keys: Vec<Value> = ticked.map(Value::from).collect();
            (!keys.is_empty()).then_some(Value::Array(keys))
        }
        // A box that is not ticked is not sent, and says no.
        QuestionKind::Consent => match fields.text(name) {
            "" => Some(Value::Bool(false)),
            text => Some(Value::from(text)),
        },
        QuestionKind::Text { .. }
        | QuestionKind::Number { .. }
        | QuestionKind::Choice { .. }
        | QuestionKind::Date { .. }
        | QuestionKind::Country { .. }
        | QuestionKind::Phone
        | QuestionKind::Email
        | QuestionKind::File { .. } => {
            let text = fields.text(name);
            (!text.is_empty()).then(|| Value::from(text))
        }
    }
}

/// The ticket, from 0, and the name behind a field of the service: `answers.qst_…`,
/// `tickets[1].answers.qst_…`, `tickets[1].name`.
fn place_of(name: &str) -> Option<(Option<usize>, &str)> {
    if let Some(id) = name.strip_prefix("answers.") {
        return Some((None, id));
    }
    let (number, rest) = name.strip_prefix("tickets[")?.split_once(']')?;
    let name = rest
        .strip_prefix(".answers.")
        .or_else(|| rest.strip_prefix('.'))?;
    Some((Some(number.parse().ok()?), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_service_are_found_in_the_form() {
        assert_eq!(place_of("answers.qst_1"), Some((None, "qst_1")));
        assert_eq!(
            place_of("tickets[12].answers.qst_1"),
            Some((Some(12), "qst_1"))
        );
        assert_eq!(place_of("tickets[0].name"), Some((Some(0), "name")));
        for none in [
            "tickets",
            "tickets[x].name",
            "tickets[1]",
            "buyer.name",
            "answers",
        ] {
            assert_eq!(place_of(none), None, "{none}");
        }
    }
}
