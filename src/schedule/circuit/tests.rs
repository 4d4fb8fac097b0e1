//! The circuit by examples, and by random histories against what it must never do.

mod histories;

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Opened at ten seconds.
fn opened() -> Circuit {
    let mut circuit = Circuit::default();
    assert_eq!(circuit.note(ms(9000), Answer::Down, 0.5), None);
    assert_eq!(circuit.note(ms(9500), Answer::Down, 0.5), None);
    assert_eq!(circuit.note(ms(10_000), Answer::Down, 0.5), Some(Turn::Opened));
    circuit
}

/// A probe that fails.
fn fail(circuit: &mut Circuit, from: Duration, to: Duration) {
    circuit.began(from);
    assert_eq!(circuit.note(to, Answer::Down, 0.5), None);
}

#[test]
fn closed_it_lets_everything_through() {
    let mut circuit = Circuit::default();
    for in_flight in 0..100 {
        assert_eq!(circuit.admits(ms(0), in_flight, false), Admission::Goes);
        circuit.began(ms(0));
    }
}

#[test]
fn an_answer_between_failures_keeps_it_closed() {
    let mut circuit = Circuit::default();
    for _ in 0..10 {
        for answer in [Answer::Down, Answer::Down, Answer::NotAsked, Answer::Alive] {
            assert_eq!(circuit.note(ms(0), answer, 0.0), None);
        }
    }
    assert!(!circuit.is_open());
}

#[test]
fn what_was_never_asked_neither_counts_as_a_failure_nor_forgives_one() {
    let mut circuit = Circuit::default();
    for _ in 0..10 {
        assert_eq!(circuit.note(ms(0), Answer::NotAsked, 0.0), None);
    }
    for _ in 0..2 {
        assert_eq!(circuit.note(ms(0), Answer::Down, 0.0), None);
        assert_eq!(circuit.note(ms(0), Answer::NotAsked, 0.0), None);
    }
    assert_eq!(circuit.note(ms(0), Answer::Down, 0.0), Some(Turn::Opened));
}

#[test]
fn the_first_probe_goes_a_second_after_it_opened() {
    for live in [false, true] {
        assert_eq!(opened().admits(ms(10_000), 0, live), Admission::NotBefore(ms(11_000)));
        assert_eq!(opened().admits(ms(10_999), 0, live), Admission::NotBefore(ms(11_000)));
        assert_eq!(opened().admits(ms(11_000), 0, live), Admission::Probe);
    }
}

#[test]
fn one_probe_at_a_time_and_none_beside_what_was_in_flight_when_it_opened() {
    assert_eq!(opened().admits(ms(11_000), 2, true), Admission::AfterProbe);
    let mut circuit = opened();
    circuit.began(ms(11_000));
    assert_eq!(circuit.admits(ms(50_000), 1, true), Admission::AfterProbe);
}

#[test]
fn while_a_live_session_waits_it_is_probed_every_two_seconds() {
    let mut circuit = opened();
    fail(&mut circuit, ms(11_000), ms(11_005));
    assert_eq!(circuit.admits(ms(11_005), 0, true), Admission::NotBefore(ms(13_000)));
    // A probe that takes longer than that is followed by the next at once.
    fail(&mut circuit, ms(13_000), ms(23_000));
    assert_eq!(circuit.admits(ms(23_000), 0, true), Admission::Probe);
}

#[test]
fn while_nobody_waits_it_is_probed_less_and_less() {
    let mut circuit = opened();
    let mut now = ms(11_000);
    let mut waits = Vec::new();
    for _ in 0..7 {
        assert_eq!(circuit.admits(now, 0, false), Admission::Probe);
        fail(&mut circuit, now, now);
        let Admission::NotBefore(next) = circuit.admits(now, 0, false) else { panic!("no wait") };
        waits.push(next.abs_diff(now).as_millis());
        now = next;
    }
    assert_eq!(waits, [2000, 4000, 8000, 15_000, 30_000, 30_000, 30_000]);
    // A live session that turns up doesn't wait for the half minute.
    assert_eq!(circuit.admits(now.saturating_sub(ms(28_000)), 0, true), Admission::Probe);
}

#[test]
fn jitter_never_makes_the_wait_longer_than_half_a_minute() {
    let mut circuit = opened();
    for _ in 0..9 {
        circuit.began(ms(20_000));
        circuit.note(ms(20_000), Answer::Down, 0.999);
    }
    assert_eq!(circuit.admits(ms(20_000), 0, false), Admission::NotBefore(ms(50_000)));
}

