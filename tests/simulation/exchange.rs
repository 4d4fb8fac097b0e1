//! One exchange with Meetecho's twin: what goes wrong on the way, when it takes effect, and what comes back.

use std::time::Duration;

use meetsync::provider::meetecho::Call;
use meetsync::transport::{self, Request, Response, SendError};

use super::far_side::error;
use super::history::{Down, Edge, Fault};
use super::random::Random;
use super::requests::Asked;
use super::world::{Life, World};

impl World {
    /// Lets everything take effect that had to come late.
    pub(crate) fn land(&mut self) {
        let now = self.now_ms();
        while let Some(place) = self
            .far
            .late
            .iter()
            .enumerate()
            .filter(|(_, (at, _))| *at <= now)
            .min_by_key(|(_, (at, asked))| (*at, asked.number))
            .map(|(place, _)| place)
        {
            let (at, asked) = self.far.late.swap_remove(place);
            self.tell(|| {
                format!("request {} takes effect only now ({at} ms): {}", asked.number, asked.words())
            });
            self.perform(&asked);
        }
    }

    fn begin(&mut self, worker: usize, request: &Request) -> (Asked, Option<Fault>) {
        self.land();
        self.far.requests += 1;
        let asked = Asked::parse(self.far.requests, request, &self.far.rooms);
        self.tell(|| format!("worker {worker}: request {}: {}", asked.number, asked.words()));
        let late_effect = self.settings.late_effect_s * 1000;
        let mut fault =
            self.fault(worker, Edge::Provider(asked.call), |random| menu(random, asked.call, late_effect));
        if let Some((until, how)) = self.provider_down
            && self.now_ms() < until
            && (how != Down::GivesNoTokens || asked.call == Call::Tokens)
        {
            fault = Some(match how {
                Down::Refuses => Fault::RefusesConnection,
                Down::Hangs => Fault::RequestLost,
                Down::Fails => Fault::Status { status: 503 },
                Down::AsksForQuiet => Fault::TooMany { retry_after_s: 7 },
                Down::GivesNoTokens => Fault::Status { status: 401 },
            });
        }
        self.far.failed_ms = fault.map(|_| self.now_ms());
        if asked.call.is_write() && fault != Some(Fault::RefusesConnection) {
            self.far.writes += 1;
        }
        if !asked.call.is_write() && fault != Some(Fault::RefusesConnection) {
            self.far.reads += 1;
            self.far.token_calls += u64::from(asked.call == Call::Tokens);
        }
        if let Some(session) = asked.session().filter(|_| asked.call.is_write()) {
            let in_flight = self.far.in_flight.entry(session).or_default();
            *in_flight += 1;
            let in_flight = *in_flight;
            self.was_sent(worker, &asked, session, in_flight);
        }
        (asked, fault)
    }
}
fn menu(random: &mut Random, call: Call, late_effect_ms: u64) -> Fault {
    let is_write = call.is_write();
    match random.below(16) {
        0 => Fault::RefusesConnection,
        3 | 4 => Fault::ReplyLost,
        5 | 6 if is_write => Fault::LandsLate { by_ms: random.below(late_effect_ms.saturating_sub(100)) },
        7 => Fault::AnswersLate,
        8 => Fault::Status { status: random.pick(&[400, 403, 409, 500, 502, 503, 500, 503]) },
        9 | 10 => Fault::StatusAfterEffect { status: random.pick(&[500, 502, 504, 201]) },
        11 => Fault::TooMany { retry_after_s: random.pick(&[0, 1, 3, 86_400]) },
        12 => Fault::Html { after_effect: random.percent(50) },
        13 => Fault::Truncated,
        14 if call != Call::Tokens => Fault::TokensExpire,
        _ => Fault::RequestLost,
    }
}
/// Meetecho as one worker reaches it.
#[derive(Debug, Clone)]
pub(crate) struct FarSideTwin(pub(crate) Life);

/// A request that is under way. One that is given up before it took effect may still do so, for a while.
struct UnderWay {
    life: Life,
    asked: Asked,
    took_effect: bool,
    lands_by_ms: Option<u64>,
    began_ms: u64,
    is_over: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut world = self.life.world.lock();
        if let Some(session) = self.asked.session().filter(|_| self.asked.call.is_write())
            && let Some(in_flight) = world.far.in_flight.get_mut(&session)
        {
            *in_flight -= 1;
        }
        if let Some(by_ms) = self.lands_by_ms.filter(|_| !self.is_over && !self.took_effect) {
            let was_set = world.set_forward_ms.is_some_and(|at| self.began_ms <= at);
            let at = world.now_ms() + if was_set { 0 } else { by_ms };
            world.far.late.push((at, self.asked.clone()));
        }
    }
}

