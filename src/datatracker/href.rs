//! The URL of a slide deck, in all its shapes.
//!
//! This is what the datatracker's `Document.get_href()` yields for slides (`ietf/doc/models.py`), except that the
//! datatracker looks for the file of a reusable deck on its own disk, where we have only the name that was uploaded.
//! Nothing is escaped and nothing is fetched: the text is what Meetecho has always been sent.

/// What of a deck decides its URL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) name: &'a str,
    pub(super) rev: &'a str,
    pub(super) external_url: &'a str,
    pub(super) uploaded_filename: &'a str,
    /// The slug of the document's state of type `reuse_policy`.
    pub(super) reuse_policy: Option<&'a str>,
    /// The number of the meeting of the lowest session that the document is linked to.
    pub(super) home: Option<&'a str>,
}

/// The two hosts that serve slides, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hosts {
    base: String,
    archive: String,
}

/// The schemes that the datatracker lets an `external_url` have (Django's `URLValidator`), compared in lower case only.
const SCHEMES: [&str; 4] = ["http", "https", "ftp", "ftps"];

/// The last IETF meeting whose materials have no revision in their URL (`PROCEEDINGS_VERSION_CHANGES`).
const LAST_WITHOUT_REVISION: u64 = 96;

impl Hosts {
    pub(super) fn new(base_url: &str, archive_url: &str) -> Self {
        let bare = |url: &str| url.trim_end_matches('/').to_owned();
        Self { base: bare(base_url), archive: bare(archive_url) }
    }

    pub(super) fn href(&self, deck: Shape<'_>) -> String {
        if deck.external_url.split_once(':').is_some_and(|(scheme, _)| SCHEMES.contains(&scheme)) {
            return deck.external_url.to_owned();
        }
        let (name, rev) = (deck.name, deck.rev);
        if deck.reuse_policy == Some("single") {
            let base = &self.base;
            return match deck.home {
                None => String::new(),
                Some(number) if is_without_revision(number) => {
                    format!("{base}/meeting/{number}/materials/{name}")
                }
                Some(number) => format!("{base}/meeting/{number}/materials/{name}-{rev}"),
            };
        }
        let extension = match deck.uploaded_filename {
            "" => ".txt",
            file => suffix(file),
        };
        format!("{}/slides/{name}-{rev}{extension}", self.archive)
    }
}

/// Only a number of digits is an IETF meeting; an interim's number is a name.
fn is_without_revision(number: &str) -> bool {
    number.bytes().all(|byte| byte.is_ascii_digit())
        && number.parse::<u64>().is_ok_and(|number| number <= LAST_WITHOUT_REVISION)
}

/// The suffix as Python's `pathlib.PurePath(file).suffix` has it: of the last component, from its last dot, which
/// must be neither its first nor its last character.
fn suffix(file: &str) -> &str {
    let Some(name) = file.split('/').rev().find(|part| !part.is_empty() && *part != ".") else { return "" };
    match name.rfind('.') {
        Some(dot) if dot > 0 && dot + 1 < name.len() => &name[dot..],
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Shape<'_> = Shape {
        name: "slides-126-mars-chair",
        rev: "03",
        external_url: "",
        uploaded_filename: "slides-126-mars-chair-03.pdf",
        reuse_policy: Some("single"),
        home: Some("126"),
    };

    fn href(deck: Shape<'_>) -> String {
        Hosts::new("https://datatracker.ietf.org", "https://www.ietf.org").href(deck)
    }

    #[test]
    fn an_external_url_counts_with_the_schemes_that_the_datatracker_knows() {
        for url in ["http://a.example/x", "https://a.example/x?y#z", "ftp://a.example", "ftps:x", "https:"] {
            assert_eq!(href(Shape { external_url: url, ..PLAIN }), url);
        }
        for url in [
            "",
            "HTTPS://a.example",
            "Http://a",
            "mailto:a@example.org",
            "www.example.org",
            "https",
            " https://a",
            ":",
        ] {
            let expected = "https://datatracker.ietf.org/meeting/126/materials/slides-126-mars-chair-03";
            assert_eq!(href(Shape { external_url: url, ..PLAIN }), expected, "{url:?}");
        }
    }

    #[test]
    fn a_deck_of_one_meeting_is_served_by_the_datatracker() {
        for (number, tail) in [
            ("1", "1/materials/d"),
            ("96", "96/materials/d"),
            ("97", "97/materials/d-03"),
            ("126", "126/materials/d-03"),
            ("0096", "0096/materials/d"),
            ("interim-2014-mars-01", "interim-2014-mars-01/materials/d-03"),
            ("99999999999999999999999", "99999999999999999999999/materials/d-03"),
            ("-5", "-5/materials/d-03"),
            ("", "/materials/d-03"),
        ] {
            let expected = format!("https://datatracker.ietf.org/meeting/{tail}");
            assert_eq!(href(Shape { name: "d", home: Some(number), ..PLAIN }), expected);
        }
        assert_eq!(href(Shape { home: None, ..PLAIN }), "");
    }

    #[test]
    fn any_other_deck_is_served_by_the_archive_with_the_suffix_of_its_file() {
        for policy in [None, Some("multiple"), Some("")] {
            for (file, suffix) in [
                ("", ".txt"),
                ("a.PDF", ".PDF"),
                ("a.tar.gz", ".gz"),
                ("noext", ""),
                (".hidden", ""),
                ("trailing.", ""),
                ("dir.d/file", ""),
                ("dir/file.pptx", ".pptx"),
                ("dir.pdf/", ".pdf"),
                ("a.pdf/.", ".pdf"),
                ("..", ""),
                ("a..b", ".b"),
                ("ünï.pdf", ".pdf"),
                ("/", ""),
                ("a.b c", ".b c"),
            ] {
                let deck = Shape { reuse_policy: policy, uploaded_filename: file, name: "d", ..PLAIN };
                assert_eq!(href(deck), format!("https://www.ietf.org/slides/d-03{suffix}"), "{file:?}");
            }
        }
    }

    #[test]
    fn the_hosts_may_end_in_a_slash() {
        let bare = Hosts::new("https://dt.example", "https://archive.example/x");
        assert_eq!(bare, Hosts::new("https://dt.example/", "https://archive.example/x//"));
        assert_eq!(bare.href(Shape { name: "d", ..PLAIN }), "https://dt.example/meeting/126/materials/d-03");
    }
}
