//! What is known of a service account's token at a moment: use it, renew it, or do not ask again yet. Fetches nothing.

use http::HeaderValue;
use std::time::Duration;
use tokio::time::Instant;

/// The token that was bought last, and why there is no newer one.
#[derive(Default)]
pub(super) struct Known {
    pub(super) token: Option<Token>,
    pub(super) failure: Option<Failure>,
}

/// As it goes into the header.
pub(super) struct Token {
    pub(super) value: HeaderValue,
    pub(super) renew_at: Instant,
    pub(super) until: Instant,
}

/// Everybody who waits for a token hears of a failure at once, instead of trying in turn.
pub(super) struct Failure {
    problem: TokenProblem,
    until: Instant,
}

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum TokenProblem {
    /// It will not be otherwise until a person acts.
    #[error("no token: {0}")]
    Refused(String),
    /// It may be otherwise soon.
    #[error("the token endpoint cannot be used: {0}")]
    Unreachable(String),
}

impl Known {
    /// What there is to say without asking the endpoint.
    pub(super) fn answer(&self) -> Option<Result<HeaderValue, TokenProblem>> {
        let now = Instant::now();
        let fresh = self.token.as_ref().filter(|token| now < token.renew_at);
        let failure = self.failure.as_ref().filter(|failure| now < failure.until);
        match (fresh, failure) {
            (Some(token), _) => Some(Ok(token.value.clone())),
            (None, Some(failure)) => Some(self.usable().ok_or_else(|| failure.problem.clone())),
            (None, None) => None,
        }
    }

    pub(super) fn usable(&self) -> Option<HeaderValue> {
        self.token
            .as_ref()
            .filter(|token| Instant::now() < token.until)
            .map(|token| token.value.clone())
    }

    pub(super) fn keep(
        &mut self,
        value: HeaderValue,
        asked_at: Instant,
        lifetime: Duration,
    ) -> HeaderValue {
        let (renew_at, until) = (asked_at + renew_after(lifetime), asked_at + lifetime);
        *self = Self {
            token: Some(Token {
                value: value.clone(),
                renew_at,
                until,
            }),
            failure: None,
        };
        value
    }

    pub(super) fn fail(&mut self, problem: TokenProblem) -> Result<HeaderValue, TokenProblem> {
        self.failure = Some(Failure {
            problem: problem.clone(),
            until: Instant::now() + FAILURE_KEPT,
        });
        self.usable().ok_or(problem)
    }
}

/// Five minutes early, or at four fifths of a short life.
fn renew_after(lifetime: Duration) -> Duration {
    lifetime.saturating_sub(Duration::from_mins(5)).max(
        lifetime
            .mul_f64(0.8)
            .min(lifetime.saturating_sub(Duration::from_secs(1))),
    )
}

const FAILURE_KEPT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_five_minutes_early_or_after_four_fifths_of_its_life() {
        for (lifetime, after) in [
            (0, 0),
            (1, 0),
            (2, 1),
            (10, 8),
            (600, 480),
            (1500, 1200),
            (1800, 1500),
            (3599, 3299),
            (86_400, 86_100),
        ] {
            let (lifetime, after) = (Duration::from_secs(lifetime), Duration::from_secs(after));
            assert_eq!(renew_after(lifetime), after, "{lifetime:?}");
        }
    }
}
