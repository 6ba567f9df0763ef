//! Pairing, sessions, revocation.

use std::time::Duration;

use bilten_core::sync::pairing::{
    Challenge, ChallengeRequest, PairingLink, Session, SessionRequest, Signature,
};
use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{Device, buy, invite, key, report, request};
use crate::app::TestApp;

const PAIR: &str = "/api/v1/sync/pair";

on_both_engines! {
    /// covers: SCAN-5
    async fn a_code_pairs_one_device(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let pairing = invite(&t, &event).await;
        let code = pairing["code"].as_str().unwrap();
        let link = PairingLink::parse(pairing["link"].as_str().unwrap()).unwrap();
        assert_eq!((link.server.as_str(), link.code.as_str()), (t.url.as_str(), code));
        assert!(pairing["qr_svg"].as_str().unwrap().contains("<svg"));

        let asked = serde_json::to_value(request(code, &key(1))).unwrap();
        let paired = t.stranger.post(PAIR, asked.clone()).await.expect(201);
        assert_eq!(paired["event"], event.id.as_str());
        assert_eq!(paired["lists"][0]["name"], "Entry");
        assert_eq!(paired["gates"][0]["name"], "Gate 1");
        assert_eq!(paired["keys"].as_array().unwrap().len(), 1);
        // Its answer was lost: it is the same device still.
        let again = t.stranger.post(PAIR, asked).await.expect(201);
        assert_eq!(again["device"], paired["device"]);
        // Another device comes too late.
        let other = serde_json::to_value(request(code, &key(2))).unwrap();
        t.stranger.post(PAIR, other).await.refused(409, "access.pairing_used");
        // The same key is one device.
        let second = invite(&t, &event).await;
        let twin = serde_json::to_value(request(second["code"].as_str().unwrap(), &key(1))).unwrap();
        t.stranger.post(PAIR, twin).await.refused(409, "access.device_known");

        let devices = t.organiser.get(&format!("/api/v1/events/{}/devices", event.id)).await.expect(200);
        let names: Vec<_> = devices["items"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Gate phone", "Server"]);
        t.stop().await;
    }

    /// covers: SCAN-5
    async fn a_code_that_is_unknown_old_or_not_signed_pairs_nobody(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let ask = async |request: &Value| t.stranger.post(PAIR, request.clone()).await;
        let unknown = serde_json::to_value(request("0123456789abcdefghjkmnpqrs", &key(1))).unwrap();
        ask(&unknown).await.refused(404, "access.pairing_unknown");

        let code = invite(&t, &event).await["code"].as_str().unwrap().to_owned();
        let mut forged = request(&code, &key(1));
        forged.signature = Signature(request(&code, &key(2)).signature.0);
        ask(&serde_json::to_value(&forged).unwrap()).await.refused(422, "access.pairing_signature");
        let mut nameless = request(&code, &key(1));
        nameless.name = " ".into();
        let refused = ask(&serde_json::to_value(&nameless).unwrap()).await.refused(422, "invalid");
        assert_eq!(refused["errors"][0]["field"], "name");
        for garbage in [json!(null), json!([]), json!({"code": 7}), json!({"code": code, "public_key": "00"})] {
            let answer = ask(&garbage).await;
            assert_eq!(answer.status, 422, "{garbage}: {}", answer.text);
        }

        t.clock.advance(Duration::from_secs(601));
        let late = serde_json::to_value(request(&code, &key(1))).unwrap();
        ask(&late).await.refused(410, "access.pairing_expired");
        t.stop().await;
    }

    /// covers: SCAN-5
    async fn a_session_needs_a_fresh_challenge_and_the_devices_key(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let id = device.paired.device.clone();
        let challenge = async || -> Challenge {
            let request = serde_json::to_value(ChallengeRequest { device: id.clone() }).unwrap();
            let answer = t.stranger.post("/api/v1/sync/challenge", request).await.expect(200);
            serde_json::from_value(answer).unwrap()
        };
        let session = async |request: SessionRequest| {
            t.stranger.post("/api/v1/sync/session", serde_json::to_value(request).unwrap()).await
        };
        let nonce = challenge().await.nonce;
        session(SessionRequest::sign(id.clone(), nonce.clone(), key(2).signing_key()))
            .await
            .refused(401, "access.session_signature");
        let stranger = bilten_core::id::DeviceId::new("dev_nobody").unwrap();
        session(SessionRequest::sign(stranger, nonce.clone(), key(1).signing_key()))
            .await
            .refused(401, "access.challenge_expired");
        t.clock.advance(Duration::from_secs(121));
        session(SessionRequest::sign(id.clone(), nonce, key(1).signing_key()))
            .await
            .refused(401, "access.challenge_expired");
        let nonce = challenge().await.nonce;
        let opened = session(SessionRequest::sign(id.clone(), nonce, key(1).signing_key())).await.expect(200);
        let opened: Session = serde_json::from_value(opened).unwrap();

        let feed = async |token: &str| t.stranger.with_token(token).get("/api/v1/sync/feed").await;
        assert_eq!(feed(&opened.token).await.status, 200);
        feed("").await.refused(401, "access.session_expired");
        feed("bilten_0").await.refused(401, "access.session_expired");
        feed(&opened.token.replace("sync", "push")).await.refused(401, "access.session_expired");
        t.clock.advance(Duration::from_secs(3_601));
        feed(&opened.token).await.refused(401, "access.session_expired");
        t.stop().await;
    }

    /// covers: SCAN-5
    async fn a_revoked_device_is_told_to_wipe_itself(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let mut device = Device::pair(&t, &event, 1).await;
        let path = format!("/api/v1/devices/{}", device.paired.device);
        let foreign = t.other_organiser().await;
        foreign.delete(&path).await.refused(404, "access.not_found");
        for _ in 0..2 {
            t.organiser.delete(&path).await.expect(204);
        }
        let with = |token: &str| t.stranger.with_token(token);
        with(&device.session.token).get("/api/v1/sync/feed").await.refused(403, "access.device_revoked");
        with(&device.session.token).get("/api/v1/sync/hints").await.refused(403, "access.device_revoked");

        device.open_session().await;
        let order = device.session.wipe.clone().unwrap();
        assert_eq!(order.device, device.paired.device);
        let keys = device.keys();
        assert!(order.is_genuine(keys.keys().iter().map(|key| &key.public_key)));
        with(&device.session.token).get("/api/v1/sync/feed").await.refused(403, "access.device_revoked");
        // What it still had to say is kept, but counts for nothing.
        let ticket = buy(&t, &event, 1, "k").await[0].0;
        let receipt = device.push(&t, &[device.entry(&t, 1, ticket, 1_000)]).await;
        assert_eq!((receipt.accepted, receipt.unplaced[0].code.as_str()), (0, "access.device_revoked"));
        let report = report(&t, &event).await;
        assert_eq!(report["lists"][0]["entries"], 0);
        assert_eq!(report["unplaced"][0]["unplaced"], "access.device_revoked");

        let server = t.organiser.get(&format!("/api/v1/events/{}/devices", event.id)).await.expect(200);
        let server = server["items"].as_array().unwrap().iter().find(|d| d["built_in"] == true).unwrap()["id"].clone();
        let path = format!("/api/v1/devices/{}", server.as_str().unwrap());
        t.organiser.delete(&path).await.refused(409, "access.device_built_in");
        t.stop().await;
    }
}
