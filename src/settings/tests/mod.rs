//! Whole settings, from text and variables to values or to one sentence.

mod mistakes;

use std::collections::BTreeSet;
use std::path::PathBuf;

use secrecy::ExposeSecret as _;

use super::load::SECTIONS;
use super::*;
use crate::database::Tls;
use crate::model::{GroupAcronym, Mode, NotifyTime, RoomPowers};

const MINIMAL: &str =
    "[datatracker]\ndatabase_url = \"postgres://meetsync@db/datatracker\"\n[rooms]\npolicy = \"observe\"\n";
const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// Loads `text` as `meetsync.toml` of a directory of its own, whose name is cut out of errors.
fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("meetsync.toml");
    std::fs::write(&file, text).unwrap();
    Settings::load(Some(&file), &variables.iter().copied().collect::<Environment>())
        .map_err(|error| error.to_string().replace(&format!("{}/", directory.path().display()), ""))
}

/// `MINIMAL` with one more line, in its section.
fn with(section: &str, line: &str) -> String {
    let header = format!("[{section}]\n");
    if MINIMAL.contains(&header) {
        MINIMAL.replace(&header, &format!("{header}{line}\n"))
    } else {
        format!("{MINIMAL}{header}{line}\n")
    }
}

#[test]
fn the_least_that_is_needed_gives_the_defaults_that_are_documented() {
    let least = load_with(MINIMAL, &[]).unwrap();
    let example = load_with(EXAMPLE, &[]).unwrap();
    assert_eq!(format!("{example:#?}"), format!("{least:#?}"));
    assert_eq!(example.policy(), least.policy());
    assert_eq!(least.scope.mode, Mode::Observe);
    assert_eq!(least.meetecho.request_timeout, Duration::from_millis(3_010));
    assert_eq!(least.ledger.database_url.expose_secret(), "postgres://meetsync@db/datatracker");
}

/// The keys of the example by section, those shown as `#key = ...` included.
fn keys_in_the_example() -> Vec<(String, BTreeSet<String>)> {
    let mut sections: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push((name.to_owned(), BTreeSet::new()));
            continue;
        }
        let line = line.strip_prefix('#').unwrap_or(line);
        if let Some((key, _)) = line.split_once(" = ")
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            sections.last_mut().unwrap().1.insert(key.to_owned());
        }
    }
    sections
}

#[test]
fn the_example_shows_every_key_and_no_other() {
    let known: Vec<_> = SECTIONS
        .iter()
        .map(|(name, keys)| ((*name).to_owned(), keys.iter().map(|key| (*key).to_owned()).collect()))
        .collect();
    assert_eq!(keys_in_the_example(), known);
}

#[test]
fn what_the_example_only_shows_is_accepted_too() {
    for (name, keys) in SECTIONS {
        for key in keys.iter().filter(|key| !key.ends_with("_file")) {
            let shown = format!("#{key} = ");
            let Some(line) = EXAMPLE.lines().find(|line| line.starts_with(&shown)) else { continue };
            let text = EXAMPLE.replace(line, &line[1..]);
            assert!(load_with(&text, &[]).is_ok(), "[{name}] {line}");
        }
    }
}

#[test]
fn every_key_is_read_from_the_file_and_from_the_environment() {
    for (name, keys) in SECTIONS {
        for key in keys {
            // No key is a table, so one that is accepted was never looked at.
            let bad = format!("{key} = {{ a = 1 }}");
            let text = match (name, *key) {
                ("datatracker", "database_url") => format!("[datatracker]\n{bad}\n"),
                ("rooms", "policy") => MINIMAL.replace("policy = \"observe\"", &bad),
                _ => with(name, &bad),
            };
            let error = load_with(&text, &[]).expect_err(key);
            assert!(error.contains(&format!("[{name}] {key}: expected")), "{error}");

            let variable = format!("MEETSYNC__{name}__{key}").to_uppercase();
            let bad = load_with(MINIMAL, &[(&variable, "\u{1}{not this}")]);
            let any_text = [
                "client_id",
                "groups",
                "meetings",
                "statuses",
                "link_prefix",
                "client_secret",
                "operator_token",
            ];
            match bad {
                Ok(_) => assert!(any_text.contains(key), "{variable} was not looked at"),
                Err(error) => assert!(error.starts_with(&variable), "{error}"),
            }
        }
    }
}

