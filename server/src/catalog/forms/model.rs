//! Forms as they are said and shown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bilten_kernel::error::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::model::questions::{
    AskedAt, AskedPer, Choice, Clause, Question, QuestionId, QuestionKind,
};
use crate::catalog::model::texts::{TextLimits, Texts};
use crate::catalog::model::{EventId, TierId};

/// The questions that an event asks now, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The version of the event that they were read with.
    pub event_version: i64,
    /// The questions.
    pub questions: Vec<Question>,
}

/// The questions of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FormView {
    /// The version of the event; a change must say which one it starts from.
    pub version: i64,
    /// What is asked now, in its order.
    pub questions: Vec<Question>,
    /// What was asked once and is not any more; it may have answers.
    pub retired: Vec<Question>,
}

/// The questions that somebody answers who buys tickets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ShopForm {
    /// What is asked at purchase, in its order.
    pub questions: Vec<Question>,
}

/// What another answer must be, as an organiser says it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClauseInput {
    /// The other question: its id, or `#` and its place in this form, counted from 0.
    pub question: String,
    /// Any of these: keys of choices, codes of countries, `true` or `false` of a consent. Empty means
    /// that it has any answer at all.
    #[serde(default)]
    pub is: Vec<String>,
}

/// A question as an organiser says it: a [`Question`] but for its id and its conditions. They share no
/// part, for what serde flattens cannot refuse fields that it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionInput {
    /// Its id, if it was asked before; a new question gets one.
    pub id: Option<QuestionId>,
    /// The question, by language.
    pub label: Texts,
    /// What helps to answer it, by language.
    #[serde(default)]
    pub help: Texts,
    /// What kind of answer it wants; always the same kind for the same question.
    pub asks: QuestionKind,
    /// What it is asked about.
    pub per: AskedPer,
    /// When it is asked.
    #[serde(rename = "stage")]
    pub at: AskedAt,
    /// Whether it must be answered.
    #[serde(default)]
    pub required: bool,
    /// The tiers it is asked of; empty means all.
    #[serde(default)]
    pub tiers: Vec<TierId>,
    /// What other answers must be for it to be asked; all of these.
    #[serde(default)]
    pub when: Vec<ClauseInput>,
}

/// The questions of an event, all of them: those that are not named are retired.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormInput {
    /// The version of the event that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// What is asked, in its order.
    pub questions: Vec<QuestionInput>,
}

/// Turns what an organiser says into questions; `new_id` gives ids to those that have none.
///
/// # Errors
/// What is wrong with texts and conditions; whether it is a form is for
/// [`check_form`](crate::catalog::questions::check_form).
pub(super) fn questions_from(
    input: Vec<QuestionInput>,
    mut new_id: impl FnMut() -> QuestionId,
) -> Result<Vec<Question>, Vec<FieldError>> {
    let mut faults = Vec::new();
    let ids: Vec<QuestionId> = input
        .iter()
        .map(|question| question.id.unwrap_or_else(&mut new_id))
        .collect();
    let mut questions = Vec::with_capacity(input.len());
    for ((i, said), id) in input.into_iter().enumerate().zip(&ids) {
        let at = format!("questions[{i}]");
        let mut when = Vec::with_capacity(said.when.len());
        for (j, clause) in said.when.into_iter().enumerate() {
            match named(&clause.question, &ids) {
                Some(question) => when.push(Clause {
                    question,
                    is: clause.is,
                }),
                None => faults.push(FieldError {
                    field: format!("{at}.when[{j}].question"),
                    code: "unknown_question".into(),
                    detail: "must be the id of a question, or # and its place in this form"
                        .to_owned(),
                }),
            }
        }
        let mut texts = |field: &str, texts: &Texts, limits: TextLimits| {
            texts.checked(field, limits).unwrap_or_else(|more| {
                faults.extend(more);
                Texts::default()
            })
        };
        questions.push(Question {
            id: *id,
            label: texts(&format!("{at}.label"), &said.label, TextLimits::line(500)),
            help: texts(&format!("{at}.help"), &said.help, TextLimits::prose(2_000)),
            asks: with_labels(said.asks, |j, label| {
                let field = format!("{at}.asks.choices[{j}].label");
                texts(&field, label, TextLimits::line(200))
            }),
            per: said.per,
            at: said.at,
            required: said.required,
            tiers: said.tiers,
            when,
        });
    }
    if faults.is_empty() {
        Ok(questions)
    } else {
        Err(faults)
    }
}

/// The question that a condition names.
fn named(text: &str, ids: &[QuestionId]) -> Option<QuestionId> {
    match text.strip_prefix('#') {
        Some(place) => ids.get(place.parse::<usize>().ok()?).copied(),
        None => text.parse().ok(),
    }
}

/// A kind of answer with each of its choices' labels turned into another.
fn with_labels(kind: QuestionKind, mut turn: impl FnMut(usize, &Texts) -> Texts) -> QuestionKind {
    let mut turned = |choices: Vec<Choice>| -> Vec<Choice> {
        let all = choices.into_iter().enumerate();
        all.map(|(i, choice)| Choice {
            label: turn(i, &choice.label),
            key: choice.key,
        })
        .collect()
    };
    match kind {
        QuestionKind::Choice { choices } => QuestionKind::Choice {
            choices: turned(choices),
        },
        QuestionKind::MultiChoice { choices, min, max } => QuestionKind::MultiChoice {
            choices: turned(choices),
            min,
            max,
        },
        other @ (QuestionKind::Text { .. }
        | QuestionKind::Number { .. }
        | QuestionKind::Date { .. }
        | QuestionKind::Country { .. }
        | QuestionKind::Phone
        | QuestionKind::Email
        | QuestionKind::File { .. }
        | QuestionKind::Consent) => other,
    }
}

/// Forms as they were read, by the version of their event: an event that changes has another.
#[derive(Default)]
pub struct Forms(Mutex<HashMap<EventId, Arc<Form>>>);

/// How many forms are kept.
const MOST: usize = 1_000;

impl Forms {
    pub(super) fn get(&self, event: EventId, version: i64) -> Option<Arc<Form>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let form = kept.get(&event)?;
        (form.event_version == version).then(|| Arc::clone(form))
    }

    pub(super) fn put(&self, event: EventId, form: Arc<Form>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(event, form);
    }
}
