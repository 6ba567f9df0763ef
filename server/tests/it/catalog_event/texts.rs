//! Languages, and what there is to know of an event.

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{act, draft, faults, made, path};
use crate::app::{Answer, TestApp};

/// What the shop answers to who wants these languages.
async fn shop(t: &TestApp, event: &Value, query: &str, accepts: &str) -> Value {
    let at = format!("{}{query}", path(event).replace("/events", "/shop/events"));
    let request = t
        .stranger
        .request(reqwest::Method::GET, &at)
        .header("accept-language", accepts);
    let answer: Answer = t.stranger.send(request).await;
    let varies = answer.headers.get_all("vary").iter();
    let varies: Vec<_> = varies
        .map(|value| value.to_str().unwrap().to_lowercase())
        .collect();
    assert!(varies.join(",").contains("accept-language"), "{varies:?}");
    answer.expect(200)
}

fn in_three_languages() -> Value {
    json!({
        "name": "Poletni večer", "description": "Pod zvezdami.", "slug": "poletni-vecer",
        "details": {
            "language": "sl",
            "translations": {
                "name": {"de": "Sommerabend", "ar": "أمسية صيفية"},
                "description": {"de": "Unter den Sternen."},
                "venue_name": {"de": "Kino Schischka"},
            },
            "country": "SI", "categories": ["music", "festival", "music"], "tags": [" Jazz ", "jazz", "Na Prostem"],
            "performers": [{"name": "Ana Novak", "role": {"sl": "glas", "de": "Gesang"}, "link": "https://example.com/ana"}],
            "programme": [
                {"after_minutes": 30, "minutes": 60, "title": {"sl": "Koncert"}, "place": {"sl": "Dvorana"}},
                {"after_minutes": -30, "title": {"sl": "Ogrevanje", "de": "Vorprogramm"}},
            ],
            "age_limit": {"alone": 16, "accompanied": 6},
            "restrictions": {"sl": "Brez steklenic.", "de": "Keine Flaschen."},
            "access_services": ["captions"], "access_notes": {"sl": "Dvigalo je levo."},
        },
    })
}

