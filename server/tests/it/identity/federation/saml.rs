//! SAML over HTTP: out by a link, back by a form of another site, on by a link of ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bilten_kernel::on_both_engines;
use bilten_server::identity;
use serde_json::json;

use super::browser::{Browser, lands_at, location};
use super::signer::{Facts, Signer};
use crate::app::{Answer, TestApp};

const IDP: &str = "https://idp.example/saml";
const ACS: &str = "/sso/kino-siska/saml/acs";

struct World {
    t: TestApp,
    signer: Signer,
}

/// A request as the identity provider gets it.
struct Asked {
    id: String,
    relay_state: String,
    text: String,
}

impl World {
    async fn start(t: TestApp) -> Self {
        let signer = Signer::new();
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
            .await
            .unwrap()
            .id;
        let input = json!({
            "slug": "kino-siska", "name": "Kino", "domains": ["kino.example"],
            "role_mapping": {"rules": [{"attribute": "groups", "value": "team", "role": "box_office"}]},
            "saml": {"entity_id": IDP, "sso_url": "https://idp.example/sso",
                "certificates": [STANDARD.encode(&signer.certificate)], "mfa_contexts": ["urn:example:mfa"]},
        });
        let input = serde_json::from_value(input).unwrap();
        identity::save_sso_connection(&t.app, Some(organisation), None, input, "tests")
            .await
            .unwrap();
        identity::confirm_sso_domain(&t.app, organisation, "kino.example", "tests")
            .await
            .unwrap();
        Self { t, signer }
    }

    async fn ask(&self, browser: &mut Browser, query: &str) -> Asked {
        use std::io::Read as _;
        let out = browser
            .start(&format!("/sso/kino-siska/start?next=/account{query}"))
            .await;
        let url: reqwest::Url = out.parse().unwrap();
        let pairs: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
        let packed = STANDARD.decode(&pairs["SAMLRequest"]).unwrap();
        let mut text = String::new();
        flate2::read::DeflateDecoder::new(&*packed)
            .read_to_string(&mut text)
            .unwrap();
        let id = text
            .split(" ID=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        Asked {
            id,
            relay_state: pairs["RelayState"].clone(),
            text,
        }
    }

    fn facts(&self, asked: &Asked) -> Facts {
        let url = &self.t.url;
        let service = format!("{url}/sso/kino-siska/saml/metadata");
        let mut facts = Facts::new(IDP, &service, &format!("{url}{ACS}"), &asked.id);
        facts.now = self.t.app.now();
        facts.id = format!("_a{}", asked.id);
        facts.attributes = vec![
            ("mail".to_owned(), "ana@kino.example".to_owned()),
            ("displayName".to_owned(), "Ana Novak".to_owned()),
            ("groups".to_owned(), "team".to_owned()),
        ];
        facts
    }

    async fn post(&self, browser: &Browser, asked: &Asked, response: &str) -> Answer {
        let form = [
            ("SAMLResponse", response),
            ("RelayState", &*asked.relay_state),
        ];
        browser.posted_by_other_site(ACS, &form).await
    }

    async fn sign_in(&self, browser: &mut Browser, change: fn(&mut Facts)) -> Answer {
        let asked = self.ask(browser, "").await;
        let mut facts = self.facts(&asked);
        change(&mut facts);
        let posted = self
            .post(browser, &asked, &self.signer.response(&facts))
            .await;
        if posted.status == 303 {
            browser.get(&location(&posted)).await
        } else {
            posted
        }
    }
}

