//! Describing an event: what an organiser says of it, checked and put where it belongs.

use bilten_kernel::error::FieldError;

use super::brand::is_link;
use super::texts::{Language, TextLimits, Texts, clean, is_unwanted};
use super::venue::ShownVenue;
use super::{
    AgeLimit, DetailsInput, Event, MAX_AGE, MAX_CATEGORIES, MAX_PERFORMERS, MAX_POINT_MINUTES,
    MAX_POINTS, MAX_TAGS, Performer, Point, TranslationsInput,
};

/// The longest tag.
const MAX_TAG: usize = 40;
/// One line that may be left out.
const LINE: TextLimits = TextLimits {
    min: 0,
    max: 200,
    lines: false,
};

/// What is wrong, with where.
#[derive(Default)]
struct Wrong(Vec<FieldError>);

impl Wrong {
    fn add(&mut self, field: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(FieldError {
            field: field.into(),
            code: code.into(),
            detail: detail.into(),
        });
    }

    /// Whether a list is short enough to be looked at.
    fn allows(&mut self, field: &str, length: usize, most: usize) -> bool {
        if length > most {
            self.add(field, "too_many", format!("at most {most}"));
        }
        length <= most
    }

    /// A text as it is kept; what is wrong with it is noted, and it stays as it came.
    fn texts(&mut self, field: &str, texts: &Texts, limits: TextLimits) -> Texts {
        match texts.checked(field, limits) {
            Ok(texts) => texts,
            Err(faults) => {
                self.0.extend(faults);
                texts.clone()
            }
        }
    }

    /// A word or a name in one line.
    fn line(&mut self, field: &str, text: &str, most: usize) -> String {
        let text = clean(text);
        if text.is_empty() {
            self.add(field, "required", "must not be empty");
        } else if text.chars().count() > most {
            self.add(
                field,
                "too_long",
                format!("may have at most {most} characters"),
            );
        } else if text.chars().any(|c| is_unwanted(c, false)) {
            let detail = "must not contain control characters";
            self.add(field, "control_characters", detail);
        }
        text
    }
}

