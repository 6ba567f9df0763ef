//! Whether questions make a form.

use std::collections::{HashMap, HashSet};

use bilten_kernel::error::FieldError;

use super::{
    AskedAt, AskedPer, Clause, FileType, MAX_ANSWER, MAX_CHOICES, MAX_CLAUSES, MAX_FILE_BYTES,
    MAX_QUESTIONS, Question, QuestionId, QuestionKind,
};
use crate::catalog::model::country::Country;

/// Collects what is wrong, with where.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: String, code: &'static str, detail: &str) {
        self.0.push(FieldError {
            field,
            code: code.into(),
            detail: detail.to_owned(),
        });
    }
}

/// Whether the questions of an event make a form that can be answered.
///
/// # Errors
/// All that is wrong, by the place of the question (`questions[2].when[0]`).
pub fn check_form(questions: &[Question]) -> Result<(), Vec<FieldError>> {
    let mut faults = Faults::default();
    if questions.len() > MAX_QUESTIONS {
        faults.add(
            "questions".into(),
            "too_many",
            "there are too many questions",
        );
        return Err(faults.0);
    }
    let by_id: HashMap<QuestionId, &Question> = questions.iter().map(|q| (q.id, q)).collect();
    let mut seen = HashSet::new();
    for (i, question) in questions.iter().enumerate() {
        let at = format!("questions[{i}]");
        if !seen.insert(question.id) {
            faults.add(format!("{at}.id"), "twice", "two questions have this id");
        }
        if question.label.is_empty() {
            faults.add(format!("{at}.label"), "required", "a question needs words");
        }
        check_kind(&mut faults, &at, &question.asks);
        if question.when.len() > MAX_CLAUSES {
            faults.add(
                format!("{at}.when"),
                "too_many",
                "there are too many clauses",
            );
        }
        for (j, clause) in question.when.iter().enumerate() {
            let at = format!("{at}.when[{j}]");
            match by_id.get(&clause.question) {
                None => faults.add(at, "unknown_question", "there is no such question"),
                Some(other) => check_clause(&mut faults, &at, question, clause, other),
            }
        }
    }
    for (i, question) in questions.iter().enumerate() {
        if waits_for_itself(question, &by_id) {
            let at = format!("questions[{i}].when");
            faults.add(at, "cycle", "the question waits for its own answer");
        }
    }
    if faults.0.is_empty() {
        Ok(())
    } else {
        Err(faults.0)
    }
}

/// Whether the condition of a question leads back to it.
fn waits_for_itself(question: &Question, by_id: &HashMap<QuestionId, &Question>) -> bool {
    let mut seen = HashSet::new();
    let mut next: Vec<QuestionId> = question.when.iter().map(|c| c.question).collect();
    while let Some(id) = next.pop() {
        if id == question.id {
            return true;
        }
        if seen.insert(id)
            && let Some(other) = by_id.get(&id)
        {
            next.extend(other.when.iter().map(|clause| clause.question));
        }
    }
    false
}

fn check_clause(
    faults: &mut Faults,
    at: &str,
    question: &Question,
    clause: &Clause,
    other: &Question,
) {
    if question.per == AskedPer::Order && other.per == AskedPer::Ticket {
        let detail = "a question of the order cannot wait for one of its tickets";
        faults.add(at.to_owned(), "wider_scope", detail);
    }
    if question.at == AskedAt::Purchase && other.at == AskedAt::CheckIn {
        let detail = "the other question is asked later";
        faults.add(at.to_owned(), "asked_later", detail);
    }
    let can_be = |value: &str| match &other.asks {
        QuestionKind::Choice { choices } | QuestionKind::MultiChoice { choices, .. } => {
            choices.iter().any(|choice| choice.key == value)
        }
        QuestionKind::Country { .. } => value.parse::<Country>().is_ok(),
        QuestionKind::Consent => matches!(value, "true" | "false"),
        // Of these a condition can only ask whether they are answered.
        QuestionKind::Text { .. }
        | QuestionKind::Number { .. }
        | QuestionKind::Date { .. }
        | QuestionKind::Phone
        | QuestionKind::Email
        | QuestionKind::File { .. } => false,
    };
    if clause.is.len() > MAX_CHOICES || !clause.is.iter().all(|value| can_be(value)) {
        let detail = "the other question never has this answer";
        faults.add(format!("{at}.is"), "impossible", detail);
    }
}

