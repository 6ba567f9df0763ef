//! Organisations, members and invitations.

use std::time::Duration;

use bilten_kernel::db::DbError;
use bilten_kernel::{on_both_engines, random, sql, vals};
use bilten_server::identity::{self, MemberFilter, OrganisationId, Role, UserId};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::app::{Answer, Client, TestApp};

async fn organisation(t: &TestApp) -> OrganisationId {
    identity::organisation_by_slug(&t.app, "kino-siska")
        .await
        .unwrap()
        .id
}

/// A member with a role: who they are, and an app in which they are signed in.
async fn joined(t: &TestApp, role: Role) -> (UserId, Client) {
    joined_in(t, organisation(t).await, role).await
}

async fn joined_in(t: &TestApp, organisation: OrganisationId, role: Role) -> (UserId, Client) {
    let user = t.person(role.as_str()).await;
    identity::add_member(&t.app, organisation, user, Some(role))
        .await
        .unwrap();
    (user, t.signed_in(user, false).await)
}

async fn email(t: &TestApp, user: UserId) -> String {
    identity::user(&t.app, user)
        .await
        .unwrap()
        .profile
        .unwrap()
        .email
        .to_string()
}

async fn member_id(client: &Client, email: &str) -> String {
    let found = client
        .get(&format!("/api/v1/members?email={email}"))
        .await
        .expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    found["items"][0]["id"].as_str().unwrap().to_owned()
}

/// The secret of an invitation's link, as only its mail has it: another one takes its place.
async fn link_token(t: &TestApp, invitation: &Value) -> String {
    let (id, token) = (
        invitation["id"].as_str().unwrap().to_owned(),
        random::token(&*t.app.random, 40),
    );
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let done: Result<u64, DbError> = t
        .app
        .db
        .write(move |c| {
            Box::pin(async move {
                c.exec(
                    sql!("UPDATE invitations SET token_hash = $2 WHERE id = $1"),
                    vals![id, hash],
                )
                .await
            })
        })
        .await;
    assert_eq!(done.unwrap(), 1);
    token
}

async fn set_roles(client: &Client, member: &str, roles: Value) -> Answer {
    let request = client.request(Method::PUT, &format!("/api/v1/members/{member}/roles"));
    client.send(request.json(&roles)).await
}

/// Asks for one answer after another until all are given: ids, and how many pages they came on.
async fn pages(client: &Client, path: &str) -> (Vec<String>, usize) {
    let (mut ids, mut count, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = client.get(&format!("{path}{cursor}")).await.expect(200);
        count += 1;
        ids.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (ids, count),
        }
    }
}

