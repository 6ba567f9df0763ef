//! PINs at tills and phones that several people use.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity::{self, MemberId, Role, UserId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::{self, Device};
use crate::app::{Answer, Client, TestApp};

async fn put(client: &Client, path: &str, body: Value) -> Answer {
    let request = client.request(Method::PUT, path).json(&body);
    client.send(request).await
}

/// A member with a role and this PIN.
async fn staff(t: &TestApp, role: Role, pin: &str) -> (UserId, MemberId, Client) {
    let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
        .await
        .unwrap()
        .id;
    let user = t.person(role.as_str()).await;
    identity::add_member(&t.app, organisation, user, Some(role))
        .await
        .unwrap();
    let client = t.signed_in(user, false).await;
    put(&client, "/api/v1/staff-pin", json!({"pin": pin}))
        .await
        .expect(204);
    let all = identity::members(
        &t.app,
        organisation,
        identity::MemberFilter::default(),
        None,
        100,
    )
    .await
    .unwrap();
    let member = all.iter().find(|member| member.user == user).unwrap();
    assert!(member.has_pin);
    (user, member.id, client)
}

fn device(t: &TestApp, device: &Device) -> Client {
    t.stranger.with_token(&device.session.token)
}

async fn take_over(device: &Client, member: MemberId, pin: &str) -> Answer {
    device
        .post("/api/v1/sync/staff", json!({"member": member, "pin": pin}))
        .await
}

