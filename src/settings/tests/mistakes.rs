//! Settings that can't be used, and the sentence that each gets.

use super::{MINIMAL, load_with, with};

fn error_of(section: &str, line: &str) -> String {
    load_with(&with(section, line), &[]).expect_err(line)
}

fn check(mistakes: &[(&str, &str, &str)]) {
    for (section, line, expected) in mistakes {
        assert_eq!(error_of(section, line), *expected);
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_one_sentence_that_says_where_and_what_was_expected() {
    check(&[
        ("log", "level = 1", "meetsync.toml:6: [log] level: unknown key (expected format or filter)"),
        (
            "log",
            "format = \"xml\"",
            "meetsync.toml:6: [log] format: unknown value \"xml\" (expected \"text\" or \"json\")",
        ),
        (
            "log",
            "filter = \"meetsync=loud\"",
            "meetsync.toml:6: [log] filter: expected levels (off, error, warn, info, debug, trace), as in \"info\" or \
             \"info,meetsync::provider=debug\", found \"meetsync=loud\"",
        ),
        (
            "log",
            "filter = \"inof\"",
            "meetsync.toml:6: [log] filter: expected levels (off, error, warn, info, debug, trace), as in \"info\" or \
             \"info,meetsync::provider=debug\", found \"inof\"",
        ),
        (
            "meetecho",
            "request_timeout = \"3 apples\"",
            "meetsync.toml:6: [meetecho] request_timeout: expected a span of time such as \"3.01s\", \"15m\", \"1h30m\" or \"180d\", or a number of seconds, found \"3 apples\"",
        ),
        (
            "slides",
            "quiet = -1",
            "meetsync.toml:6: [slides] quiet: expected a span of time such as \"3.01s\", \"15m\", \"1h30m\" or \"180d\", or a number of seconds, found -1",
        ),
        (
            "slides",
            "quiet = true",
            "meetsync.toml:6: [slides] quiet: expected a span of time such as \"3.01s\", \"15m\", \"1h30m\" or \"180d\", or a number of seconds, found true or false",
        ),
        (
            "slides",
            "quiet = \"11s\"",
            "meetsync.toml:6: [slides] quiet: max_wait must not be shorter than quiet",
        ),
        (
            "slides",
            "slides_notify_time = \"soon\"",
            "meetsync.toml:6: [slides] slides_notify_time: expected a whole number of minutes (at most a year of \
             them), \"never\" or \"always\", found \"soon\"",
        ),
        (
            "meetecho",
            "max_in_flight = 0",
            "meetsync.toml:6: [meetecho] max_in_flight: expected a whole number, 1 or more, found 0",
        ),
        (
            "meetecho",
            "max_in_flight = \"4\"",
            "meetsync.toml:6: [meetecho] max_in_flight: expected a whole number, 1 or more, found text",
        ),
        ("meetecho", "rate = -1", "meetsync.toml:6: [meetecho] rate: expected a number, 0 or more, found -1"),
        (
            "meetecho",
            "request_timeout = \"30s\"",
            "meetsync.toml:6: [meetecho] request_timeout: must be more than 3 s shorter than ledger.lease, or no \
             step could end in time",
        ),
        (
            "guard",
            "per = \"91d\"",
            "meetsync.toml:6: [guard] per: must not be longer than ledger.keep: what is forgotten can't be counted",
        ),
        (
            "meetecho",
            "max_in_flight = 65",
            "meetsync.toml:6: [meetecho] max_in_flight: expected a whole number from 1 to 64, found 65",
        ),
        (
            "ledger",
            "lease = \"9s\"",
            "meetsync.toml:6: [ledger] lease: \"9s\" is too short: a step needs time to end before its lease does, so \
             give it \"10s\" or more",
        ),
    ]);
}

#[test]
fn a_value_that_makes_no_sense_is_one_sentence_too() {
    check(&[
        (
            "datatracker",
            "poll = 0",
            "meetsync.toml:2: [datatracker] poll: 0 is too short: the world is read ten times a second at most",
        ),
        (
            "datatracker",
            "tls_ca_file = \"ca.pem\"",
            "meetsync.toml:2: [datatracker] tls_ca_file: is used with tls = \"verify-full\" only: set both, or neither",
        ),
        (
            "datatracker",
            "schema = \"a;b\"",
            "meetsync.toml:2: [datatracker] schema: expected the name of a schema such as \"datatracker\", or \"\" to \
             have it found, found \"a;b\"",
        ),
        (
            "datatracker",
            "write_url = \"mysql://a:hush@b\"",
            "meetsync.toml:2: [datatracker] write_url: expected a URL such as \"postgres://meetsync@db/datatracker\"",
        ),
        (
            "rooms",
            "link_prefix = \" \"",
            "meetsync.toml:4: [rooms] link_prefix: must not be blank (leave the key out for its default)",
        ),
        (
            "rooms",
            "sweep = \"0 * * * *\"",
            "meetsync.toml:4: [rooms] sweep: expected six fields of cron (second minute hour day month weekday) such \
             as \"0 0 * * * *\", found \"0 * * * *\"",
        ),
        (
            "rooms",
            "sweep = \"0 0 25 * * *\"",
            "meetsync.toml:4: [rooms] sweep: \"25\" can't be the hour in \"0 0 25 * * *\": expected * or 0 to 23, or a \
             list, range or step of these",
        ),
        (
            "rooms",
            "sweep = \"0 0 3 31 2 *\"",
            "meetsync.toml:4: [rooms] sweep: \"0 0 3 31 2 *\" never comes: no month that it names has such a day",
        ),
        (
            "rooms",
            "description = \"{who}\"",
            "meetsync.toml:4: [rooms] description: only {meeting}, {group} and {date} may stand in braces, found \
             \"{who}\"",
        ),
        (
            "http",
            "listen = \"8420\"",
            "meetsync.toml:6: [http] listen: expected an address and a port such as \"127.0.0.1:8420\", or \"\" for no \
             page, found \"8420\"",
        ),
        (
            "scope",
            "meetings = [126]",
            "meetsync.toml:6: [scope] meetings: expected a list of texts, such as [\"one\", \"two\"], found a whole \
             number in the list",
        ),
        (
            "scopes",
            "mode = \"act\"",
            "meetsync.toml:5: [scopes]: unknown section (expected datatracker, ledger, scope, meetecho, slides, rooms, \
             guard, check, http, log or shutdown)",
        ),
    ]);
}

#[test]
fn what_is_missing_or_no_toml_is_said_too() {
    assert_eq!(
        load_with("[datatracker]\ndatabase_url = \"postgres://a@b/c\"\n", &[]).unwrap_err(),
        "meetsync.toml: [rooms] policy: missing: choose \"full\" (makes rooms, and deletes those of ours that are not \
         wanted any more), \"no-delete\" (makes rooms, deletes none) or \"observe\" (only says what it would do); there \
         is no default for the power to delete"
    );
    assert_eq!(
        load_with("", &[]).unwrap_err(),
        "meetsync.toml: [datatracker] database_url: missing: say where the datatracker's database is, as in \
         \"postgres://meetsync@db/datatracker\" (it may be a read replica)"
    );
    assert_eq!(
        load_with(&MINIMAL.replace("\"observe\"", "\"all\""), &[]).unwrap_err(),
        "meetsync.toml:4: [rooms] policy: unknown value \"all\" (expected \"full\", \"no-delete\" or \"observe\")"
    );
    assert_eq!(
        load_with("mode = \"act\"\n", &[]).unwrap_err(),
        "meetsync.toml:1: mode: a key must stand below the [section] that it belongs to"
    );
    let error = load_with("[rooms]\npolicy = \"full\npoll", &[]).unwrap_err();
    assert!(error.starts_with("meetsync.toml:2: not valid TOML: "), "{error}");
    let error = load_with("[rooms]\npolicy = \"full\"\npolicy = \"full\"\n", &[]).unwrap_err();
    assert_eq!(error, "meetsync.toml:3: not valid TOML: duplicate key");
}

#[test]
fn variables_that_mean_nothing_are_refused_by_name() {
    for (name, value, expected) in [
        (
            "MEETSYNC__ROOMS__POLCY",
            "full",
            "MEETSYNC__ROOMS__POLCY: unknown key (expected policy, statuses, horizon, \
          settle, quiet_before, link_prefix, description or sweep)",
        ),
        (
            "MEETSYNC__ROOM__POLICY",
            "full",
            "MEETSYNC__ROOM__POLICY: unknown section (expected datatracker, ledger, \
          scope, meetecho, slides, rooms, guard, check, http, log or shutdown)",
        ),
        ("MEETSYNC__POLICY", "full", "MEETSYNC__POLICY: expected a name of the form MEETSYNC__SECTION__KEY"),
        (
            "MEETSYNC__ROOMS__POLICY",
            "all",
            "MEETSYNC__ROOMS__POLICY: unknown value \"all\" (expected \"full\", \
          \"no-delete\" or \"observe\")",
        ),
        (
            "MEETSYNC__MEETECHO__DEBUG",
            "yes",
            "MEETSYNC__MEETECHO__DEBUG: expected true or false, found \"yes\"",
        ),
        (
            "MEETSYNC__GUARD__MAX_DELETES",
            "-1",
            "MEETSYNC__GUARD__MAX_DELETES: expected a whole number, 0 or more, \
          found \"-1\"",
        ),
    ] {
        assert_eq!(load_with(MINIMAL, &[(name, value)]).expect_err(name), expected);
    }
}

#[test]
fn no_piece_of_a_database_url_gets_into_an_error() {
    for url in [
        "postgres://a:canary@b:port/c",
        "postgres://a:b@c/d?canary=x",
        "mysql://canary@b/c",
        "canary",
        "postgres://a:canary@b/c?sslmode=verify-full",
    ] {
        let error = error_of("ledger", &format!("database_url = \"{url}\""));
        assert!(error.starts_with("meetsync.toml:6: [ledger] database_url: "), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}
