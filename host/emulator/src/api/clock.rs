//! `/emulator/clock`: what time it is on the platform and its phones, and moving it. A gateway that shares the clock moves along.

use super::request::Body;
use crate::Shared;
use crate::excerpt::{excerpt, remark};
use crate::fidelity::{Basis, Behaviour};
use crate::length;
use crate::platform::Pass;
use crate::refusal::{Refusal, violation};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use rbm_clock::Reading;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What may be done to the clock.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Move {
    Advance(Ahead),
    JumpTo(String),
    Pause(bool),
    Rate(f64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ahead {
    Seconds(f64),
    /// `15d`, `1h 30m`, `P15D`
    Text(String),
}

pub(super) async fn show_clock(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(shown(shared.clock.reading()))
}

/// When it answers, what had come due on the phones has happened.
pub(super) async fn move_clock(
    State(shared): State<Arc<Shared>>,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let wanted: Move = serde_json::from_slice(&body).map_err(|problem| {
        let rule = format!(
            "one of {{\"advance\": \"15d\"}} (or seconds), {{\"jump_to\": \"2026-11-24T10:15:02Z\"}}, {{\"pause\": true}} and \
             {{\"rate\": 60}} is needed: {}",
            remark(problem)
        );
        Refusal::invalid(vec![violation("", rule)])
    })?;
    let (field, clock) = (wanted.field(), &shared.clock);
    let refused = |rule: String| Refusal::invalid(vec![violation(field, rule)]);
    let moved = match wanted {
        Move::Advance(ahead) => clock.advance(ahead.parse().map_err(refused)?),
        Move::JumpTo(text) => clock.jump_to(parse_time(&text).map_err(refused)?),
        Move::Pause(true) => clock.pause(),
        Move::Pause(false) => clock.resume(),
        Move::Rate(rate) => clock.set_rate(rate),
    };
    moved.map_err(|problem| refused(problem.to_string()))?;
    shared.apply(Pass);
    Ok(Json(shown(clock.reading())))
}

impl Move {
    fn field(&self) -> &'static str {
        match self {
            Self::Advance(_) => "advance",
            Self::JumpTo(_) => "jump_to",
            Self::Pause(_) => "pause",
            Self::Rate(_) => "rate",
        }
    }
}

impl Ahead {
    fn parse(self) -> Result<Duration, String> {
        match self {
            Self::Seconds(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| {
                format!("{seconds} is not a number of seconds to go ahead: it must be 0 or more")
            }),
            Self::Text(text) => length::parse(&text).ok_or_else(|| {
                format!(
                    "{:?} is not a time to go ahead, such as 90s, 1h 30m or 15d",
                    excerpt(&text)
                )
            }),
        }
    }
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!(
            "{:?} is not a time, such as 2026-11-24T10:15:02Z (RFC 3339)",
            excerpt(text)
        )
    })
}

fn shown(reading: Reading) -> Value {
    let Reading { now, paused, rate } = reading;
    json!({ "now": now.to_string(), "paused": paused, "rate": rate })
}

pub(super) const CLOCK: &Behaviour = &Behaviour {
    id: "clock",
    what: "/emulator/clock moves the time of the platform, its phones and what waits for webhooks; what has come due has \
           happened when it answers",
    basis: Basis::Assumed,
    source: "ours: Google has no such thing",
    switch: None,
    test: "a_clock_is_shown_and_moved_over_http",
};
