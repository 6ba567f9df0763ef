//! Writing down what was taken down, a batch at a time.

use std::future::Future;
use std::time::Duration;

use bilten_kernel::db::DbError;

use crate::app::App;
use crate::inspect::model::{Captured, LoggedRequestId};
use crate::inspect::store::{self, NewRow};

use super::InspectError;

/// How many are written at once.
const BATCH: usize = 200;
/// How long others are waited for that can be written together with the first.
const GATHER: Duration = Duration::from_millis(100);

/// For what the first part of a request is sealed.
pub(in crate::inspect) fn head_purpose(id: impl std::fmt::Display) -> String {
    format!("api request {id}")
}

/// For what a request's headers and bodies are sealed.
pub(in crate::inspect) fn detail_purpose(id: impl std::fmt::Display) -> String {
    format!("api request detail {id}")
}

/// Writes down what the layer takes down, until told to stop and nothing waits any more.
pub async fn write_down(app: &App, stop: impl Future<Output = ()> + Send) {
    let mut stop = std::pin::pin!(stop);
    let mut waiting = tokio::select! {
        () = &mut stop => return,
        waiting = app.inspector.waiting() => waiting,
    };
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            () = &mut stop => break,
            received = waiting.recv_many(&mut batch, BATCH) => {
                if received == 0 {
                    return;
                }
            }
        }
        if batch.len() < BATCH {
            tokio::time::sleep(GATHER).await;
            while batch.len() < BATCH
                && let Ok(captured) = waiting.try_recv()
            {
                batch.push(captured);
            }
        }
        write(app, std::mem::take(&mut batch)).await;
    }
    loop {
        while batch.len() < BATCH
            && let Ok(captured) = waiting.try_recv()
        {
            batch.push(captured);
        }
        if batch.is_empty() {
            return;
        }
        write(app, std::mem::take(&mut batch)).await;
    }
}

/// Writes a batch; what cannot be written is counted and forgotten.
async fn write(app: &App, batch: Vec<Captured>) {
    let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
    match try_write(app, batch).await {
        Ok(()) => app.inspector.note_kept(count),
        Err(error) => {
            app.inspector.note_failed(count);
            tracing::warn!(%error, count, "requests of programs are not kept");
        }
    }
}

async fn try_write(app: &App, batch: Vec<Captured>) -> Result<(), InspectError> {
    let work = app.clone();
    // Masking and sealing would hold up whoever is served on the same thread.
    let sealed = tokio::task::spawn_blocking(move || {
        let drawn = |_: &Captured| LoggedRequestId::new(&*work.clock, &*work.random);
        // In the order in which they were answered, also within one millisecond.
        let mut ids: Vec<LoggedRequestId> = batch.iter().map(drawn).collect();
        ids.sort_unstable();
        ids.into_iter()
            .zip(batch)
            .map(|(id, captured)| seal(&work, id, captured))
            .collect::<Result<Vec<_>, _>>()
    });
    let rows = match sealed.await {
        Ok(rows) => rows?,
        Err(error) => {
            return Err(InspectError::Db(DbError::Fault {
                at: "inspect::write",
                detail: error.to_string(),
            }));
        }
    };
    app.db
        .write(move |c| Box::pin(async move { store::insert(c, rows).await }))
        .await?;
    Ok(())
}

fn seal(app: &App, id: LoggedRequestId, captured: Captured) -> Result<NewRow, InspectError> {
    let head = serde_json::to_vec(&captured.head())?;
    let detail = serde_json::to_vec(&captured.detail())?;
    Ok(NewRow {
        id,
        sealed_head: app.vault.seal(&head_purpose(id), &head, &*app.random)?,
        sealed_detail: app.vault.seal(&detail_purpose(id), &detail, &*app.random)?,
        captured,
    })
}
