//! How the service is, in words for everybody.
//!
//! It says what people use and whether it works, never which machine, engine or error: that is for
//! administrators. It needs no database, so that it can say that there is none.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::Problem;
use jiff::tz::TimeZone;

use super::shell::{self, Privacy, Shell};
use super::text::{self, Moment};
use crate::app::App;
use crate::platform::{self, NoticeState};
use crate::telemetry::{Condition, Group, Outage};

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    shell: Shell,
    heading: &'static str,
    groups: Vec<GroupLine>,
    notice: Option<NoticeShown>,
    maintenance: Option<MaintenanceShown>,
    outages: Vec<OutageLine>,
    looked: Option<Moment>,
}

struct GroupLine {
    name: &'static str,
    is_well: bool,
    words: &'static str,
}

struct NoticeShown {
    state: &'static str,
    title: String,
    paragraphs: Vec<String>,
    at: Moment,
}

struct MaintenanceShown {
    paragraphs: Vec<String>,
    until: Option<Moment>,
}

struct OutageLine {
    name: &'static str,
    words: &'static str,
    from: Moment,
    until: Option<Moment>,
}

const fn name(group: Group) -> &'static str {
    match group {
        Group::Sales => "Pages and sales",
        Group::Entry => "Entry",
        Group::Messages => "Mail and notifications",
    }
}

const fn words(group: Group, condition: Condition) -> &'static str {
    match (group, condition) {
        (_, Condition::Ok) => "Works",
        (Group::Sales, Condition::Degraded) => "Works, slower than usual",
        (Group::Sales, Condition::Failed) => "Does not work at the moment; tickets stay valid",
        (Group::Entry, Condition::Degraded) => "Works; doors may hear of new tickets later",
        (Group::Entry, Condition::Failed) => "Doors go on without us; tickets stay valid",
        (Group::Messages, Condition::Degraded) => "Come later than usual",
        (Group::Messages, Condition::Failed) => "Are held back and will be sent",
    }
}

const fn state_words(state: NoticeState) -> &'static str {
    match state {
        NoticeState::Investigating => "We are looking for the cause",
        NoticeState::Mending => "The cause is known and being mended",
        NoticeState::Watching => "Mended; we are watching",
        NoticeState::Over => "Over",
    }
}

fn outage_line(outage: &Outage) -> OutageLine {
    let moment = |at| text::date_and_time(at, &TimeZone::UTC);
    OutageLine {
        name: name(outage.group),
        words: match outage.condition {
            Condition::Ok | Condition::Degraded => "worked with difficulty",
            Condition::Failed => "did not work",
        },
        from: moment(outage.from),
        until: outage.until.map(moment),
    }
}

/// `GET /status`
pub(super) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let moment = |at| text::date_and_time(at, &TimeZone::UTC);
    let groups = app.health.groups();
    let maintenance = platform::setting(&app, &platform::MAINTENANCE).await;
    let worst = groups.iter().map(|(_, condition)| *condition).max();
    let heading = match (worst, &maintenance) {
        (_, Some(_)) => "Closed for maintenance",
        (Some(Condition::Failed), None) => "Something does not work",
        (Some(Condition::Degraded), None) => "Something works with difficulty",
        (Some(Condition::Ok) | None, None) => "Everything works",
    };
    let notice = platform::setting(&app, &platform::STATUS_NOTICE).await;
    let page = StatusPage {
        shell: Shell::public(
            &app,
            "Status",
            "Whether sales, entry and mail work just now.".to_owned(),
            "/status",
        ),
        heading,
        groups: groups
            .into_iter()
            .map(|(group, condition)| GroupLine {
                name: name(group),
                is_well: condition == Condition::Ok,
                words: words(group, condition),
            })
            .collect(),
        notice: notice.map(|notice| NoticeShown {
            state: state_words(notice.state),
            title: notice.title,
            paragraphs: text::paragraphs(&notice.message),
            at: moment(notice.at),
        }),
        maintenance: maintenance.map(|maintenance| MaintenanceShown {
            paragraphs: text::paragraphs(&maintenance.message),
            until: maintenance.until.map(moment),
        }),
        outages: app
            .health
            .outages(app.now())
            .iter()
            .map(outage_line)
            .collect(),
        looked: app.health.checks().1.map(moment),
    };
    shell::page(StatusCode::OK, &page, Privacy::Open)
}