on_both_engines! {
    /// covers: AUTH-6
    async fn a_member_takes_a_device_over_by_their_pin(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let phone = Device::pair(&t, &event, 1).await;
        let (_, ana, _) = staff(&t, Role::DoorStaff, "4071").await;
        let (_, bor, _) = staff(&t, Role::BoxOffice, "902168").await;
        let (_, finance, _) = staff(&t, Role::Finance, "5533").await;
        let device = device(&t, &phone);
        let names = device.get("/api/v1/sync/staff").await;
        assert!(!names.text.contains('@') && !names.text.contains("argon"), "{}", names.text);
        let names = names.expect(200);
        let members: Vec<_> = names["items"].as_array().unwrap().iter().map(|staff| staff["member"].as_str().unwrap()).collect();
        assert_eq!(members, [bor.to_string(), ana.to_string()], "box_office before door_staff, and nobody else");

        let took = take_over(&device, ana, "4071").await;
        assert_eq!(took.headers["cache-control"], "no-store");
        let took = took.expect(201);
        assert_eq!(took["name"], "door_staff");
        let permissions = took["permissions"].to_string();
        assert!(permissions.contains("check_in.scan") && !permissions.contains("orders.read"), "{permissions}");
        take_over(&device, bor, "902168").await.expect(201);
        for (member, pin) in [(ana, "902168"), (bor, "4071"), (finance, "5533"), (bor, ""), (bor, "90216"), (bor, "９０２１６８")] {
            take_over(&device, member, pin).await.refused(422, "identity.pin_wrong");
        }
        let alive: i64 = t.app.db.scalar(sql!("SELECT COUNT(*) FROM staff_sessions WHERE ended_at IS NULL"), vals![]).await.unwrap();
        assert_eq!(alive, 1, "one holds the device at a time");
        device.delete("/api/v1/sync/staff").await.expect(204);
        device.delete("/api/v1/sync/staff").await.expect(204);
        let alive: i64 = t.app.db.scalar(sql!("SELECT COUNT(*) FROM staff_sessions WHERE ended_at IS NULL"), vals![]).await.unwrap();
        assert_eq!(alive, 0);
        t.organiser.delete(&format!("/api/v1/devices/{}", phone.paired.device)).await.expect(204);
        device.get("/api/v1/sync/staff").await.refused(403, "access.device_revoked");
        take_over(&device, ana, "4071").await.refused(403, "access.device_revoked");
        t.stop().await;
    }

    /// covers: AUTH-6
    async fn wrong_pins_slow_one_device_down_and_nobody_elsewhere(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let (stolen, phone) = (Device::pair(&t, &event, 1).await, Device::pair(&t, &event, 2).await);
        let (_, ana, anas) = staff(&t, Role::DoorStaff, "4071").await;
        let (thief, phone) = (device(&t, &stolen), device(&t, &phone));
        for _ in 0..5 {
            take_over(&thief, ana, "1357").await.refused(422, "identity.pin_wrong");
        }
        let mut answer = take_over(&thief, ana, "1357").await;
        if answer.status == 422 {
            answer = take_over(&thief, ana, "4071").await;
        }
        answer.refused(429, "identity.too_many_tries");
        assert!(answer.headers.contains_key("retry-after"));
        take_over(&phone, ana, "4071").await.expect(201);
        anas.get("/api/v1/organisation").await.expect(200);
        t.clock.advance(Duration::from_mins(15));
        take_over(&thief, ana, "4071").await.expect(201);
        t.stop().await;
    }

    /// covers: AUTH-6, AUTH-7
    async fn who_may_not_work_there_any_more_cannot_take_a_device(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let other = t.event(&[("Seated", 2500, 10)]).await;
        let (here, there) = (Device::pair(&t, &event, 1).await, Device::pair(&t, &other, 2).await);
        let (here, there) = (device(&t, &here), device(&t, &there));
        let (_, ana, _) = staff(&t, Role::Viewer, "4071").await;
        let owner = t.member(Role::Owner).await;
        take_over(&here, ana, "4071").await.refused(422, "identity.pin_wrong");
        let roles = json!({"role": "viewer", "events": [{"event": event.id, "role": "door_staff"}]});
        put(&owner, &format!("/api/v1/members/{ana}/roles"), roles).await.expect(200);
        take_over(&here, ana, "4071").await.expect(201);
        take_over(&there, ana, "4071").await.refused(422, "identity.pin_wrong");
        assert_eq!(there.get("/api/v1/sync/staff").await.expect(200)["items"], json!([]));
        owner.delete(&format!("/api/v1/members/{ana}/pin")).await.expect(204);
        take_over(&here, ana, "4071").await.refused(422, "identity.pin_wrong");

        let (_, bor, his) = staff(&t, Role::DoorStaff, "4071").await;
        take_over(&here, bor, "4071").await.expect(201);
        for wrong in ["1234", "0000", "12", "abcd", "123456789"] {
            put(&his, "/api/v1/staff-pin", json!({"pin": wrong})).await.refused(422, "invalid");
        }
        put(&his, "/api/v1/staff-pin", json!({"pin": "8315"})).await.expect(204);
        take_over(&here, bor, "4071").await.refused(422, "identity.pin_wrong");
        take_over(&here, bor, "8315").await.expect(201);
        his.delete("/api/v1/staff-pin").await.expect(204);
        take_over(&here, bor, "8315").await.refused(422, "identity.pin_wrong");
        t.clock.advance(Duration::from_millis(identity::RECENT_MS.unsigned_abs()));
        put(&his, "/api/v1/staff-pin", json!({"pin": "8315"})).await.refused(403, "identity.reauthentication_required");

        // A device of another tenant.
        let somebody = t.other_organiser().await;
        let foreign = t.event_of(&somebody, &[("Standing", 2500, 10)]).await;
        let foreign = Device::pair_by(&t, &somebody, &foreign, 3).await;
        let (_, eva, _) = staff(&t, Role::DoorStaff, "2846").await;
        take_over(&device(&t, &foreign), eva, "2846").await.refused(422, "identity.pin_wrong");
        t.stop().await;
    }

    /// covers: AUTH-6, SCAN-10
    async fn a_scan_names_who_held_the_device(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let phone = Device::pair(&t, &event, 1).await;
        let tickets = access::buy(&t, &event, 3, "k1").await;
        let (_, ana, _) = staff(&t, Role::DoorStaff, "4071").await;
        let (_, never, _) = staff(&t, Role::DoorStaff, "5926").await;
        take_over(&device(&t, &phone), ana, "4071").await.expect(201);
        let mut lines = vec![json!({"device_time": t.app.now().ms(), "count": 3}).to_string()];
        for (n, staff) in [(0_u16, Some(ana)), (1, Some(never)), (2, None)] {
            let mut scan = serde_json::to_value(phone.entry(&t, n, tickets[usize::from(n)].0, 10)).unwrap();
            if let Some(staff) = staff {
                scan["staff"] = json!(staff);
            }
            lines.push(scan.to_string());
        }
        let push = device(&t, &phone).request(Method::POST, "/api/v1/sync/redemptions");
        let push = push.header("content-type", "application/x-ndjson").body(lines.join("\n"));
        let receipt = t.stranger.send(push).await.expect(200);
        assert_eq!(receipt["accepted"], 3);
        let staff: Vec<Option<String>> = t.app.db.scalars(
            sql!("SELECT staff_id FROM scans WHERE event_id = $1 ORDER BY id"),
            vals![&event.id],
        ).await.unwrap();
        assert_eq!(staff, [Some(ana.to_string()), None, None], "what a device says of others is not believed");
        t.stop().await;
    }
}
