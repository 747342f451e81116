//! What a request's headers say, before its body is read. An error names the thing, the rule and the value.

use crate::answer::problem;
use http::StatusCode;
use rbm_json::excerpt::excerpt;
use rbm_json::problem::ProblemView;
use subtle::ConstantTimeEq as _;

/// Names and values, as they came.
pub(crate) struct Headers(pub(crate) Vec<(String, Vec<u8>)>);

impl Headers {
    /// One that is given twice could mean one thing here and another elsewhere.
    pub(crate) fn once(&self, name: &str) -> Result<Option<String>, ProblemView> {
        let mut values = self
            .0
            .iter()
            .filter(|(it, _)| it.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(problem(
                StatusCode::BAD_REQUEST,
                "header-twice",
                &format!("the header {name} is given twice"),
            )),
            (value, None) => {
                Ok(value.map(|(_, value)| String::from_utf8_lossy(value).into_owned()))
            }
        }
    }

    /// A body is taken as it is only.
    pub(crate) fn check_encoding(&self) -> Result<(), ProblemView> {
        match self
            .once("content-encoding")?
            .filter(|encoding| !encoding.eq_ignore_ascii_case("identity"))
        {
            None => Ok(()),
            Some(encoding) => {
                let detail = format!(
                    "content-encoding is {:?}, and a body is taken as it is only",
                    excerpt(&encoding)
                );
                Err(problem(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "content-encoding",
                    &detail,
                ))
            }
        }
    }

    /// A page in a browser cannot say that it sends JSON without asking.
    pub(crate) fn check_json(&self) -> Result<(), ProblemView> {
        let kind = self.once("content-type")?;
        let essence = kind
            .as_deref()
            .and_then(|kind| kind.split(';').next())
            .unwrap_or_default()
            .trim();
        if essence.eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        let given = kind.map_or_else(
            || "missing".to_owned(),
            |kind| format!("{:?}", excerpt(&kind)),
        );
        let detail = format!("content-type is {given}, and must be application/json");
        Err(problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-type",
            &detail,
        ))
    }

    /// Callers must know the token, and without one nobody is let in: this cannot tell who reaches it.
    pub(crate) fn check_caller(&self, token: Option<&str>) -> Result<(), ProblemView> {
        let Some(token) = token else {
            let detail = "nobody may call this: RBM_API_TOKEN is not set";
            return Err(problem(StatusCode::FORBIDDEN, "no-callers", detail));
        };
        let given = self.once("authorization")?;
        let given = given.as_deref().and_then(|given| given.split_once(' '));
        match given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
            Some((_, given)) if given.trim().as_bytes().ct_eq(token.as_bytes()).into() => Ok(()),
            Some(_) => Err(problem(
                StatusCode::UNAUTHORIZED,
                "token",
                "the bearer token is another one",
            )),
            None => {
                let detail = "Authorization is missing, and must be a bearer token";
                Err(problem(StatusCode::UNAUTHORIZED, "token", detail))
            }
        }
    }

    pub(crate) fn idempotency_key(&self) -> Result<Option<String>, ProblemView> {
        let Some(key) = self.once("idempotency-key")? else {
            return Ok(None);
        };
        let visible = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if (1..=KEY_CHARACTERS_MAX).contains(&key.len()) && visible {
            return Ok(Some(key));
        }
        let rule = format!("1 to {KEY_CHARACTERS_MAX} visible ASCII characters");
        let detail = format!(
            "Idempotency-Key is {:?}, and must have {rule}",
            excerpt(&key)
        );
        Err(problem(StatusCode::BAD_REQUEST, "idempotency-key", &detail))
    }
}

const KEY_CHARACTERS_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_must_know_the_token() {
        let one = |value: &str| vec![("Authorization".to_owned(), value.as_bytes().to_vec())];
        for (token, headers, status) in [
            (Some("t0"), one("Bearer t0"), None),
            (Some("t0"), one("bearer  t0"), None),
            (Some("t0"), one("Bearer t1"), Some(401)),
            (Some("t0"), one("Bearer "), Some(401)),
            (Some("t0"), one("Basic t0"), Some(401)),
            (Some("t0"), one("t0"), Some(401)),
            (Some("t0"), vec![], Some(401)),
            (
                Some("t0"),
                [one("Bearer t0"), one("Bearer t0")].concat(),
                Some(400),
            ),
            (None, one("Bearer "), Some(403)),
            (None, vec![], Some(403)),
        ] {
            let refused = Headers(headers.clone()).check_caller(token).err();
            assert_eq!(
                refused.map(|problem| problem.status),
                status,
                "{token:?} {headers:?}"
            );
        }
    }

    #[test]
    fn a_body_must_be_what_can_be_read() {
        let one =
            |name: &str, value: &str| Headers(vec![(name.to_owned(), value.as_bytes().to_vec())]);
        for (headers, good) in [
            (one("content-type", "application/json"), true),
            (one("Content-Type", "Application/JSON; charset=utf-8"), true),
            (one("content-type", "text/plain"), false),
            (one("content-type", "application/json2"), false),
            (Headers(vec![]), false),
        ] {
            assert_eq!(headers.check_json().is_ok(), good, "{:?}", headers.0);
        }
        for (value, good) in [("identity", true), ("gzip", false), ("", false)] {
            assert_eq!(
                one("content-encoding", value).check_encoding().is_ok(),
                good,
                "{value}"
            );
        }
        for (value, good) in [
            ("order-81", true),
            ("", false),
            ("é", false),
            (&"x".repeat(256), false),
        ] {
            assert_eq!(
                one("idempotency-key", value).idempotency_key().is_ok(),
                good,
                "{value}"
            );
        }
    }
}
