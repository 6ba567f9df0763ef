//! What is due to an endpoint is found with little work, whatever PostgreSQL believes to be in the table.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;
use bilten_kernel::testing::{Engine, TestDb, statement_with};
use bilten_kernel::{sql, vals};
use bilten_server::identity;

use super::endpoint;
use crate::app::TestApp;

const DELIVERIES: usize = 5_000;
/// A time that the server does not wait for.
const FAR: Timestamp = Timestamp::from_ms(9_000_000_000_000);
const LATER: Timestamp = Timestamp::from_ms(9_000_000_060_000);

/// covers: GW-10, BE-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_deliveries_goes_through_them_once_by_whatever_statistics() {
    if Engine::Postgres.is_left_out() {
        return;
    }
    let claim = statement_with(&["UPDATE webhook_deliveries SET claimed_until", "SKIP LOCKED"]);
    for what in ["never filled", "sent"] {
        let t = TestApp::start(TestDb::new(Engine::Postgres).await).await;
        let (endpoint, _) =
            endpoint(&t.organiser, "https://127.0.0.1:9/hook", &["order.paid"]).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
            .await
            .unwrap();
        if what == "never filled" {
            t.test_db().keep_statistics("webhook_deliveries").await;
        }
        let name = |n: usize| format!("{n:05}");
        let messages: Vec<_> = (0..DELIVERIES)
            .map(|n| vals![name(n), organisation.id, FAR])
            .collect();
        let sent: Vec<_> = (0..DELIVERIES)
            .map(|n| vals![name(n), &endpoint, FAR])
            .collect();
        t.app
            .db
            .write(move |c| {
                Box::pin(async move {
                    let message = sql!(
                        "INSERT INTO webhook_messages (id, organisation_id, event_type, payload, occurred_at, created_at)
                         VALUES ($1, $2, 'order.paid', '{}', $3, $3)"
                    );
                    c.insert_many(message, messages).await?;
                    let delivery = sql!(
                        "INSERT INTO webhook_deliveries (id, message_id, endpoint_id, event_type, state, attempts,
                             most_attempts, next_at, started_at, created_at, give_up_at)
                         VALUES ($1, $1, $2, 'order.paid', 'failed', 1, 1, $3, $3, $3, $3)"
                    );
                    c.insert_many(delivery, sent).await
                })
            })
            .await
            .map(|count| assert_eq!(count, 5_000))
            .unwrap_or_else(|error: DbError| panic!("{error}"));
        if what == "sent" {
            t.test_db().keep_statistics("webhook_deliveries").await;
        }
        t.app
            .db
            .write(|c| {
                Box::pin(async move {
                    let again = sql!("UPDATE webhook_deliveries SET state = 'pending'");
                    c.exec(again, vals![]).await
                })
            })
            .await
            .map(|count| assert_eq!(count, 5_000))
            .unwrap_or_else(|error: DbError| panic!("{error}"));
        let visited = t
            .test_db()
            .rows_visited(claim, vals![&endpoint, FAR, LATER, 4_i64])
            .await;
        // Each delivery in every step of a plan, and compared with the four that are claimed.
        assert!(
            visited > 4.0 && visited < 40.0 * 5_000.0,
            "{what}: {visited} rows"
        );
        t.stop().await;
    }
}
