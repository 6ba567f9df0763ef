//! Shows questions with what was written so far, and what is wrong with it.

use serde_json::json;

use super::super::countries;
use super::super::details::TextView;
use super::super::form::{Faults, Fields};
use super::super::view::place;
use super::views::{
    AskedView, ChoiceView, FileView, LineView, QuestionView, SentView, TicketView, ours,
};
use super::{Asked, field};
use crate::catalog::country::Country;
use crate::catalog::questions::{AskedPer, Choice, Clause, Day, FileType, Question, QuestionKind};
use crate::catalog::texts::{Language, Texts};
use crate::catalog::{EventDetail, FileId};
use crate::sales::DueTicket;

/// The most choices that are all shown at once.
const MOST_SHOWN: usize = 7;

/// What a form is shown from.
struct Shown<'a> {
    asked: &'a Asked,
    offer: &'a EventDetail,
    wanted: &'a [Language],
    fields: &'a Fields,
    faults: &'a Faults,
}

impl Asked {
    /// All that is asked, with what was written so far and what is wrong with it.
    pub(in crate::web) fn view(
        &self,
        offer: &EventDetail,
        wanted: &[Language],
        fields: &Fields,
        faults: &Faults,
    ) -> AskedView {
        let shown = Shown {
            asked: self,
            offer,
            wanted,
            fields,
            faults,
        };
        let of_order = self.of_order();
        let order = of_order.iter().map(|one| shown.question(one, None));
        let order: Vec<QuestionView> = order.collect();
        let mut tickets = Vec::new();
        for (number, ticket) in self.tickets.iter().enumerate() {
            let asked = self.of_ticket(ticket.tier, &of_order);
            if !asked.is_empty() {
                tickets.push(shown.ticket(number, ticket, &asked));
            }
        }
        AskedView {
            order,
            tickets,
            has_files: !self.files().is_empty(),
        }
    }
}

