//! Reading and saving the questions of an event.

use std::collections::{HashMap, HashSet};
use std::mem::discriminant;
use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::IfMatch;

use super::model::*;
use super::store;
use crate::app::App;
use crate::catalog::model::questions::{MAX_QUESTIONS, Question, QuestionId, check_form};
use crate::catalog::model::{EventDetail, EventId, TierId};
use crate::catalog::service::change::{Edit, StartsFrom, change};
use crate::catalog::service::{CatalogError, detail_of, offer};
use crate::identity::Tenant;

/// The questions that an event asks now, inside a read or write that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn questions_in(c: &mut Conn, event: EventId) -> Result<Vec<Question>, DbError> {
    let all = store::questions(c, event).await?;
    Ok(all
        .into_iter()
        .filter(|(_, retired_at)| retired_at.is_none())
        .map(|(question, _)| question)
        .collect())
}

/// The questions that an event asks, as old as its [`offer`]: a form that has changed since belongs
/// to another version of the event, with which nothing is sold any more.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn questions_of(app: &App, event: EventId) -> Result<Arc<Form>, CatalogError> {
    let version = offer(app, event).await?.event.version;
    if let Some(form) = app.forms.get(event, version) {
        return Ok(form);
    }
    let questions = app
        .db
        .read(move |c| Box::pin(async move { questions_in(c, event).await }))
        .await?;
    let form = Arc::new(Form {
        event_version: version,
        questions,
    });
    app.forms.put(event, Arc::clone(&form));
    Ok(form)
}

/// The questions of an organisation's event, with those that are not asked any more.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn form_of(app: &App, tenant: &Tenant, id: EventId) -> Result<FormView, CatalogError> {
    let detail = detail_of(app, tenant, id).await?;
    view(app, &detail).await
}

async fn view(app: &App, detail: &EventDetail) -> Result<FormView, CatalogError> {
    let id = detail.event.id;
    let all = app
        .db
        .read(move |c| Box::pin(async move { store::questions(c, id).await }))
        .await?;
    let (retired, asked): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(_, retired_at)| retired_at.is_some());
    let only = |all: Vec<(Question, Option<Timestamp>)>| -> Vec<Question> {
        all.into_iter().map(|(question, _)| question).collect()
    };
    Ok(FormView {
        version: detail.event.version,
        questions: only(asked),
        retired: only(retired),
    })
}

/// Saves the questions of an event, all of them: those that are not named are retired.
///
/// # Errors
/// [`CatalogError::NotFound`], [`CatalogError::Invalid`], [`CatalogError::VersionConflict`],
/// [`CatalogError::Stale`], or a fault of the database.
pub async fn save_form(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    input: FormInput,
) -> Result<FormView, CatalogError> {
    let version = input.version;
    let from = StartsFrom { seen, version };
    let (work, said) = (app.clone(), from.clone());
    let edit = move |detail: &mut EventDetail| -> Result<Edit, CatalogError> {
        said.is_said()?;
        checked(&work, detail, input.questions).map(Edit::Form)
    };
    let detail = change(app, tenant, id, from, actor, "questions_saved", edit).await?;
    view(app, &detail).await
}

/// What an organiser says, if it is a form that can be answered.
fn checked(
    app: &App,
    detail: &EventDetail,
    input: Vec<QuestionInput>,
) -> Result<FormChange, CatalogError> {
    if input.len() > MAX_QUESTIONS {
        return Err(CatalogError::Invalid(vec![FieldError {
            field: "questions".to_owned(),
            code: "too_many".into(),
            detail: format!("at most {MAX_QUESTIONS}"),
        }]));
    }
    let known = input.iter().filter_map(|question| question.id).collect();
    let new_id = || QuestionId::new(&*app.clock, &*app.random);
    let questions = questions_from(input, new_id).map_err(CatalogError::Invalid)?;
    check_form(&questions).map_err(CatalogError::Invalid)?;
    let mut faults = Vec::new();
    for (i, question) in questions.iter().enumerate() {
        for (j, tier) in question.tiers.iter().enumerate() {
            if detail.tier(*tier).is_none() {
                faults.push(FieldError {
                    field: format!("questions[{i}].tiers[{j}]"),
                    code: "unknown".into(),
                    detail: "the event has no such tier".to_owned(),
                });
            }
        }
    }
    if faults.is_empty() {
        Ok(FormChange { questions, known })
    } else {
        Err(CatalogError::Invalid(faults))
    }
}

/// Questions that are to be saved.
pub(in crate::catalog) struct FormChange {
    /// All of them, in their order.
    questions: Vec<Question>,
    /// Those that the caller knows: nobody makes up an id, which might be that of somebody else's.
    known: HashSet<QuestionId>,
}

/// Writes the questions of an event inside the write that changes it.
pub(in crate::catalog) async fn save_in(
    c: &mut Conn,
    event: EventId,
    form: FormChange,
    now: Timestamp,
) -> Result<(), CatalogError> {
    let before = store::questions(c, event).await?;
    let mut faults = Vec::new();
    for (i, question) in form.questions.iter().enumerate() {
        let own = before.iter().find(|(old, _)| old.id == question.id);
        match own {
            Some((old, _)) if discriminant(&old.asks) != discriminant(&question.asks) => {
                faults.push(FieldError {
                    field: format!("questions[{i}].asks.kind"),
                    code: "kind_changed".into(),
                    detail: "a question keeps its kind: ask a new one instead".to_owned(),
                });
            }
            None if form.known.contains(&question.id) => faults.push(FieldError {
                field: format!("questions[{i}].id"),
                code: "unknown_question".into(),
                detail: "the event has no such question; a new one has no id yet".to_owned(),
            }),
            Some(_) | None => {}
        }
    }
    if !faults.is_empty() {
        return Err(CatalogError::Invalid(faults));
    }
    let gone: Vec<QuestionId> = before
        .iter()
        .filter(|(old, retired_at)| {
            retired_at.is_none() && !form.questions.iter().any(|question| question.id == old.id)
        })
        .map(|(old, _)| old.id)
        .collect();
    store::retire(c, event, &gone, now).await?;
    store::put(c, event, &form.questions, now).await?;
    Ok(())
}

/// Gives a copy of an event what its model asks; `tiers` are those of the copy by those of the model.
pub(in crate::catalog) async fn copy_in(
    app: &App,
    c: &mut Conn,
    from: EventId,
    to: EventId,
    tiers: &HashMap<TierId, TierId>,
) -> Result<(), DbError> {
    let mut questions = questions_in(c, from).await?;
    let ids: HashMap<QuestionId, QuestionId> = questions
        .iter()
        .map(|question| {
            let new = QuestionId::new(&*app.clock, &*app.random);
            (question.id, new)
        })
        .collect();
    for question in &mut questions {
        if let Some(new) = ids.get(&question.id) {
            question.id = *new;
        }
        question.tiers = question
            .tiers
            .iter()
            .filter_map(|tier| tiers.get(tier).copied())
            .collect();
        for clause in &mut question.when {
            if let Some(new) = ids.get(&clause.question) {
                clause.question = *new;
            }
        }
    }
    store::put(c, to, &questions, app.now()).await
}
