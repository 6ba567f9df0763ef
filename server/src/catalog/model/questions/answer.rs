//! Answers, and whether they answer a form.

use std::collections::BTreeMap;

use bilten_kernel::error::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{AskedAt, AskedPer, Choice, Day, Question, QuestionId, QuestionKind, day};
use crate::catalog::model::country::Country;
use crate::catalog::model::texts;
use crate::catalog::model::{FileId, TierId};
use crate::identity::{Email, Phone};

/// An answer that fits its question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Answer {
    /// Words, in NFC.
    Text(String),
    /// A whole number.
    Number(i64),
    /// The key of a choice.
    Choice(String),
    /// Keys of choices, in the order of the question.
    MultiChoice(Vec<String>),
    /// A day.
    Date(Day),
    /// A country.
    Country(Country),
    /// A telephone number.
    Phone(Phone),
    /// An e-mail address.
    Email(Email),
    /// A file; who sells makes sure that it was sent for this question, and is nobody else's.
    File(FileId),
    /// Yes or no.
    Consent(bool),
}

impl Answer {
    /// Whether it is what a condition asks for.
    fn is_one_of(&self, wanted: &[String]) -> bool {
        let is = |value: &str| wanted.iter().any(|wanted| wanted == value);
        match self {
            Self::Choice(key) => is(key),
            Self::MultiChoice(keys) => keys.iter().any(|key| is(key)),
            Self::Country(country) => is(country.code()),
            Self::Consent(yes) => is(if *yes { "true" } else { "false" }),
            Self::Text(_)
            | Self::Number(_)
            | Self::Date(_)
            | Self::Phone(_)
            | Self::Email(_)
            | Self::File(_) => false,
        }
    }
}

/// Answers by question, as a caller says them.
pub type SaidAnswers = BTreeMap<QuestionId, Value>;
/// Answers by question, as they are kept.
pub type Answers = BTreeMap<QuestionId, Answer>;

/// What a caller says: for the order, and for each ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SaidForm {
    /// Answers of the order.
    #[schema(value_type = Object)]
    pub answers: SaidAnswers,
    /// Answers of each ticket.
    pub tickets: Vec<SaidTicket>,
}

/// What a caller says of one ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SaidTicket {
    /// Its answers.
    #[schema(value_type = Object)]
    pub answers: SaidAnswers,
}

/// The answers of an order and of its tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnsweredForm {
    /// Answers of the order.
    pub order: Answers,
    /// Answers of each ticket, in the order of the tickets.
    pub tickets: Vec<Answers>,
}

/// Checks what was said against a form: `tiers` are those of the tickets, in their order; `before` is
/// what was answered earlier (nothing, at purchase).
///
/// # Errors
/// All that is wrong, by field.
pub fn answer(
    questions: &[Question],
    at: AskedAt,
    tiers: &[TierId],
    said: &SaidForm,
    before: &AnsweredForm,
) -> Result<AnsweredForm, Vec<FieldError>> {
    let mut faults = Vec::new();
    if said.tickets.len() > tiers.len() {
        faults.push(fault("tickets", "too_many", "there are fewer tickets"));
        return Err(faults);
    }
    let of_order = Part {
        questions,
        at,
        per: AskedPer::Order,
        tiers,
        field: "answers".to_owned(),
    };
    let order = of_order.answer(&said.answers, &[&before.order], &mut faults);
    let nothing = SaidAnswers::new();
    let none = Answers::new();
    let mut tickets = Vec::with_capacity(tiers.len());
    for (i, tier) in tiers.iter().enumerate() {
        let part = Part {
            questions,
            at,
            per: AskedPer::Ticket,
            tiers: std::slice::from_ref(tier),
            field: format!("tickets[{i}].answers"),
        };
        let said = said.tickets.get(i).map_or(&nothing, |said| &said.answers);
        let earlier = before.tickets.get(i).unwrap_or(&none);
        tickets.push(part.answer(said, &[&before.order, &order, earlier], &mut faults));
    }
    if faults.is_empty() {
        Ok(AnsweredForm { order, tickets })
    } else {
        Err(faults)
    }
}

/// The questions of an order, or of one ticket.
struct Part<'a> {
    questions: &'a [Question],
    at: AskedAt,
    per: AskedPer,
    tiers: &'a [TierId],
    field: String,
}

impl Part<'_> {
    /// Whether a question is asked here at all, conditions aside.
    fn asks(&self, question: &Question) -> bool {
        question.at == self.at
            && question.per == self.per
            && (question.tiers.is_empty()
                || self.tiers.iter().any(|tier| question.tiers.contains(tier)))
    }

    fn answer(
        &self,
        said: &SaidAnswers,
        known: &[&Answers],
        faults: &mut Vec<FieldError>,
    ) -> Answers {
        let mut answers = Answers::new();
        for id in said.keys() {
            if !self
                .questions
                .iter()
                .any(|q| q.id == *id && q.per == self.per)
            {
                let field = format!("{}.{id}", self.field);
                faults.push(fault(
                    &field,
                    "unknown_question",
                    "there is no such question",
                ));
            }
        }
        // A question waits until all that its condition names are settled; a form has no cycles,
        // so each round settles at least one, and what is left in the end waits for nothing here.
        let mut waiting: Vec<&Question> = self.questions.iter().filter(|q| self.asks(q)).collect();
        while !waiting.is_empty() {
            let ids: Vec<QuestionId> = waiting.iter().map(|q| q.id).collect();
            let (ready, later): (Vec<&Question>, Vec<&Question>) = waiting
                .iter()
                .copied()
                .partition(|q| !q.when.iter().any(|clause| ids.contains(&clause.question)));
            if ready.is_empty() {
                break;
            }
            for question in ready {
                let is_asked = question.when.iter().all(|clause| {
                    let answer = answers
                        .get(&clause.question)
                        .or_else(|| known.iter().find_map(|known| known.get(&clause.question)));
                    answer
                        .is_some_and(|answer| clause.is.is_empty() || answer.is_one_of(&clause.is))
                });
                if is_asked {
                    let field = format!("{}.{}", self.field, question.id);
                    match one(question, said.get(&question.id)) {
                        Ok(Some(answer)) => {
                            answers.insert(question.id, answer);
                        }
                        Ok(None) => {}
                        Err((code, detail)) => faults.push(fault(&field, code, detail)),
                    }
                }
            }
            waiting = later;
        }
        answers
    }
}

