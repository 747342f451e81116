//! HTTP as the plugin sees it: one call, made by whoever runs the plugin. Nothing here opens a socket.

use gateway_channel::Payload;

/// Makes the plugin's HTTP calls. The only thing outside that the plugin's logic can touch.
pub trait Host {
    /// Sends one request and waits for the whole answer. Credentials are added on the way, never here.
    fn fetch(&self, request: Request) -> Result<Response, FetchFailure>;
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Which verb.
    pub method: Method,
    /// Absolute.
    pub url: String,
    /// Where the verb has one.
    pub body: Option<Body>,
}

/// What is sent along.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The `Content-Type` header.
    pub mime_type: String,
    /// Here, or with the host.
    pub bytes: Payload,
}

impl Body {
    /// A JSON document.
    pub fn json(document: Vec<u8>) -> Self {
        Self {
            mime_type: "application/json".to_owned(),
            bytes: Payload::Inline(document),
        }
    }

    /// The bytes, unless the host has them.
    pub fn inline(&self) -> Option<&[u8]> {
        match &self.bytes {
            Payload::Inline(bytes) => Some(bytes),
            Payload::Held(_) => None,
        }
    }
}

/// The verbs that RBM uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Asks.
    Get,
    /// Makes.
    Post,
    /// Takes back.
    Delete,
}

impl Method {
    /// As it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header, as it came. The one header that matters here.
    pub retry_after: Option<String>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// Why there is no whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchFailure {
    /// What is known about the request.
    pub kind: FetchFailureKind,
    /// One sentence for a person.
    pub message: String,
}

/// What is known about a request that got no whole answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FetchFailureKind {
    /// The host does not let the plugin go there.
    Denied,
    /// Nothing was sent.
    NotSent,
    /// Something was sent: the outcome is not known.
    NoAnswer,
    /// The host could not get credentials.
    NoCredentials,
    /// None of these.
    Other,
}