on_both_engines! {
    /// covers: I18N-2, ORG-2, WEB-2
    async fn an_event_is_read_in_the_best_language_there_is(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = made(&t, &in_three_languages()).await;
        let details = &event["details"];
        assert_eq!(details["translations"]["name"]["de"], "Sommerabend");
        assert_eq!(details["categories"], json!(["music", "festival"]));
        assert_eq!(details["tags"], json!(["jazz", "na prostem"]));
        assert_eq!(details["programme"][0]["title"]["de"], "Vorprogramm", "in the order of time");
        // The organiser sees all languages side by side, whatever they read themselves.
        assert_eq!(t.organiser.get(&path(&event)).await.expect(200), event);
        act(&t, &path(&event), "publish").await.expect(200);
        for (query, accepts, name, about, venue) in [
            ("", "", "Poletni večer", "Pod zvezdami.", "Kino Šiška"),
            ("", "de-AT, en;q=0.5", "Sommerabend", "Unter den Sternen.", "Kino Schischka"),
            // Each text by itself: who reads Arabic gets the rest in the event's own language.
            ("", "fr, ar;q=0.9, de;q=0.1", "أمسية صيفية", "Unter den Sternen.", "Kino Schischka"),
            ("", "ar", "أمسية صيفية", "Pod zvezdami.", "Kino Šiška"),
            ("?lang=de", "sl", "Sommerabend", "Unter den Sternen.", "Kino Schischka"),
            ("?lang=%27%27", "x_y, *;q=0.1, en", "Poletni večer", "Pod zvezdami.", "Kino Šiška"),
        ] {
            let shown = shop(&t, &event, query, accepts).await;
            let texts = [&shown["name"], &shown["description"], &shown["venue_name"]];
            assert_eq!(texts, [name, about, venue], "{query} {accepts}");
            assert_eq!(shown["languages"], json!(["sl", "ar", "de"]));
            assert_eq!(shown["details"]["age_limit"]["accompanied"], 6);
        }
        let list = "/api/v1/shop/organisations/kino-siska/events?lang=de";
        assert_eq!(t.stranger.get(list).await.expect(200)["items"][0]["name"], "Sommerabend");
        t.stop().await;
    }

    /// covers: I18N-2, WEB-2
    async fn the_page_of_an_event_says_which_language_each_part_is_in(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = made(&t, &in_three_languages()).await;
        act(&t, &path(&event), "publish").await.expect(200);
        let page = async |query: &str| {
            let answer = t.stranger.get(&format!("/e/poletni-vecer{query}")).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert!(answer.headers.get_all("vary").iter().any(|value| value == "accept-language"));
            answer.text
        };
        let arabic = page("?lang=ar").await;
        for part in [
            "<bdi lang=\"ar\" dir=\"rtl\">أمسية صيفية</bdi>",
            "<div lang=\"sl\" dir=\"ltr\">",
            "hreflang=\"de\" lang=\"de\">Deutsch</a>",
            "From 16 years; from 6 with an adult.",
            "https://example.com/ana",
        ] {
            assert!(arabic.contains(part), "no {part} in {arabic}");
        }
        let german = page("?lang=de").await;
        for part in ["Sommerabend", "Gesang", "Vorprogramm", "Keine Flaschen.", "lang=\"sl\"><bdi>Koncert</bdi>"] {
            assert!(german.contains(part), "no {part} in {german}");
        }
        t.stop().await;
    }

    /// covers: I18N-2
    async fn a_change_of_language_loses_no_words(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = made(&t, &in_three_languages()).await;
        let german = json!({"version": 1, "details": {"language": "de"}});
        let event = t.organiser.patch(&path(&event), german).await.expect(200);
        assert_eq!((&event["name"], &event["venue_name"]), (&json!("Sommerabend"), &json!("Kino Schischka")));
        assert_eq!(event["details"]["translations"]["name"], json!({"ar": "أمسية صيفية", "sl": "Poletni večer"}));
        // An empty text takes a language away; one that is left out stays.
        let patch = json!({"version": 2, "name": "Abend", "details": {"translations": {"name": {"ar": "", "it": "Sera"}}, "country": null}});
        let event = t.organiser.patch(&path(&event), patch).await.expect(200);
        assert_eq!(event["name"], "Abend");
        assert_eq!(event["details"]["translations"]["name"], json!({"it": "Sera", "sl": "Poletni večer"}));
        assert_eq!((&event["details"]["country"], &event["details"]["age_limit"]["alone"]), (&Value::Null, &json!(16)));
        // A language in which the event has no name cannot be its own.
        let french = json!({"version": 3, "details": {"language": "fr"}});
        let problem = t.organiser.patch(&path(&event), french).await.refused(422, "invalid");
        assert_eq!(faults(&problem), ["name required", "venue_name required"]);
        assert_eq!(t.organiser.get(&path(&event)).await.expect(200), event);
        t.stop().await;
    }

    /// covers: ORG-2, BE-6
    async fn what_cannot_be_shown_is_refused_by_field(db: TestDb) {
        let t = TestApp::start(db).await;
        let long = "š".repeat(201);
        for (details, wanted) in [
            (json!({"translations": {"name": {"en": "Again"}}}), "details.translations.name.en own_language"),
            (json!({"translations": {"name": {"de": long}}}), "details.translations.name.de too_long"),
            (json!({"translations": {"venue_name": {"de": "a\u{202e}b"}}}), "details.translations.venue_name.de control_characters"),
            (json!({"tags": vec!["x"; 21]}), "details.tags too_many"),
            (json!({"tags": ["x", "  "]}), "details.tags[1] required"),
            (json!({"categories": ["film", "film", "film", "film", "film", "film"]}), "details.categories too_many"),
            (json!({"performers": [{"name": "A", "link": "javascript:alert(1)"}]}), "details.performers[0].link link"),
            (json!({"performers": [{"name": ""}]}), "details.performers[0].name required"),
            (json!({"programme": [{"after_minutes": 0, "title": {}}]}), "details.programme[0].title required"),
            (json!({"programme": [{"after_minutes": 99_999, "title": {"en": "x"}}]}), "details.programme[0].after_minutes out_of_range"),
            (json!({"age_limit": {"alone": 6, "accompanied": 16}}), "details.age_limit.accompanied out_of_range"),
            (json!({"age_limit": {"alone": 200}}), "details.age_limit.alone out_of_range"),
            (json!({"restrictions": {"en": "x".repeat(5_001)}}), "details.restrictions.en too_long"),
        ] {
            let body = draft(&t, &json!({"details": details}));
            let problem = t.organiser.post("/api/v1/events", body).await.refused(422, "invalid");
            assert_eq!(faults(&problem), [wanted], "{details}");
        }
        for odd in [
            json!({"language": "english language"}), json!({"translations": {"name": {"e_n": "x"}}}), json!({"country": "UK"}),
            json!({"categories": ["opera-ish"]}), json!({"age_limit": {"alone": -1}}), json!({"age_limit": {"alone": 300}}),
            json!({"programme": [{"after_minutes": 1.5, "title": {"en": "x"}}]}), json!({"translations": null, "more": 1}),
        ] {
            let body = draft(&t, &json!({"details": odd}));
            let answer = t.organiser.post("/api/v1/events", body).await;
            assert_eq!(answer.status, 422, "{odd}: {}", answer.text);
        }
        t.stop().await;
    }
}