#[test]
fn the_environment_has_the_last_word() {
    let settings = load_with(
        &with("scope", "mode = \"observe\"\ngroups = [\"mars\"]"),
        &[
            ("MEETSYNC__SCOPE__MODE", "act"),
            ("MEETSYNC__SCOPE__GROUPS", "ames, mars"),
            ("MEETSYNC__MEETECHO__MAX_IN_FLIGHT", "8"),
            ("MEETSYNC__MEETECHO__RATE", "0.5"),
            ("MEETSYNC__MEETECHO__CLIENT_SECRET", "hush"),
            ("MEETSYNC__SLIDES__SLIDES_NOTIFY_TIME", "-1"),
            ("MEETSYNC__SLIDES__REFRESH", "90"),
            ("MEETSYNC__HTTP__LISTEN", ""),
            ("MEETSYNC__CHECK__ALLOW_WIDE_ROLE", "true"),
            ("MEETSYNC__DATATRACKER__TLS", "verify-full"),
            ("MEETSYNC__DATATRACKER__TLS_CA_FILE", "/etc/ca.pem"),
        ],
    )
    .unwrap();
    assert_eq!(settings.scope.mode, Mode::Act);
    assert_eq!(settings.scope.groups, ["ames", "mars"].map(GroupAcronym::new).into());
    assert_eq!(settings.meetecho.max_in_flight, 8);
    assert!((settings.meetecho.rate - 0.5).abs() < f64::EPSILON);
    assert_eq!(settings.meetecho.client_secret.unwrap().expose_secret(), "hush");
    assert_eq!(settings.slides.notify, NotifyTime::Always);
    assert_eq!(settings.slides.refresh, Duration::from_secs(90));
    assert_eq!(settings.http.listen, None);
    assert!(settings.check.allow_wide_role);
    assert_eq!(settings.datatracker.tls, Tls::VerifyFull { ca_file: Some(PathBuf::from("/etc/ca.pem")) });
}

#[test]
fn without_a_file_the_environment_can_be_enough() {
    let environment = Environment::from_iter([
        ("MEETSYNC__DATATRACKER__DATABASE_URL", "postgres://a@b/c"),
        ("MEETSYNC__ROOMS__POLICY", "full"),
    ]);
    // The tests run in the project's directory, which has no meetsync.toml.
    assert_eq!(Settings::load(None, &environment).unwrap().rooms.policy, RoomPowers::Full);

    let error = Settings::load(None, &Environment::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no settings file meetsync.toml: copy config.example.toml there, or name yours with --config FILE or \
         MEETSYNC_CONFIG"
    );
    let some = Environment::from_iter([("MEETSYNC__DATATRACKER__DATABASE_URL", "postgres://a@b/c")]);
    let error = Settings::load(None, &some).unwrap_err().to_string();
    assert!(error.starts_with("MEETSYNC__ROOMS__POLICY: missing: choose"), "{error}");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let directory = tempfile::tempdir().unwrap();
    let gone = directory.path().join("gone.toml");
    let environment = Environment::from_iter([("MEETSYNC__ROOMS__POLICY", "full")]);
    let error = Settings::load(Some(&gone), &environment).unwrap_err();
    assert!(matches!(&error, SettingsError::Unreadable { path, .. } if *path == gone), "{error}");

    let named = Environment::from_iter([("MEETSYNC_CONFIG", gone.as_os_str())]);
    assert!(matches!(Settings::load(None, &named), Err(SettingsError::Unreadable { .. })));
}

#[test]
fn notify_time_has_its_words() {
    for (line, expected) in [
        ("0", NotifyTime::Minutes(0)),
        ("20", NotifyTime::Minutes(20)),
        ("-5", NotifyTime::Always),
        ("\"always\"", NotifyTime::Always),
        ("\"never\"", NotifyTime::Never),
    ] {
        let settings = load_with(&with("slides", &format!("slides_notify_time = {line}")), &[]).unwrap();
        assert_eq!(settings.policy().slides.notify, expected, "{line}");
    }
}