on_both_engines! {
    /// covers: AUTH-5
    async fn a_company_signs_its_people_in(db: TestDb) {
        let w = World::start(TestApp::start(db).await).await;
        let mut browser = Browser::new(&w.t);
        lands_at(&w.sign_in(&mut browser, |_| {}).await, "/account");
        assert_eq!(browser.identities().await["identities"][0]["slug"], "kino-siska");
        browser.get("/api/v1/events").await.expect(200);
        let user = identity::user_by_email(&w.t.app, &"ana@kino.example".parse().unwrap())
            .await.unwrap().unwrap();
        assert_eq!(user.profile.unwrap().name, "Ana Novak");
        // Again, and proved anew.
        let asked = w.ask(&mut browser, "&again=1").await;
        assert!(asked.text.contains("ForceAuthn=\"true\""), "{}", asked.text);
        let posted = w.post(&browser, &asked, &w.signer.response(&w.facts(&asked))).await;
        lands_at(&browser.get(&location(&posted)).await, "/account");

        let refused = async |code: &str, status: u16, change: fn(&mut Facts)| {
            let mut browser = Browser::new(&w.t);
            w.sign_in(&mut browser, change).await.refused(status, code);
            assert!(!browser.is_signed_in().await, "{code}");
        };
        refused("sso.saml_audience", 400, |f| f.audience = "https://other.example".into()).await;
        refused("sso.saml_issuer", 400, |f| f.issuer = "https://evil.example".into()).await;
        refused("sso.saml_recipient", 400, |f| f.acs_url = "https://evil.example".into()).await;
        refused("sso.saml_in_response_to", 400, |f| f.request_id = "_other".into()).await;
        refused("sso.saml_expired", 400, |f| f.window = (-600_000, -61_000)).await;
        refused("sso.saml_too_early", 400, |f| f.window = (90_000, 600_000)).await;
        refused("sso.subject_transient", 400, |f| {
            f.name_id_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient".into();
        }).await;
        refused("sso.domain_unclaimed", 403, |f| f.attributes[0].1 = "ana@evil.example".into()).await;
        refused("sso.email_missing", 400, |f| drop(f.attributes.remove(0))).await;
        refused("sso.no_role", 403, |f| f.attributes[2].1 = "others".into()).await;
        w.t.stop().await;
    }

    /// covers: AUTH-5
    async fn an_answer_counts_once_and_in_one_browser(db: TestDb) {
        let w = World::start(TestApp::start(db).await).await;
        let (mut anas, mut evils) = (Browser::new(&w.t), Browser::new(&w.t));
        let asked = w.ask(&mut anas, "").await;
        let response = w.signer.response(&w.facts(&asked));
        // Nothing that was not asked for.
        let unsolicited = [("SAMLResponse", &*response)];
        anas.posted_by_other_site(ACS, &unsolicited).await.refused(400, "sso.unsolicited");
        let other = w.ask(&mut evils, "").await;
        w.post(&evils, &other, &response).await.refused(400, "sso.saml_in_response_to");
        for state in ["x", "' OR 1=1 --"] {
            let form = [("SAMLResponse", &*response), ("RelayState", state)];
            anas.posted_by_other_site(ACS, &form).await.refused(400, "sso.state_unknown");
        }
        for garbage in ["", "%%%", "AAAA", "PGEvPg=="] {
            let answer = w.post(&anas, &asked, garbage).await;
            assert_eq!(answer.status, 400, "{garbage}: {}", answer.text);
        }
        let huge = "A".repeat(700_000);
        let answer = w.post(&anas, &asked, &huge).await;
        assert!(matches!(answer.status, 400 | 413), "{}", answer.status);

        let posted = w.post(&anas, &asked, &response).await;
        let on = location(&posted);
        // Twice is once too often, also for the same person.
        w.post(&anas, &asked, &response).await.refused(400, "sso.state_unknown");
        // Not in another browser; and not before the answer.
        evils.get(&on).await.refused(400, "sso.state_unknown");
        let early = format!("/sso/kino-siska/finish?state={}", other.relay_state);
        evils.get(&early).await.refused(400, "sso.state_unknown");
        lands_at(&anas.get(&on).await, "/account");
        anas.get(&on).await.refused(400, "sso.state_unknown");

        // The same assertion in another response: to be replayed, it would have to be signed anew.
        let again = w.ask(&mut anas, "").await;
        let mut facts = w.facts(&again);
        facts.id = format!("_a{}", asked.id);
        w.post(&anas, &again, &w.signer.response(&facts)).await.refused(400, "sso.replayed");

        // What somebody forged is refused, with the reason in the log of the organisation.
        let asked = w.ask(&mut anas, "").await;
        let facts = w.facts(&asked);
        let forged = Signer::new().response(&facts);
        w.post(&anas, &asked, &forged).await.refused(400, "sso.saml_signature");
        let unsigned = STANDARD.encode(facts.response(&facts.assertion("")));
        w.post(&anas, &asked, &unsigned).await.refused(400, "sso.saml_unsigned");
        let wrapped = facts.response(&format!(
            "{}{}",
            facts.assertion("").replace("_a_", "_b_").replace(">ana<", ">boss<"),
            w.signer.assertion(&facts)
        ));
        w.post(&anas, &asked, &STANDARD.encode(wrapped)).await.refused(400, "sso.saml_assertions");
        w.t.stop().await;
    }
}