on_both_engines! {
    /// covers: AUTH-7
    async fn somebody_makes_an_organisation_and_owns_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let ana = t.signed_in(t.person("ana").await, false).await;
        ana.get("/api/v1/organisation").await.refused(400, "identity.organisation_required");
        let made = ana.post("/api/v1/organisations", json!({"name": " Teater Žaba "})).await.expect(201);
        assert_eq!((made["name"].as_str(), made["slug"].as_str()), (Some("Teater Žaba"), Some("teater-zaba")));
        let own = ana.get("/api/v1/organisations").await.expect(200);
        assert_eq!((own["items"][0]["slug"].as_str(), own["items"][0]["role"].as_str()), (Some("teater-zaba"), Some("owner")));
        let changed = ana.patch("/api/v1/organisation", json!({"name": "Žaba"})).await.expect(200);
        assert_eq!((changed["name"].as_str(), changed["slug"].as_str()), (Some("Žaba"), Some("teater-zaba")));
        for wrong in ["", "  ", "a\u{7}b", &"x".repeat(201), "!!!"] {
            ana.post("/api/v1/organisations", json!({"name": wrong})).await.refused(422, "identity.name");
        }
        ana.patch("/api/v1/organisation", json!({"name": ""})).await.refused(422, "identity.name");
        ana.post("/api/v1/organisations", json!({"name": "Teater Žaba"})).await.refused(409, "identity.slug_taken");
        t.organiser.post("/api/v1/organisations", json!({"name": "Robots"})).await.refused(403, "identity.person_required");
        t.stop().await;
    }

    /// covers: AUTH-4
    async fn a_second_factor_is_asked_of_others_only_by_who_showed_one(db: TestDb) {
        let t = TestApp::start(db).await;
        let (owner, without) = joined(&t, Role::Owner).await;
        let on = json!({"requires_mfa": true});
        without.patch("/api/v1/organisation", on.clone()).await.refused(409, "identity.own_mfa_missing");
        t.clock.advance(Duration::from_millis(identity::RECENT_MS.unsigned_abs()));
        without.patch("/api/v1/organisation", on).await.refused(403, "identity.reauthentication_required");
        let again = t.signed_in(owner, false).await;
        again.patch("/api/v1/organisation", json!({"requires_mfa": false, "name": "Kino"})).await.expect(200);
        t.stop().await;
    }

    /// covers: AUTH-7, BE-1
    async fn an_invitation_is_accepted_once_by_whoever_was_invited(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let (_, owner) = joined(&t, Role::Owner).await;
        let bor = t.person("bor").await;
        let address = email(&t, bor).await;
        let written = address.to_uppercase().replace("EXAMPLE.COM", "example.com");
        let wanted = json!({"email": written,
            "role": "viewer", "events": [{"event": event.id, "role": "door_staff"}]});
        let sent = owner.post("/api/v1/invitations", wanted).await.expect(201);
        assert_eq!(sent["state"], "pending");
        let token = t.mail_to(&written).await.token("token");
        let body = json!({"token": token});
        let seen = t.stranger.post("/api/v1/invitations/look", body.clone()).await.expect(200);
        assert_eq!((seen["organisation"].as_str(), seen["role"].as_str()), (Some("Kino Šiška"), Some("viewer")));

        let (_, other) = joined(&t, Role::Viewer).await;
        other.post("/api/v1/invitations/accept", body.clone()).await.refused(403, "identity.invitation_of_another");
        t.stranger.post("/api/v1/invitations/accept", body.clone()).await.refused(401, "identity.unauthenticated");
        let guess = json!({"token": "0".repeat(40)});
        other.post("/api/v1/invitations/accept", guess.clone()).await.refused(410, "identity.invitation_gone");
        t.stranger.post("/api/v1/invitations/look", guess).await.refused(410, "identity.invitation_gone");

        // Many times at once: one of them joins.
        let his = t.signed_in(bor, false).await;
        let tries = (0..8).map(|_| {
            let (his, body) = (his.clone(), body.clone());
            tokio::spawn(async move { his.post("/api/v1/invitations/accept", body).await.status })
        });
        let mut answers = Vec::new();
        for each in tries.collect::<Vec<_>>() {
            answers.push(each.await.unwrap());
        }
        answers.sort_unstable();
        assert_eq!(answers, [200, 410, 410, 410, 410, 410, 410, 410]);
        his.post("/api/v1/invitations/accept", body.clone()).await.refused(410, "identity.invitation_gone");
        t.stranger.post("/api/v1/invitations/look", body).await.refused(410, "identity.invitation_gone");
        let member = owner.get(&format!("/api/v1/members/{}", member_id(&owner, &address).await)).await.expect(200);
        assert_eq!((member["role"].as_str(), member["events"][0]["role"].as_str()), (Some("viewer"), Some("door_staff")));
        his.get(&format!("/api/v1/events/{}/door-report", event.id)).await.expect(200);
        his.get("/api/v1/members").await.refused(403, "identity.permission_missing");
        let list = owner.get("/api/v1/invitations").await.expect(200);
        assert_eq!(list["items"][0]["state"], "accepted");
        owner.post("/api/v1/invitations", json!({"email": address, "role": "viewer"})).await.refused(409, "identity.member_already");
        t.stop().await;
    }

    /// covers: AUTH-7
    async fn invitations_end_by_time_by_hand_by_a_newer_one_and_with_their_sender(db: TestDb) {
        let t = TestApp::start(db).await;
        let (_, owner) = joined(&t, Role::Owner).await;
        let (manager_id, _) = joined(&t, Role::Manager).await;
        let bor = t.person("bor").await;
        let (address, his) = (email(&t, bor).await, t.signed_in(bor, false).await);
        let invite = json!({"email": address, "role": "viewer"});
        let accept = async |token: &str| his.post("/api/v1/invitations/accept", json!({"token": token})).await;

        let sent = owner.post("/api/v1/invitations", invite.clone()).await.expect(201);
        let first = link_token(&t, &sent).await;
        let path = format!("/api/v1/invitations/{}", sent["id"].as_str().unwrap());
        owner.post(&format!("{path}/resend"), json!({})).await.expect(200);
        let second = link_token(&t, &sent).await;
        accept(&first).await.refused(410, "identity.invitation_gone");
        let newer = owner.post("/api/v1/invitations", invite.clone()).await.expect(201);
        let third = link_token(&t, &newer).await;
        accept(&second).await.refused(410, "identity.invitation_gone");
        owner.post(&format!("{path}/resend"), json!({})).await.refused(410, "identity.invitation_gone");
        t.clock.advance(Duration::from_hours(7 * 24));
        let (his, owner, manager) = (t.signed_in(bor, false).await, joined(&t, Role::Owner).await.1, t.signed_in(manager_id, false).await);
        let accept = async |token: &str| his.post("/api/v1/invitations/accept", json!({"token": token})).await;
        accept(&third).await.refused(410, "identity.invitation_gone");
        let list = owner.get("/api/v1/invitations").await.expect(200);
        assert_eq!(list["items"][0]["state"], "expired");

        let sent = owner.post("/api/v1/invitations", invite.clone()).await.expect(201);
        let fourth = link_token(&t, &sent).await;
        let path = format!("/api/v1/invitations/{}", sent["id"].as_str().unwrap());
        owner.delete(&path).await.expect(204);
        owner.delete(&path).await.refused(410, "identity.invitation_gone");
        accept(&fourth).await.refused(410, "identity.invitation_gone");

        let sent = manager.post("/api/v1/invitations", invite).await.expect(201);
        let fifth = link_token(&t, &sent).await;
        let manager = member_id(&owner, &email(&t, manager_id).await).await;
        owner.delete(&format!("/api/v1/members/{manager}")).await.expect(204);
        accept(&fifth).await.refused(410, "identity.invitation_gone");

        for (wrong, status, code) in [
            (json!({"email": "nobody", "role": "viewer"}), 422, "invalid"),
            (json!({"email": address}), 422, "invalid"),
            (json!({"email": address, "events": [{"event": "evt_00000000000000000000000001", "role": "viewer"}]}), 422, "invalid"),
            (json!({"email": address, "role": "emperor"}), 422, "invalid"),
        ] {
            let answer = owner.post("/api/v1/invitations", wrong.clone()).await;
            assert!(answer.status == status || answer.status == 400, "{wrong}: {} {code} {}", answer.status, answer.text);
        }
        t.stop().await;
    }

    /// covers: AUTH-7, BE-1
    async fn nobody_gives_or_takes_more_than_they_have(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let (owner_id, owner) = joined(&t, Role::Owner).await;
        let (viewer_id, viewer) = joined(&t, Role::Viewer).await;
        let (manager_id, manager) = joined(&t, Role::Manager).await;
        let owners_id = member_id(&owner, &email(&t, owner_id).await).await;
        let viewers_id = member_id(&owner, &email(&t, viewer_id).await).await;
        let managers_id = member_id(&owner, &email(&t, manager_id).await).await;
        set_roles(&manager, &viewers_id, json!({"role": "owner"})).await.refused(403, "identity.role_too_high");
        set_roles(&manager, &managers_id, json!({"role": "owner"})).await.refused(403, "identity.role_too_high");
        set_roles(&manager, &owners_id, json!({"role": "viewer"})).await.refused(403, "identity.role_too_high");
        manager.delete(&format!("/api/v1/members/{owners_id}")).await.refused(403, "identity.role_too_high");
        manager.post("/api/v1/invitations", json!({"email": "x@example.com", "role": "owner"})).await.refused(403, "identity.role_too_high");
        set_roles(&viewer, &viewers_id, json!({"role": "manager"})).await.refused(403, "identity.permission_missing");
        set_roles(&owner, &owners_id, json!({"role": "manager"})).await.refused(409, "identity.last_owner");
        owner.delete(&format!("/api/v1/members/{owners_id}")).await.refused(409, "identity.last_owner");
        owner.delete("/api/v1/organisations/kino-siska/membership").await.refused(409, "identity.last_owner");
        set_roles(&owner, &viewers_id, json!({})).await.refused(422, "invalid");
        let twice = json!({"events": [{"event": event.id, "role": "viewer"}, {"event": event.id, "role": "manager"}]});
        set_roles(&owner, &viewers_id, twice).await.refused(422, "invalid");
        set_roles(&owner, &viewers_id, json!({"events": [{"event": event.id, "role": "owner"}]})).await.refused(422, "invalid");

        let changed = set_roles(&manager, &viewers_id, json!({"events": [{"event": event.id, "role": "door_supervisor"}]})).await.expect(200);
        assert_eq!((changed["role"].as_str(), changed["events"].as_array().unwrap().len()), (None, 1));
        viewer.get(&format!("/api/v1/events/{}/devices", event.id)).await.expect(200);
        viewer.get("/api/v1/organisation").await.refused(403, "identity.permission_missing");

        // Owners are made by who is there themselves, and can then leave.
        t.clock.advance(Duration::from_millis(identity::RECENT_MS.unsigned_abs()));
        set_roles(&owner, &managers_id, json!({"role": "owner"})).await.refused(403, "identity.reauthentication_required");
        let owner = t.signed_in(owner_id, false).await;
        set_roles(&owner, &managers_id, json!({"role": "owner"})).await.expect(200);
        owner.delete("/api/v1/organisations/kino-siska/membership").await.expect(204);
        owner.get("/api/v1/organisation").await.refused(400, "identity.organisation_required");
        manager.delete("/api/v1/organisations/kino-siska/membership").await.refused(409, "identity.last_owner");
        manager.delete(&format!("/api/v1/members/{viewers_id}")).await.expect(204);
        viewer.get(&format!("/api/v1/events/{}/devices", event.id)).await.refused(400, "identity.organisation_required");
        manager.get(&format!("/api/v1/members/{viewers_id}")).await.refused(404, "identity.not_found");
        // Who comes back has nothing of what they had.
        identity::add_member(&t.app, organisation(&t).await, viewer_id, Some(Role::Viewer)).await.unwrap();
        viewer.get(&format!("/api/v1/events/{}/devices", event.id)).await.refused(403, "identity.permission_missing");
        t.stop().await;
    }

    /// covers: AUTH-7
    async fn two_owners_who_demote_each_other_at_once_leave_one(db: TestDb) {
        let t = TestApp::start(db).await;
        for round in 0..12 {
            let organisation = identity::create_organisation(&t.app, &format!("Round {round}")).await.unwrap();
            let (ana_id, ana) = joined_in(&t, organisation.id, Role::Owner).await;
            let (bor_id, bor) = joined_in(&t, organisation.id, Role::Owner).await;
            let anas = member_id(&ana, &email(&t, ana_id).await).await;
            let bors = member_id(&ana, &email(&t, bor_id).await).await;
            let own = format!("/api/v1/organisations/{}/membership", organisation.id);
            let act = async |who: &Client, whom: &str| match round % 3 {
                0 => set_roles(who, whom, json!({"role": "viewer"})).await,
                1 => who.delete(&format!("/api/v1/members/{whom}")).await,
                _ => who.delete(&own).await,
            };
            let (first, second) = tokio::join!(act(&ana, &bors), act(&bor, &anas));
            let filter = MemberFilter { role: Some(Role::Owner), ..MemberFilter::default() };
            let owners = identity::members(&t.app, organisation.id, filter, None, 10).await.unwrap();
            assert_eq!(owners.len(), 1, "round {round}: {} {} {} {}", first.status, first.text, second.status, second.text);
        }
        t.stop().await;
    }

    /// covers: AUTH-7
    async fn members_are_listed_page_by_page_and_found_by_role_and_address(db: TestDb) {
        let t = TestApp::start(db).await;
        let (_, owner) = joined(&t, Role::Owner).await;
        for _ in 0..5 {
            joined(&t, Role::DoorStaff).await;
        }
        let (finance, _) = joined(&t, Role::Finance).await;
        let (ids, count) = pages(&owner, "/api/v1/members?limit=3").await;
        assert_eq!((ids.len(), count), (7, 3));
        assert!(ids.is_sorted(), "{ids:?}");
        let (staff, count) = pages(&owner, "/api/v1/members?limit=3&role=door_staff").await;
        assert_eq!((staff.len(), count), (5, 2));
        let address = email(&t, finance).await;
        let found = owner.get(&format!("/api/v1/members?email={}", address.to_uppercase())).await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        assert_eq!((found["items"][0]["email"].as_str(), found["items"][0]["role"].as_str()), (Some(&*address), Some("finance")));
        for nobody in ["x@example.com", "nobody", &format!("{address}&role=owner")] {
            let found = owner.get(&format!("/api/v1/members?email={nobody}")).await.expect(200);
            assert_eq!(found["items"].as_array().unwrap().len(), 0, "{nobody}");
        }
        owner.get("/api/v1/members?cursor=nonsense").await.refused(400, "cursor_invalid");
        t.stop().await;
    }

    /// covers: AUTH-7
    async fn a_draft_with_roles_and_keys_of_its_own_can_be_deleted(db: TestDb) {
        let t = TestApp::start(db).await;
        let (viewer_id, _) = joined(&t, Role::Viewer).await;
        let (_, owner) = joined(&t, Role::Owner).await;
        let at = |hours: i64| bilten_kernel::clock::Timestamp::from_ms(t.app.now().ms() + hours * 3_600_000).to_string();
        let draft = json!({"name": "Draft", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Hall",
            "occurrences": [{"starts_at": at(2), "ends_at": at(5)}]});
        let draft = t.organiser.post("/api/v1/events", draft).await.expect(201);
        let id = draft["id"].as_str().unwrap();
        let viewer = member_id(&owner, &email(&t, viewer_id).await).await;
        set_roles(&owner, &viewer, json!({"role": "viewer", "events": [{"event": id, "role": "manager"}]})).await.expect(200);
        let key = owner.post("/api/v1/keys", json!({"name": "one event", "scopes": ["events.read"], "event": id})).await.expect(201);
        let program = t.stranger.with_token(key["token"].as_str().unwrap());
        program.get(&format!("/api/v1/events/{id}")).await.expect(200);
        t.organiser.delete(&format!("/api/v1/events/{id}")).await.expect(204);
        program.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        let member = owner.get(&format!("/api/v1/members/{viewer}")).await.expect(200);
        assert_eq!(member["events"], json!([]));
        t.stop().await;
    }
}