#[test]
fn steps_in_flight_when_it_opened_are_no_failed_probes() {
    let mut circuit = opened();
    for _ in 0..5 {
        assert_eq!(circuit.note(ms(10_500), Answer::Down, 0.5), None);
    }
    assert_eq!(circuit.admits(ms(10_500), 0, false), Admission::NotBefore(ms(11_000)));
    fail(&mut circuit, ms(11_000), ms(11_000));
    assert_eq!(circuit.admits(ms(11_000), 0, false), Admission::NotBefore(ms(13_000)));
}

#[test]
fn a_probe_that_never_asked_is_soon_followed_by_one_that_does() {
    let mut circuit = opened();
    for at in [11_000, 15_000, 40_000] {
        fail(&mut circuit, ms(at), ms(at));
    }
    circuit.began(ms(60_000));
    assert_eq!(circuit.note(ms(60_100), Answer::NotAsked, 0.5), None);
    assert_eq!(circuit.admits(ms(60_100), 0, false), Admission::NotBefore(ms(61_000)));
    assert!(circuit.is_open());
}

#[test]
fn a_probe_of_several_parts_is_one_probe() {
    for parts in [
        [Answer::Down, Answer::Down, Answer::Down],
        [Answer::Down, Answer::NotAsked, Answer::NotAsked],
        [Answer::NotAsked, Answer::Down, Answer::NotAsked],
    ] {
        let mut circuit = opened();
        circuit.began(ms(11_000));
        for part in parts {
            assert_eq!(circuit.note(ms(11_010), part, 0.5), None);
        }
        assert_eq!(circuit.admits(ms(11_010), 0, true), Admission::NotBefore(ms(13_000)), "{parts:?}");
        assert_eq!(circuit.admits(ms(11_010), 0, false), Admission::NotBefore(ms(13_010)), "{parts:?}");
    }
}

#[test]
fn any_answer_closes_it_and_says_so_once() {
    let mut circuit = opened();
    circuit.began(ms(11_000));
    assert_eq!(circuit.note(ms(11_050), Answer::Alive, 0.5), Some(Turn::Closed));
    assert_eq!(circuit.note(ms(11_051), Answer::Alive, 0.5), None);
    assert_eq!(circuit.admits(ms(11_050), 30, false), Admission::Goes);
    // It takes three failures again.
    assert_eq!(circuit.note(ms(11_100), Answer::Down, 0.5), None);
    assert_eq!(circuit.note(ms(11_100), Answer::Down, 0.5), None);
    assert_eq!(circuit.note(ms(11_100), Answer::Down, 0.5), Some(Turn::Opened));
}

#[test]
fn a_provider_that_asks_for_quiet_gets_it() {
    let mut closed = Circuit::default();
    closed.quiet(ms(5000));
    closed.quiet(ms(2000));
    assert_eq!(closed.admits(ms(4999), 3, true), Admission::NotBefore(ms(5000)));
    assert_eq!(closed.admits(ms(5000), 3, true), Admission::Goes);

    let mut open = opened();
    open.quiet(ms(30_000));
    assert_eq!(open.admits(ms(11_000), 0, true), Admission::NotBefore(ms(30_000)));
    assert_eq!(open.admits(ms(30_000), 0, true), Admission::Probe);
    open.began(ms(30_000));
    assert_eq!(open.note(ms(30_000), Answer::Alive, 0.5), Some(Turn::Closed));
    assert_eq!(open.admits(ms(30_000), 0, true), Admission::Goes);
}

#[test]
fn quiet_outlives_the_turn_to_closed() {
    let mut circuit = opened();
    circuit.began(ms(11_000));
    circuit.quiet(ms(20_000));
    assert_eq!(circuit.note(ms(11_100), Answer::Alive, 0.5), Some(Turn::Closed));
    assert_eq!(circuit.admits(ms(11_100), 0, true), Admission::NotBefore(ms(20_000)));
}

#[test]
fn quiet_is_asked_for_within_bounds() {
    assert_eq!(asked_quiet(ms(0)), ms(1000));
    assert_eq!(asked_quiet(ms(7000)), ms(7000));
    assert_eq!(asked_quiet(Duration::from_hours(24)), ms(60_000));
}

#[test]
fn a_probe_whose_end_is_never_told_stops_nothing() {
    let mut circuit = opened();
    circuit.began(ms(11_000));
    assert_eq!(circuit.admits(ms(13_000), 0, true), Admission::Probe);
    assert_eq!(circuit.admits(ms(41_000), 0, false), Admission::Probe);
}

#[test]
fn time_has_an_end() {
    let mut circuit = Circuit::default();
    for _ in 0..5 {
        circuit.began(Duration::MAX);
        circuit.note(Duration::MAX, Answer::Down, f64::NAN);
    }
    assert_eq!(circuit.admits(Duration::MAX, 0, false), Admission::Probe);
}