impl Shown<'_> {
    fn ticket(&self, number: usize, ticket: &DueTicket, asked: &[&Question]) -> TicketView {
        let tier = self.offer.tier(ticket.tier);
        let tier = tier.map_or("Ticket", |tier| tier.name.as_str());
        let seat: Vec<&str> = ticket.seat.iter().map(|seat| seat.label.as_str()).collect();
        let mut questions = vec![
            self.holder(
                number,
                "name",
                "Name of who comes",
                "Leave it empty if it is you.",
            ),
            self.holder(
                number,
                "email",
                "E-mail address of who comes",
                "If they may be written to.",
            ),
        ];
        let asked = asked.iter().map(|one| self.question(one, Some(number)));
        questions.extend(asked);
        TicketView {
            title: match self.asked.tickets.len() {
                1 => format!("Ticket: {tier}"),
                all => format!("Ticket {} of {all}: {tier}", number.saturating_add(1)),
            },
            place: place(self.offer, ticket.occurrence, &seat),
            questions,
        }
    }

    /// Who comes with a ticket: no question of the event, and never one that must be answered.
    fn holder(&self, number: usize, name: &str, label: &str, hint: &str) -> QuestionView {
        let field = field(Some(number), name);
        let (kind, most) = if name == "name" {
            ("text", "200")
        } else {
            ("email", "254")
        };
        let line = LineView {
            most: most.to_owned(),
            ..line(kind, self.fields.text(&field).to_owned())
        };
        let mut view = QuestionView::new(field, ours(label.to_owned()), self.faults);
        hint.clone_into(&mut view.hint);
        view.line = Some(line);
        view.described()
    }

    fn text(&self, texts: &Texts) -> TextView {
        TextView::from(self.offer.event.text_in(texts, self.wanted))
    }

    fn question(&self, question: &Question, ticket: Option<usize>) -> QuestionView {
        let name = field(ticket, question.id);
        let mut view = QuestionView::new(name, self.text(&question.label), self.faults);
        view.help = self.text(&question.help);
        view.is_required = question.required;
        view.hint = hint(&question.asks);
        for clause in &question.when {
            view.only_if.extend(self.only_if(clause));
        }
        if !question.when.is_empty() {
            view.when = self.clauses(&question.when, ticket);
        }
        self.fill(&mut view, question);
        view.described()
    }

    /// Gives a question its field.
    fn fill(&self, view: &mut QuestionView, question: &Question) {
        let said = self.fields.text(&view.field).to_owned();
        match &question.asks {
            QuestionKind::Text { lines: true, .. } => view.lines = Some(said),
            QuestionKind::Text { max_length, .. } => {
                view.line = Some(LineView {
                    most: max_length.to_string(),
                    ..line("text", said)
                });
            }
            QuestionKind::Number { min, .. } => {
                view.line = Some(LineView {
                    // Keys of digits have no minus.
                    mode: match min {
                        Some(0..) => "numeric",
                        Some(_) | None => "",
                    },
                    most: "20".to_owned(),
                    ..line("text", said)
                });
            }
            QuestionKind::Choice { choices } => {
                let mut all = self.choices(choices, &[said.as_str()]);
                if choices.len() > MOST_SHOWN {
                    view.list = Some(all);
                } else {
                    if !question.required {
                        // What was chosen by mistake can be taken back.
                        all.push(ChoiceView {
                            value: String::new(),
                            is_chosen: said.is_empty(),
                            label: ours("No answer".to_owned()),
                        });
                    }
                    view.radios = Some(all);
                }
            }
            QuestionKind::MultiChoice { choices, .. } => {
                view.boxes = Some(self.choices(choices, &self.fields.all(&view.field)));
            }
            QuestionKind::Date { from, until } => {
                let text =
                    |day: &Option<Day>| day.map_or_else(String::new, |day| day.0.to_string());
                view.line = Some(LineView {
                    from: text(from),
                    until: text(until),
                    ..line("date", said)
                });
            }
            QuestionKind::Country { allowed } => view.list = Some(countries_of(allowed, &said)),
            QuestionKind::Phone => {
                view.line = Some(LineView {
                    most: "32".to_owned(),
                    ..line("tel", said)
                });
            }
            QuestionKind::Email => {
                view.line = Some(LineView {
                    most: "254".to_owned(),
                    ..line("email", said)
                });
            }
            QuestionKind::File { accept, .. } => view.file = Some(self.file(view, accept, said)),
            QuestionKind::Consent => view.consent = Some(said == "true"),
        }
    }

    fn choices(&self, choices: &[Choice], said: &[&str]) -> Vec<ChoiceView> {
        let all = choices.iter().map(|choice| ChoiceView {
            value: choice.key.clone(),
            label: self.text(&choice.label),
            is_chosen: said.contains(&choice.key.as_str()),
        });
        all.collect()
    }

    /// A file: one that was sent stays the answer unless it is refused.
    fn file(&self, view: &QuestionView, accept: &[FileType], said: String) -> FileView {
        let is_sent = view.fault.is_none() && said.parse::<FileId>().is_ok();
        let name = self.fields.text(&format!("{}-name", view.field));
        let name = if name.is_empty() { "a file" } else { name };
        let types: Vec<&str> = accept.iter().map(|one| one.media_type()).collect();
        FileView {
            accept: types.join(","),
            sent: is_sent.then(|| SentView {
                id: said,
                name: name.to_owned(),
            }),
        }
    }

    /// What a condition says.
    fn only_if(&self, clause: &Clause) -> Option<String> {
        let mut questions = self.asked.form.questions.iter();
        let other = questions.find(|question| question.id == clause.question)?;
        let label = self.text(&other.label);
        if clause.is.is_empty() {
            return Some(format!("Only if you answer “{label}”."));
        }
        if matches!(other.asks, QuestionKind::Consent) {
            return match clause.is.as_slice() {
                [yes] if yes == "true" => Some(format!("Only if you agree to “{label}”.")),
                [no] if no == "false" => Some(format!("Only if you do not agree to “{label}”.")),
                _ => None,
            };
        }
        let values: Vec<String> = clause
            .is
            .iter()
            .map(|value| self.words(other, value))
            .collect();
        Some(format!("Only if “{label}” is {}.", values.join(" or ")))
    }

    /// A value as the form says it.
    fn words(&self, question: &Question, value: &str) -> String {
        let mut choices = question.asks.choices().iter();
        let choice = choices.find(|choice| choice.key == value);
        match (choice, value.parse::<Country>()) {
            (Some(choice), _) => format!("“{}”", self.text(&choice.label)),
            (None, Ok(country)) => countries::name(country.code()).to_owned(),
            (None, Err(_)) => format!("“{value}”"),
        }
    }

    /// Conditions as the script reads them.
    fn clauses(&self, clauses: &[Clause], ticket: Option<usize>) -> String {
        let all = clauses.iter().map(|clause| {
            let mut questions = self.asked.form.questions.iter();
            let is_of_order =
                questions.any(|one| one.id == clause.question && one.per == AskedPer::Order);
            let ticket = ticket.filter(|_| !is_of_order);
            json!({"field": field(ticket, clause.question), "is": clause.is})
        });
        serde_json::Value::Array(all.collect()).to_string()
    }
}

