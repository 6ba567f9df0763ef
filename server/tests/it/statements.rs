//! Every SQL statement of the program is understood by both engines.

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::check_statements;
use bilten_kernel::on_both_engines;
use bilten_server::MIGRATIONS;

on_both_engines! {
    /// covers: DB-2, DB-8
    async fn every_statement_is_prepared(db: TestDb) {
        db.migrate(&[bilten_kernel::MIGRATIONS, MIGRATIONS], SystemClock.now()).await.unwrap();
        let statements = check_statements(&db).await.unwrap();
        // Were the linker to drop the list, this check would check nothing.
        assert!(statements > 60, "only {statements} statements were found");
    }
}