#[test]
fn addresses_are_https_unless_they_stay_on_the_machine() {
    for (line, expected) in [
        ("api_base = \"https://a.example/api/v1\"", Some("https://a.example/api/v1/")),
        ("api_base = \"https://a.example/api/v1/\"", Some("https://a.example/api/v1/")),
        ("api_base = \"http://127.0.0.1:9/api\"", Some("http://127.0.0.1:9/api/")),
        ("api_base = \"http://[::1]:9\"", Some("http://[::1]:9/")),
        ("api_base = \"http://localhost:9\"", Some("http://localhost:9/")),
        ("api_base = \"http://localhost.example\"", None),
        ("api_base = \"http://a.example\"", None),
        ("api_base = \"http://a.example\"\nallow_http = true", Some("http://a.example/")),
        ("api_base = \"https://me:hush@a.example\"", None),
        ("api_base = \"https://a.example/?x=1\"", None),
        ("api_base = \"ftp://a.example\"", None),
    ] {
        let found = load_with(&with("meetecho", line), &[]);
        assert_eq!(
            found.as_ref().ok().map(|settings| settings.meetecho.api_base.as_str()),
            expected,
            "{line}"
        );
        if let Err(error) = found {
            assert!(!error.contains("hush"), "{error}");
        }
    }
}

#[test]
fn a_secret_may_stand_in_a_file_beside_the_settings() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("secret"), "hush\n").unwrap();
    std::fs::write(at("url"), "postgres://a:b%40c@d/e\r\n").unwrap();
    std::fs::write(at("empty"), "\n").unwrap();
    std::fs::write(at("two"), "hush\nhush\n").unwrap();
    let load = |meetecho: &str, variables: &[(&str, &str)]| {
        let file = at("meetsync.toml");
        let text = format!(
            "[datatracker]\ndatabase_url_file = \"url\"\n[rooms]\npolicy = \"full\"\n[meetecho]\n{meetecho}\n"
        );
        std::fs::write(&file, text).unwrap();
        Settings::load(Some(&file), &variables.iter().copied().collect::<Environment>())
            .map_err(|error| error.to_string().replace(&format!("{}/", directory.path().display()), ""))
    };
    let settings = load("client_secret_file = \"secret\"", &[]).unwrap();
    assert_eq!(settings.meetecho.client_secret.unwrap().expose_secret(), "hush");
    assert_eq!(settings.datatracker.write_url.expose_secret(), "postgres://a:b%40c@d/e");

    for (line, expected) in [
        (
            "client_secret_file = \"gone\"",
            "meetsync.toml:6: [meetecho] client_secret_file: can't read gone: No such file or directory (os error 2)",
        ),
        (
            "client_secret_file = \"empty\"",
            "meetsync.toml:6: [meetecho] client_secret_file: empty holds nothing",
        ),
        (
            "client_secret_file = \"two\"",
            "meetsync.toml:6: [meetecho] client_secret_file: two has more than one line",
        ),
        (
            "client_secret_file = \"secret\"\nclient_secret = \"hush\"",
            "meetsync.toml:6: [meetecho] client_secret_file: client_secret is set too (at meetsync.toml:7: [meetecho] \
             client_secret); keep one of the two",
        ),
    ] {
        assert_eq!(load(line, &[]).unwrap_err(), expected);
    }
    let both = load("client_secret = \"hush\"", &[("MEETSYNC__MEETECHO__CLIENT_SECRET_FILE", "secret")]);
    assert_eq!(
        both.unwrap_err(),
        "MEETSYNC__MEETECHO__CLIENT_SECRET_FILE: client_secret is set too (at meetsync.toml:6: [meetecho] \
         client_secret); keep one of the two"
    );
}

#[test]
fn debug_shows_no_secret() {
    let settings = load_with(
        "[datatracker]\ndatabase_url = \"postgres://a:canary1@b/c\"\nwrite_url = \"postgres://a:canary2@b/c\"\n\
         [ledger]\ndatabase_url = \"postgres://a:canary3@b/c\"\n[rooms]\npolicy = \"full\"\n\
         [meetecho]\nclient_secret = \"canary4\"\n[http]\noperator_token = \"canary5\"\n",
        &[],
    )
    .unwrap();
    let shown = format!("{settings:#?}");
    assert!(!shown.contains("canary"), "{shown}");
}