fn line(kind: &'static str, value: String) -> LineView {
    LineView {
        kind,
        value,
        ..LineView::default()
    }
}

fn countries_of(allowed: &[Country], said: &str) -> Vec<ChoiceView> {
    let is_allowed =
        |code: &str| allowed.is_empty() || allowed.iter().any(|country| country.code() == code);
    countries::all()
        .filter(|one| is_allowed(one.0))
        .map(|(code, name)| ChoiceView {
            value: code.to_owned(),
            label: ours(name.to_owned()),
            is_chosen: code == said,
        })
        .collect()
}

/// What an answer may be; empty if the field says it.
fn hint(kind: &QuestionKind) -> String {
    let between = |from: Option<String>, until: Option<String>| match (from, until) {
        (Some(from), Some(until)) => format!("From {from} to {until}."),
        (Some(from), None) => format!("From {from}."),
        (None, Some(until)) => format!("Until {until}."),
        (None, None) => String::new(),
    };
    match kind {
        QuestionKind::Text { max_length, .. } => format!("At most {max_length} characters."),
        QuestionKind::Number {
            min: None,
            max: None,
        } => "A whole number.".to_owned(),
        QuestionKind::Number { min, max } => {
            between(min.map(|n| n.to_string()), max.map(|n| n.to_string()))
        }
        QuestionKind::MultiChoice { min, max, .. } => match max {
            Some(max) if max == min => format!("Choose {max}."),
            Some(max) if *min > 1 => format!("Choose {min} to {max}."),
            Some(max) => format!("Choose at most {max}."),
            None if *min > 1 => format!("Choose at least {min}."),
            None => String::new(),
        },
        QuestionKind::Date { from, until } => {
            let words = |day: &Day| day.0.strftime("%-d %B %Y").to_string();
            between(from.as_ref().map(words), until.as_ref().map(words))
        }
        QuestionKind::Phone => "With its country, such as +386 40 123 456.".to_owned(),
        QuestionKind::File { accept, max_bytes } => {
            let types: Vec<String> = accept
                .iter()
                .map(|one| one.as_str().to_uppercase())
                .collect();
            let size = match max_bytes / (1024 * 1024) {
                0 => format!("{} KB", (max_bytes / 1024).max(1)),
                mib => format!("{mib} MB"),
            };
            format!("{}, at most {size}.", types.join(", "))
        }
        QuestionKind::Choice { .. }
        | QuestionKind::Country { .. }
        | QuestionKind::Email
        | QuestionKind::Consent => String::new(),
    }
}
