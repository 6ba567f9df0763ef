//! A purchase on the shop's pages, as a browser without scripts makes it: the forms are taken as
//! the pages give them.

use super::api::Api;
use super::organiser::Event;
use crate::cli::Failure;

/// Where a purchase led.
pub(super) struct Bought {
    /// The order's id.
    pub(super) order: String,
    /// The order's token.
    pub(super) token: String,
    /// Where the page shows the ticket's picture.
    pub(super) picture: String,
}

/// Chooses one ticket, gives name and address, pays.
///
/// # Errors
/// `demo.page` if a page is not as a buyer needs it; what the server says.
pub(super) async fn buy(
    api: &Api,
    event: &Event,
    name: &str,
    email: &str,
    tier: &str,
) -> Result<Bought, Failure> {
    let (_, page) = api.page(&format!("/e/{}", event.slug)).await?;
    let mut choice = form(&page, |action| action.ends_with("/hold"))?;
    choice.set(&format!("q_{}", event.tier(tier)?), "1");
    let (_, page) = api.form(&choice.action, &choice.fields).await?;

    let mut checkout = form(&page, |action| {
        action.starts_with("/checkout/") && !action.ends_with("/release")
    })?;
    checkout.set("name", name);
    checkout.set("email", email);
    checkout.set("payment", "succeed");
    let (url, page) = api.form(&checkout.action, &checkout.fields).await?;

    let order = url.path().strip_prefix("/orders/");
    let token = url.query_pairs().find(|(key, _)| key == "token");
    let (Some(order), Some((_, token))) = (order, token) else {
        return Err(unfit("the checkout did not lead to an order"));
    };
    let start = format!("/orders/{order}/tickets/");
    let picture = page
        .split('"')
        .find(|text| text.starts_with(&start) && text.contains(".png"))
        .ok_or_else(|| unfit("the order's page shows no ticket"))?;
    Ok(Bought {
        order: order.to_owned(),
        token: token.into_owned(),
        picture: unescaped(picture),
    })
}

fn unfit(why: &str) -> Failure {
    Failure::new("demo.page", why)
}

/// A form as a page gives it: where it is sent, and its hidden fields.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    fn set(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), value.to_owned()));
    }
}

/// The first form of a page whose address is the wanted one.
fn form(page: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Form, Failure> {
    for form in page.split("<form").skip(1) {
        let form = form.split("</form").next().unwrap_or_default();
        let (head, body) = form.split_once('>').unwrap_or((form, ""));
        let Some(action) = attribute(head, "action").filter(|action| is_wanted(action)) else {
            continue;
        };
        let hidden = body.split("<input").skip(1).filter_map(|input| {
            let input = input.split('>').next()?;
            if attribute(input, "type")? != "hidden" {
                return None;
            }
            Some((attribute(input, "name")?, attribute(input, "value")?))
        });
        return Ok(Form {
            action,
            fields: hidden.collect(),
        });
    }
    Err(unfit("the page has not the form that a buyer needs"))
}

/// An attribute of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = format!(" {name}=\"");
    let (_, rest) = tag.split_once(&start)?;
    rest.split_once('"').map(|(value, _)| unescaped(value))
}

fn unescaped(text: &str) -> String {
    // The ampersand last: what it escapes is no escape any more.
    text.replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_taken_as_they_are() {
        let page = r#"<form method="get" action="/other"><input type="hidden" name="x" value="1"></form>
            <form class="panel" method="post" action="/e/polka/hold" novalidate>
            <input type="hidden" name="key" value="a&amp;b"><input id="n" name="n" type="text" value="2">
            <button>Go</button></form>"#;
        let found = form(page, |action| action.ends_with("/hold")).unwrap();
        assert_eq!(found.action, "/e/polka/hold");
        assert_eq!(found.fields, [("key".to_owned(), "a&b".to_owned())]);
        assert_eq!(form(page, |_| false).err().unwrap().code, "demo.page");
    }
}