type Wrong = (&'static str, &'static str);

/// One answer; none where none is needed.
fn one(question: &Question, said: Option<&Value>) -> Result<Option<Answer>, Wrong> {
    let is_nothing = match said {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(Value::Array(all)) => all.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => false,
    };
    let answer = match said {
        Some(said) if !is_nothing => Some(read(&question.asks, said)?),
        _ => None,
    };
    match &answer {
        None if question.required => Err(("required", "must be answered")),
        Some(Answer::Consent(false)) if question.required => {
            Err(("consent_required", "must be agreed to"))
        }
        _ => Ok(answer),
    }
}

/// Reads an answer as its question wants it. Forms of pages say numbers and yes as text.
fn read(kind: &QuestionKind, said: &Value) -> Result<Answer, Wrong> {
    let text = || said.as_str().ok_or(("kind", "must be text"));
    match kind {
        QuestionKind::Text { max_length, lines } => {
            let text = texts::clean(text()?);
            if text.chars().count() > usize::try_from(*max_length).unwrap_or(usize::MAX) {
                return Err(("too_long", "is too long"));
            }
            if text.chars().any(|c| texts::is_unwanted(c, *lines)) {
                let detail = "must not contain control characters";
                return Err(("control_characters", detail));
            }
            Ok(Answer::Text(text))
        }
        QuestionKind::Number { min, max } => {
            let number = match said.as_str() {
                Some(text) => text.trim().parse::<i64>().ok(),
                None => said.as_i64(),
            };
            let number = number.ok_or(("number", "must be a whole number"))?;
            if min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max) {
                return Err(("out_of_range", "is out of range"));
            }
            Ok(Answer::Number(number))
        }
        QuestionKind::Choice { choices } => {
            let key = text()?;
            let choice = choices.iter().find(|choice| choice.key == key);
            let choice = choice.ok_or(("choice", "is not among the choices"))?;
            Ok(Answer::Choice(choice.key.clone()))
        }
        QuestionKind::MultiChoice { choices, min, max } => several(choices, *min, *max, said),
        QuestionKind::Date { from, until } => {
            let date = day(text()?).ok_or(("date", "must be a day like 2026-05-01"))?;
            if from.is_some_and(|from| date < from) || until.is_some_and(|until| date > until) {
                return Err(("out_of_range", "is out of range"));
            }
            Ok(Answer::Date(date))
        }
        QuestionKind::Country { allowed } => {
            let country = text()?.parse::<Country>();
            let country = country.map_err(|_| ("country", "must be the code of a country"))?;
            if !allowed.is_empty() && !allowed.contains(&country) {
                return Err(("choice", "is not among the countries"));
            }
            Ok(Answer::Country(country))
        }
        QuestionKind::Phone => text()?
            .parse::<Phone>()
            .map(Answer::Phone)
            .map_err(|_| ("phone", "must be a telephone number with its country")),
        QuestionKind::Email => text()?
            .parse::<Email>()
            .map(Answer::Email)
            .map_err(|_| ("email", "must be an e-mail address")),
        QuestionKind::File { .. } => text()?
            .parse::<FileId>()
            .map(Answer::File)
            .map_err(|_| ("file", "must be the id of a file")),
        QuestionKind::Consent => {
            let yes = match said.as_str() {
                Some(text) => text.parse::<bool>().ok(),
                None => said.as_bool(),
            };
            yes.map(Answer::Consent)
                .ok_or(("kind", "must be true or false"))
        }
    }
}

fn several(choices: &[Choice], min: u32, max: Option<u32>, said: &Value) -> Result<Answer, Wrong> {
    let said = said.as_array().ok_or(("kind", "must be a list"))?;
    // Nobody compares a million keys.
    if said.len() > choices.len() {
        return Err(("choice", "has more than the choices"));
    }
    let mut keys = Vec::new();
    for key in said {
        let key = key.as_str().ok_or(("kind", "must be a list of texts"))?;
        if !choices.iter().any(|choice| choice.key == key) {
            return Err(("choice", "is not among the choices"));
        }
        if keys.contains(&key) {
            return Err(("twice", "has a choice twice"));
        }
        keys.push(key);
    }
    let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
    if count < min {
        return Err(("too_few", "needs more choices"));
    }
    if max.is_some_and(|max| count > max) {
        return Err(("too_many", "has too many choices"));
    }
    let ordered = choices
        .iter()
        .filter(|choice| keys.contains(&choice.key.as_str()));
    Ok(Answer::MultiChoice(
        ordered.map(|choice| choice.key.clone()).collect(),
    ))
}

fn fault(field: &str, code: &'static str, detail: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        code: code.into(),
        detail: detail.to_owned(),
    }
}
