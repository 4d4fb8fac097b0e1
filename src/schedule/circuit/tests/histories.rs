//! Random histories of steps, answers and waits.

use proptest::prelude::*;

use super::*;

/// What happens in a random history.
#[derive(Debug, Clone)]
enum Event {
    Passes(u64),
    Start,
    /// The oldest step in flight ends.
    End(Answer),
    Live(bool),
    Quiet(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let answer = prop_oneof![
        6 => Just(Answer::Down), 1 => Just(Answer::Alive), 1 => Just(Answer::NotAsked),
    ];
    prop_oneof![
        4 => (0..3000_u64).prop_map(Event::Passes),
        1 => (0..40_000_u64).prop_map(Event::Passes),
        6 => Just(Event::Start),
        5 => answer.prop_map(Event::End),
        1 => any::<bool>().prop_map(Event::Live),
        1 => (0..5000_u64).prop_map(Event::Quiet),
    ]
}

/// The worker, as far as the circuit is concerned, and what it remembers to hold the circuit to its word.
#[derive(Default)]
struct Worker {
    circuit: Circuit,
    now: Duration,
    in_flight: usize,
    live: bool,
    quiet: Duration,
    failures: u32,
    opened: Option<Duration>,
    last_probe: Option<Duration>,
    last_end: Duration,
}

impl Worker {
    /// Asks, and starts what may start.
    fn start(&mut self) {
        let admission = self.circuit.admits(self.now, self.in_flight, self.live);
        let quiet = self.now < self.quiet;
        if self.circuit.admits(self.now, self.in_flight, false) == Admission::Probe {
            let live = self.circuit.admits(self.now, self.in_flight, true);
            assert_eq!(live, Admission::Probe, "a live session waits longer than nobody");
        }
        match (admission, self.opened) {
            (Admission::Goes, open) => {
                assert!(open.is_none() && !quiet, "went while open or quiet");
            }
            (Admission::Probe, open) => {
                let opened = open.expect("a probe though it is closed");
                assert!(!quiet && self.in_flight == 0, "a probe in the quiet, or beside another step");
                assert!(self.now >= opened + ms(1000), "probed too soon");
                assert!(self.last_probe.is_none_or(|last| self.now >= last + ms(1000)), "too dense");
                self.last_probe = Some(self.now);
            }
            (Admission::NotBefore(then), open) => {
                assert!(then > self.now, "waits for the past");
                assert!(quiet || open.is_some(), "a closed circuit delays");
                let longest = if self.live { ms(2000) } else { ms(30_000) };
                // What ends last before the wait begins: the opening, the last step, the quiet.
                let since = self.last_end.max(open.unwrap_or_default());
                assert!(then <= self.quiet.max(since + longest), "waits too long: {then:?}");
                let then = self.circuit.admits(then, self.in_flight, self.live);
                assert!(matches!(then, Admission::Goes | Admission::Probe), "and then {then:?}");
                return;
            }
            (Admission::AfterProbe, open) => {
                assert!(open.is_some() && self.in_flight > 0, "waits for nothing");
                return;
            }
        }
        self.circuit.began(self.now);
        self.in_flight += 1;
    }

    fn end(&mut self, answer: Answer, jitter: f64) {
        if self.in_flight == 0 {
            return;
        }
        self.in_flight -= 1;
        self.last_end = self.now;
        let turn = self.circuit.note(self.now, answer, jitter);
        let expected = match answer {
            Answer::Alive => {
                self.failures = 0;
                self.opened.take().map(|_| Turn::Closed)
            }
            Answer::Down if self.opened.is_none() => {
                self.failures += 1;
                (self.failures == 3).then(|| {
                    self.opened = Some(self.now);
                    self.last_probe = None;
                    Turn::Opened
                })
            }
            Answer::Down | Answer::NotAsked => None,
        };
        assert_eq!(turn, expected);
        assert_eq!(self.circuit.is_open(), self.opened.is_some());
    }
}

proptest! {
    #[test]
    fn a_random_history_keeps_the_rules(
        events in proptest::collection::vec((event(), 0.0..1.0), 1..200),
    ) {
        let mut worker = Worker::default();
        for (event, jitter) in events {
            match event {
                Event::Passes(n) => worker.now += ms(n),
                Event::Start => worker.start(),
                Event::End(answer) => worker.end(answer, jitter),
                Event::Live(live) => worker.live = live,
                Event::Quiet(n) => {
                    worker.quiet = worker.quiet.max(worker.now + ms(n));
                    worker.circuit.quiet(worker.now + ms(n));
                }
            }
        }
    }

    #[test]
    fn a_provider_that_comes_back_is_found_within_two_seconds_while_a_live_session_waits(
        // How long each probe takes to fail, and how long the provider is dead.
        takes in proptest::collection::vec(0..2000_u64, 40),
        dead in 0..60_000_u64,
    ) {
        let mut circuit = opened();
        let mut now = ms(10_000);
        for takes in takes {
            if let Admission::NotBefore(then) = circuit.admits(now, 0, true) {
                now = then;
            }
            prop_assert_eq!(circuit.admits(now, 0, true), Admission::Probe);
            if now >= ms(10_000 + dead) {
                prop_assert!(now <= ms(10_000 + dead + 2000));
                return Ok(());
            }
            circuit.began(now);
            now += ms(takes);
            circuit.note(now, Answer::Down, 0.9);
        }
    }
}
