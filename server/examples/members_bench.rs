//! What 100,000 members in one organisation cost: asking whether somebody may do something, and
//! reading pages of the list.
//!
//! ```text
//! cargo run --release -p bilten-server --example members_bench -- [MEMBERS] [ROUNDS]
//! ```
//!
//! PostgreSQL joins in when `BILTEN_TEST_POSTGRES` is set (see `scripts/postgres`). Prints a line for
//! each engine and question, with the median and the 99th of 100.

#![expect(clippy::print_stdout, reason = "it prints figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on must stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::config;
use bilten_kernel::random::{self, OsRandom};
use bilten_kernel::testing::{Engine, TestDb};
use bilten_server::app::App;
use bilten_server::config::{Config, DEFAULTS};
use bilten_server::identity::{
    self, MemberFilter, MemberId, NewUser, OrganisationId, Origin, Permission, Profile, Proof,
    Role, SessionKind, UserId,
};
use bilten_server::platform::{MasterKey, Masters, Vault};
use bilten_server::{MIGRATIONS, server};

/// How many people are made in one write.
const BATCH: usize = 500;

async fn app(db: &TestDb) -> App {
    let mut config: Config = config::load(None, DEFAULTS, std::iter::empty()).unwrap();
    config.database = db.config().clone();
    let now = SystemClock.now();
    db.migrate(&[bilten_kernel::MIGRATIONS, MIGRATIONS], now)
        .await
        .unwrap();
    let masters = Masters::new(MasterKey::from_hex(&"5a".repeat(32)).unwrap(), Vec::new());
    let vault = Vault::unlock(db, masters, server::sealed_columns(), &OsRandom, now)
        .await
        .unwrap();
    let post =
        bilten_server::app::Post::new(&config, bilten_server::server::outside(&config)).unwrap();
    App::new(
        db.db(),
        Arc::new(SystemClock),
        Arc::new(OsRandom),
        config,
        vault,
        post,
    )
}

/// Makes members; gives their users and addresses.
async fn fill(app: &App, organisation: OrganisationId, members: usize) -> Vec<(UserId, String)> {
    let mut made = Vec::with_capacity(members);
    for from in (0..members).step_by(BATCH) {
        let (work, until) = (app.clone(), members.min(from + BATCH));
        let batch = app.db.write(move |c| {
            Box::pin(async move {
                let mut batch = Vec::new();
                for number in from..until {
                    let email = format!(
                        "member.{number}.{}@example.com",
                        random::token(&*work.random, 6)
                    );
                    let new = NewUser {
                        profile: Profile {
                            email: email.parse().unwrap(),
                            name: format!("Member {number}"),
                            locale: None,
                            phone: None,
                        },
                        password_hash: None,
                        is_verified: true,
                    };
                    let user = identity::create_user_in(&work, c, new).await?;
                    let role = Role::ALL[number % Role::ALL.len()];
                    identity::add_member_in(&work, c, organisation, user, Some(role)).await?;
                    batch.push((user, email));
                }
                Ok::<_, identity::IdentityError>(batch)
            })
        });
        made.extend(batch.await.unwrap());
    }
    made
}

async fn token(app: &App, user: UserId) -> String {
    let work = app.clone();
    let begun = app.db.write(move |c| {
        Box::pin(async move {
            let proof = Proof {
                methods: "bench".to_owned(),
                is_mfa: false,
            };
            let origin = Origin {
                ip: [127, 0, 0, 1].into(),
                user_agent: "bench".to_owned(),
            };
            identity::begin_session(&work, c, user, SessionKind::Page, &proof, &origin, None).await
        })
    });
    begun.await.unwrap().token
}

fn show(engine: &str, question: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    println!(
        "{engine:<9} {question:<34} p50 {:>9.1?}  p99 {:>9.1?}  n {}",
        at(50),
        at(99),
        times.len()
    );
}

async fn bench(engine: Engine, members: usize, rounds: usize) {
    let db = TestDb::new(engine).await;
    let app = app(&db).await;
    let organisation = identity::create_organisation(&app, "Stadium")
        .await
        .unwrap()
        .id;
    let begin = Instant::now();
    let people = fill(&app, organisation, members).await;
    let engine = app.db.engine();
    println!(
        "{engine:<9} {members} members made in {:.1?}",
        begin.elapsed()
    );

    let any = |round: usize| &people[round.wrapping_mul(7_919) % people.len()];
    let mut tokens = Vec::new();
    for round in 0..rounds.min(500) {
        tokens.push(token(&app, any(round).0).await);
    }
    for (question, is_warm) in [
        ("permission, caller not seen before", false),
        ("permission, caller of this second", true),
    ] {
        let mut times = Vec::with_capacity(rounds);
        for round in 0..rounds {
            let token = &tokens[round % tokens.len()];
            if is_warm {
                identity::authenticate(&app, token).await.unwrap();
            } else {
                app.principals.clear();
            }
            let begin = Instant::now();
            let principal = identity::authenticate(&app, token).await.unwrap().unwrap();
            let tenant = identity::authorise(&principal, Permission::EventsRead, None).unwrap();
            times.push(begin.elapsed());
            assert_eq!(tenant.organisation, organisation);
        }
        show(engine, question, times);
    }

    let page = async |filter: MemberFilter, after: Option<MemberId>| {
        identity::members(&app, organisation, filter, after, 51)
            .await
            .unwrap()
    };
    let (mut first, mut deep, mut by_role, mut by_email, mut after) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), None);
    for round in 0..rounds {
        let begin = Instant::now();
        page(MemberFilter::default(), None).await;
        first.push(begin.elapsed());
        let begin = Instant::now();
        let found = page(MemberFilter::default(), after).await;
        deep.push(begin.elapsed());
        after = found.last().map(|member| member.id);
        let role = MemberFilter {
            role: Some(Role::Finance),
            ..MemberFilter::default()
        };
        let begin = Instant::now();
        page(role, None).await;
        by_role.push(begin.elapsed());
        let email = MemberFilter {
            email: any(round).1.parse().ok(),
            ..MemberFilter::default()
        };
        let begin = Instant::now();
        let found = page(email, None).await;
        by_email.push(begin.elapsed());
        assert_eq!(found.len(), 1);
    }
    show(engine, "first page of 50 members", first);
    show(engine, "pages one after another", deep);
    show(engine, "first page of one role", by_role);
    show(engine, "the member with an address", by_email);
}

#[tokio::main]
async fn main() {
    let number = |place: usize, usual: usize| {
        std::env::args()
            .nth(place)
            .and_then(|text| text.parse().ok())
            .unwrap_or(usual)
    };
    let (members, rounds) = (number(1, 100_000), number(2, 2_000));
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if engine == Engine::Sqlite || std::env::var_os("BILTEN_TEST_POSTGRES").is_some() {
            bench(engine, members, rounds).await;
        }
    }
}
