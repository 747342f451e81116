//! Answers a plugin's requests as it was told to, and remembers them.

use async_trait::async_trait;
use gateway_channel::Header;
use rbm_host::HttpClient;
use rbm_host::http_client::{FetchFailure, FetchFailureCode, HttpRequest, HttpResponse};
use std::sync::{Arc, Mutex, PoisonError};

/// What each request comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    /// This status and this body.
    Status(u16, &'static str),
    /// No whole answer.
    None(FetchFailureCode),
}

/// The one who answers.
pub(crate) struct Script {
    answer: Answer,
    asked: Mutex<Vec<HttpRequest>>,
}

impl Script {
    pub(crate) fn new(answer: Answer) -> Arc<Self> {
        Arc::new(Self {
            answer,
            asked: Mutex::new(Vec::new()),
        })
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<HttpRequest> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl HttpClient for Script {
    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchFailure> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        match self.answer {
            Answer::Status(status, body) => {
                let json = Header {
                    name: "content-type".to_owned(),
                    value: "application/json".to_owned(),
                };
                Ok(HttpResponse {
                    status,
                    headers: vec![json],
                    body: body.as_bytes().to_vec(),
                })
            }
            Answer::None(code) => Err(FetchFailure {
                code,
                message: "as the script says".to_owned(),
            }),
        }
    }
}