impl transport::FarSide for FarSideTwin {
    fn exchange(&self, request: &Request) -> transport::Exchange {
        let (life, request) = (self.0.clone(), request.clone());
        Box::pin(async move {
            life.boundary().await;
            let (asked, fault) = life.world.lock().begin(life.worker, &request);
            if fault == Some(Fault::RefusesConnection) {
                drop(UnderWay {
                    life: life.clone(),
                    asked,
                    took_effect: false,
                    lands_by_ms: None,
                    began_ms: 0,
                    is_over: true,
                });
                life.boundary().await;
                return Err(SendError::NotSent { words: "connection refused".to_owned() });
            }
            let (mut random, late_effect, began_ms) = {
                let world = life.world.lock();
                let late_effect = world.settings.late_effect_s * 1000;
                (world.latency(usize::MAX, asked.number), late_effect, world.now_ms())
            };
            // Who gives up before the answer (a process that is killed) can't know what becomes of it.
            let lands_by_ms = match fault {
                Some(Fault::LandsLate { by_ms }) => Some(by_ms),
                Some(
                    Fault::RequestLost | Fault::Status { .. } | Fault::TooMany { .. } | Fault::TokensExpire,
                ) => None,
                _ => random.percent(50).then(|| random.below(late_effect.saturating_sub(100))),
            };
            let there = random.between(1, 60);
            let back = random.between(1, 60);
            let mut under_way = UnderWay {
                life: life.clone(),
                asked,
                took_effect: false,
                lands_by_ms,
                began_ms,
                is_over: false,
            };
            tokio::time::sleep(Duration::from_millis(there)).await;
            let answer = {
                let mut world = life.world.lock();
                world.land();
                let (answer, took_effect) = world.answer(&under_way.asked, fault);
                under_way.took_effect = took_effect;
                answer
            };
            life.boundary().await;
            let Some(answer) = answer else { std::future::pending().await };
            under_way.is_over = true;
            tokio::time::sleep(Duration::from_millis(back)).await;
            drop(under_way);
            life.boundary().await;
            answer
        })
    }
}

impl World {
    /// What comes back (None = nothing, ever), and whether the request took effect.
    fn answer(&mut self, asked: &Asked, fault: Option<Fault>) -> (Option<Result<Response, SendError>>, bool) {
        let Some(fault) = fault else { return (Some(Ok(self.perform(asked))), true) };
        match fault {
            Fault::RequestLost | Fault::LandsLate { .. } => (None, false),
            Fault::ReplyLost => {
                self.perform(asked);
                (Some(Err(SendError::Unanswered { words: "the connection was closed".to_owned() })), true)
            }
            Fault::AnswersLate => {
                self.perform(asked);
                (None, true)
            }
            Fault::Status { status } => (Some(Ok(error(status))), false),
            Fault::StatusAfterEffect { status } => {
                self.perform(asked);
                (Some(Ok(error(status))), true)
            }
            Fault::TooMany { retry_after_s } => {
                let retry_after = Some(Duration::from_secs(retry_after_s));
                (Some(Ok(Response { retry_after, ..error(429) })), false)
            }
            Fault::Html { after_effect } => {
                if after_effect {
                    self.perform(asked);
                }
                let page = Response {
                    status: 200,
                    content_type: Some("text/html; charset=utf-8".to_owned()),
                    retry_after: None,
                    body: b"<!doctype html><title>Down for maintenance</title>".to_vec(),
                };
                (Some(Ok(page)), after_effect)
            }
            Fault::Truncated => {
                let mut answer = self.perform(asked);
                let body =
                    if answer.body.is_empty() { b"{\"status\": \"accepted\"}".to_vec() } else { answer.body };
                answer.body = body[..body.len() * 2 / 3].to_vec();
                answer.content_type = Some("application/json".to_owned());
                (Some(Ok(answer)), true)
            }
            Fault::TokensExpire => {
                self.far.forget_tokens();
                (Some(Ok(self.perform(asked))), true)
            }
            _ => (Some(Ok(self.perform(asked))), true),
        }
    }
}