fn check_kind(faults: &mut Faults, at: &str, kind: &QuestionKind) {
    let at = format!("{at}.asks");
    match kind {
        QuestionKind::Text { max_length, .. } => {
            if !(1..=MAX_ANSWER).contains(max_length) {
                faults.add(
                    format!("{at}.max_length"),
                    "out_of_range",
                    "is out of range",
                );
            }
        }
        QuestionKind::Number { min, max } => {
            if min.zip(*max).is_some_and(|(min, max)| min > max) {
                faults.add(format!("{at}.max"), "out_of_range", "is below the least");
            }
        }
        QuestionKind::Date { from, until } => {
            if from.zip(*until).is_some_and(|(from, until)| from > until) {
                let detail = "is before the first day";
                faults.add(format!("{at}.until"), "out_of_range", detail);
            }
        }
        QuestionKind::MultiChoice { choices, min, max } => {
            let all = u32::try_from(choices.len()).unwrap_or(u32::MAX);
            let max = max.unwrap_or(all);
            if *min == 0 || *min > max || max > all {
                let detail = "the fewest and the most do not fit the choices";
                faults.add(format!("{at}.max"), "out_of_range", detail);
            }
        }
        QuestionKind::File { accept, max_bytes } => {
            check_file(faults, &at, accept, *max_bytes);
        }
        QuestionKind::Choice { .. }
        | QuestionKind::Country { .. }
        | QuestionKind::Phone
        | QuestionKind::Email
        | QuestionKind::Consent => {}
    }
    if matches!(
        kind,
        QuestionKind::Choice { .. } | QuestionKind::MultiChoice { .. }
    ) {
        check_choices(faults, &format!("{at}.choices"), kind);
    }
}

fn check_file(faults: &mut Faults, at: &str, accept: &[FileType], max_bytes: u32) {
    if accept.is_empty() {
        let detail = "no type of files is taken";
        faults.add(format!("{at}.accept"), "required", detail);
    }
    for (i, kind) in accept.iter().enumerate() {
        if accept.iter().take(i).any(|before| before == kind) {
            let detail = "this type is there before";
            faults.add(format!("{at}.accept[{i}]"), "twice", detail);
        }
    }
    if !(1..=MAX_FILE_BYTES).contains(&max_bytes) {
        let detail = "must be from 1 byte to 10 MiB";
        faults.add(format!("{at}.max_bytes"), "out_of_range", detail);
    }
}

fn check_choices(faults: &mut Faults, at: &str, kind: &QuestionKind) {
    let choices = kind.choices();
    if choices.is_empty() {
        faults.add(at.to_owned(), "required", "there is nothing to choose");
    }
    if choices.len() > MAX_CHOICES {
        faults.add(at.to_owned(), "too_many", "there are too many choices");
        return;
    }
    let mut seen = HashSet::new();
    for (i, choice) in choices.iter().enumerate() {
        let is_key = (1..=50).contains(&choice.key.len())
            && choice
                .key
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if !is_key {
            let detail = "may have lower-case letters, digits, _ and -, at most 50";
            faults.add(format!("{at}[{i}].key"), "key", detail);
        }
        if !seen.insert(choice.key.as_str()) {
            faults.add(
                format!("{at}[{i}].key"),
                "twice",
                "two choices have this key",
            );
        }
        if choice.label.is_empty() {
            faults.add(
                format!("{at}[{i}].label"),
                "required",
                "a choice needs words",
            );
        }
    }
}