impl Event {
    /// The plain texts by their fields, each with those in other languages.
    fn texts_mut(&mut self) -> [(&'static str, &mut String, &mut Texts, TextLimits); 4] {
        let others = &mut self.details.translations;
        let address = TextLimits {
            max: 500,
            lines: true,
            ..LINE
        };
        [
            ("name", &mut self.name, &mut others.name, LINE),
            (
                "description",
                &mut self.description,
                &mut others.description,
                TextLimits::prose(20_000),
            ),
            (
                "venue_name",
                &mut self.venue_name,
                &mut others.venue_name,
                LINE,
            ),
            (
                "venue_address",
                &mut self.venue_address,
                &mut others.venue_address,
                address,
            ),
        ]
    }

    /// Makes another language the event's own: its plain texts become translations, and the
    /// translations in that language the plain texts.
    pub(in crate::catalog) fn speak(&mut self, language: Language) {
        let before = std::mem::replace(&mut self.details.language, language.clone());
        for (_, plain, others, _) in self.texts_mut() {
            others.exchange(plain, &before, &language);
        }
    }

    /// Shows a venue that it names: in its own language if the venue has it, and in all others that the
    /// venue has. What was said of the place before goes.
    pub(in crate::catalog) fn show(&mut self, venue: ShownVenue) {
        let own = &self.details.language;
        let mut names = venue.names;
        names.put(venue.language.clone(), venue.name);
        let picked = names.pick(std::slice::from_ref(own), &venue.language);
        self.venue_name = picked.map_or_else(String::new, |picked| picked.text.to_owned());
        names.take(own);
        self.venue_address = venue.address;
        self.details.translations.venue_name = names;
        self.details.translations.venue_address = Texts::default();
    }

    /// Takes over what an organiser says, once its language and its plain texts are those that they
    /// say.
    ///
    /// # Errors
    /// All that is wrong with it, by field.
    pub(in crate::catalog) fn describe(
        &mut self,
        input: DetailsInput,
    ) -> Result<(), Vec<FieldError>> {
        let mut wrong = Wrong::default();
        for (field, text) in [("name", &self.name), ("venue_name", &self.venue_name)] {
            if text.trim().is_empty() {
                wrong.add(
                    field,
                    "required",
                    "must be said in the event's own language",
                );
            }
        }
        if let Some(translations) = input.translations {
            self.translate(translations, &mut wrong);
        }
        let details = &mut self.details;
        if let Some(country) = input.country {
            details.country = country;
        }
        if let Some(categories) = input.categories
            && wrong.allows("details.categories", categories.len(), MAX_CATEGORIES)
        {
            details.categories = without_repeats(categories);
        }
        if let Some(services) = input.access_services {
            details.access_services = without_repeats(services);
        }
        if let Some(tags) = input.tags
            && wrong.allows("details.tags", tags.len(), MAX_TAGS)
        {
            details.tags = tags_of(&tags, &mut wrong);
        }
        if let Some(performers) = input.performers
            && wrong.allows("details.performers", performers.len(), MAX_PERFORMERS)
        {
            details.performers = performers_of(performers, &mut wrong);
        }
        if let Some(programme) = input.programme
            && wrong.allows("details.programme", programme.len(), MAX_POINTS)
        {
            details.programme = programme_of(programme, &mut wrong);
        }
        if let Some(limit) = input.age_limit {
            check_age(limit, &mut wrong);
            details.age_limit = limit;
        }
        let prose = TextLimits::prose(5_000);
        if let Some(texts) = input.restrictions {
            details.restrictions = wrong.texts("details.restrictions", &texts, prose);
        }
        if let Some(texts) = input.access_notes {
            details.access_notes = wrong.texts("details.access_notes", &texts, prose);
        }
        if wrong.0.is_empty() {
            Ok(())
        } else {
            Err(wrong.0)
        }
    }

    fn translate(&mut self, said: TranslationsInput, wrong: &mut Wrong) {
        let own = self.details.language.clone();
        let said = [
            said.name,
            said.description,
            said.venue_name,
            said.venue_address,
        ];
        for ((field, _, others, limits), said) in self.texts_mut().into_iter().zip(said) {
            let at = format!("details.translations.{field}");
            match others.translated(&at, &said, &own, limits) {
                Ok(translated) => *others = translated,
                Err(faults) => wrong.0.extend(faults),
            }
        }
    }
}

fn without_repeats<T: Copy + PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

fn tags_of(said: &[String], wrong: &mut Wrong) -> Vec<String> {
    let mut tags = Vec::new();
    for (i, tag) in said.iter().enumerate() {
        let tag = wrong.line(&format!("details.tags[{i}]"), tag, MAX_TAG);
        let tag = tag.to_lowercase();
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

fn performers_of(said: Vec<Performer>, wrong: &mut Wrong) -> Vec<Performer> {
    let mut performers = Vec::with_capacity(said.len());
    for (i, one) in said.into_iter().enumerate() {
        let at = format!("details.performers[{i}]");
        if !one.link.is_empty() && !is_link(&one.link) {
            let detail = "must be an address like https://example.com";
            wrong.add(format!("{at}.link"), "link", detail);
        }
        performers.push(Performer {
            name: wrong.line(&format!("{at}.name"), &one.name, 200),
            role: wrong.texts(&format!("{at}.role"), &one.role, LINE),
            link: one.link,
        });
    }
    performers
}

fn programme_of(said: Vec<Point>, wrong: &mut Wrong) -> Vec<Point> {
    let mut programme = Vec::with_capacity(said.len());
    for (i, point) in said.into_iter().enumerate() {
        let at = format!("details.programme[{i}]");
        if !(-MAX_POINT_MINUTES..=MAX_POINT_MINUTES).contains(&point.after_minutes) {
            let detail = format!("must be at most {MAX_POINT_MINUTES} minutes from the start");
            wrong.add(format!("{at}.after_minutes"), "out_of_range", detail);
        }
        if point
            .minutes
            .is_some_and(|minutes| i64::from(minutes) > i64::from(MAX_POINT_MINUTES))
        {
            let detail = format!("must be at most {MAX_POINT_MINUTES}");
            wrong.add(format!("{at}.minutes"), "out_of_range", detail);
        }
        programme.push(Point {
            after_minutes: point.after_minutes,
            minutes: point.minutes,
            title: wrong.texts(&format!("{at}.title"), &point.title, TextLimits::line(200)),
            place: wrong.texts(&format!("{at}.place"), &point.place, LINE),
        });
    }
    programme.sort_by_key(|point| point.after_minutes);
    programme
}

fn check_age(limit: Option<AgeLimit>, wrong: &mut Wrong) {
    let Some(limit) = limit else {
        return;
    };
    if limit.alone > MAX_AGE {
        let detail = format!("must be at most {MAX_AGE}");
        wrong.add("details.age_limit.alone", "out_of_range", detail);
    }
    if limit.accompanied.is_some_and(|age| age > limit.alone) {
        let detail = "must not be higher than the age from which one comes alone";
        wrong.add("details.age_limit.accompanied", "out_of_range", detail);
    }
}
