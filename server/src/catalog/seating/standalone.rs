//! A picture that stands by itself: with its style in it, for `<img>`, mails and downloads.

use bilten_kernel::text_enum;

use super::svg::STYLE;

text_enum! {
    /// Whether a picture is on a light or a dark ground.
    pub enum ColorScheme {
        /// Light.
        Light = "light",
        /// Dark.
        Dark = "dark",
    }
}

/// A picture as [`render`](super::svg::render) draws it, with its style sheet and the language of its
/// words; light or dark as is said, or else as whoever looks prefers it.
pub fn standalone(picture: &str, language: &str, scheme: Option<ColorScheme>) -> String {
    // What is written in a picture is escaped, so these are the tags of the picture itself.
    let parts = picture
        .strip_prefix("<svg")
        .and_then(|picture| picture.split_once("</desc>\n"));
    let Some((head, rest)) = parts else {
        return picture.to_owned();
    };
    let scheme = scheme.map_or_else(String::new, |scheme| {
        format!(".seat-map {{ color-scheme: {scheme}; }}\n")
    });
    format!("<svg lang=\"{language}\"{head}</desc>\n<style>\n{STYLE}{scheme}</style>\n{rest}")
}
