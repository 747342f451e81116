//! Where upstream is: which addresses are refused, and which of them a request goes to.

use crate::region::Region;
use axum::http::{HeaderMap, Uri, header};
use reqwest::Url;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// `https://rcsbusinessmessaging.googleapis.com`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpstreamAddress(Url);

/// Why an address is no upstream's. It is not repeated: there may be a password in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UpstreamProblem {
    /// It is no address.
    #[error("is no address: {0}; it must be like https://rcsbusinessmessaging.googleapis.com")]
    Malformed(String),
    /// It is an address of something else.
    #[error("has the scheme {0:?}, and must have http or https")]
    Scheme(String),
    /// Credentials are the clients' own.
    #[error(
        "names a user or a password, and must not: each client's own Authorization header goes there"
    )]
    UserInfo,
    /// Paths are the clients' own.
    #[error("must end after host and port: paths and queries are the clients'")]
    Path,
    /// Requests would go round for ever.
    #[error("is this emulator itself")]
    Itself,
    /// There is no client for it.
    #[error("cannot be asked: {0}")]
    Client(String),
}

impl FromStr for UpstreamAddress {
    type Err = UpstreamProblem;

    fn from_str(text: &str) -> Result<Self, UpstreamProblem> {
        let url =
            Url::parse(text).map_err(|problem| UpstreamProblem::Malformed(problem.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UpstreamProblem::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UpstreamProblem::UserInfo);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(UpstreamProblem::Path);
        }
        Ok(Self(url))
    }
}

/// Without a slash at its end.
impl fmt::Display for UpstreamAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl UpstreamAddress {
    /// Refuses one that is where this emulator listens. What leads back here in another way is found out by its requests.
    pub(super) async fn check_elsewhere(
        &self,
        listener: SocketAddr,
    ) -> Result<(), UpstreamProblem> {
        // No name is looked up where the port says enough.
        if self.0.port_or_known_default() != Some(listener.port()) {
            return Ok(());
        }
        let host = self
            .0
            .host_str()
            .unwrap_or_default()
            .trim_matches(['[', ']']);
        let addresses: Vec<IpAddr> = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => {
                let found = tokio::net::lookup_host((host, listener.port())).await;
                found
                    .into_iter()
                    .flatten()
                    .map(|address| address.ip())
                    .collect()
            }
        };
        if addresses
            .into_iter()
            .any(|address| is_here(address, listener.ip()))
        {
            return Err(UpstreamProblem::Itself);
        }
        Ok(())
    }

    /// Of a regional address of Google's.
    pub(super) fn region(&self) -> Option<Region> {
        Region::of_host(self.0.host_str()?)
    }

    /// Where a request goes. Google has a host for each region; to any other upstream a region is told as the client told it.
    pub(super) fn target(&self, place: &Place) -> String {
        match place.region {
            Some(region) if self.is_googles() => {
                format!(
                    "{}://{}-{GOOGLES_HOST}{}{}",
                    self.0.scheme(),
                    region.name(),
                    self.port(),
                    place.path
                )
            }
            _ if self.is_googles() => format!("{self}{}", place.path),
            _ => format!("{self}{}{}", place.prefix, place.path),
        }
    }

    /// Whether a region can be told by the `Host` header.
    pub(super) fn is_googles(&self) -> bool {
        self.0
            .host_str()
            .is_some_and(|host| host == GOOGLES_HOST || Region::of_host(host).is_some())
    }

    fn port(&self) -> String {
        self.0
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default()
    }
}

/// Where a client sent its request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// Which it has named, by its path or by its `Host` header.
    pub(crate) region: Option<Region>,
    /// `/us` where that was in the path.
    prefix: String,
    /// The rest, with the query.
    path: String,
}

impl Place {
    /// By the address as the client wrote it.
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let whole = uri.path_and_query().map_or("/", |path| path.as_str());
        let named = Region::ALL.into_iter().find_map(|region| {
            let prefix = format!("/{}", region.name());
            let path = whole
                .strip_prefix(&prefix)
                .filter(|rest| rest.starts_with('/'))?
                .to_owned();
            Some(Self {
                region: Some(region),
                prefix,
                path,
            })
        });
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        named.unwrap_or_else(|| Self {
            region: host.and_then(Region::of_host),
            prefix: String::new(),
            path: whole.to_owned(),
        })
    }

    /// Whether a method of Google's could be there, be it one that the twin does not know.
    pub(crate) fn is_googles(&self) -> bool {
        ["/v1/", "/upload/"]
            .into_iter()
            .any(|beginning| self.path.starts_with(beginning))
    }

    /// Whether only the `Host` header says which region it is.
    pub(super) fn is_told_by_host(&self) -> bool {
        self.region.is_some() && self.prefix.is_empty()
    }
}

/// Who connects to no address in particular connects to this machine.
fn is_here(address: IpAddr, listener: IpAddr) -> bool {
    let address = match address.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    let listener = listener.to_canonical();
    address == listener || listener.is_unspecified() && address.is_loopback()
}

const GOOGLES_HOST: &str = "rcsbusinessmessaging.googleapis.com";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_http_or_https_and_nothing_but_host_and_port() {
        let parse = |text: &str| {
            text.parse::<UpstreamAddress>()
                .map(|address| address.to_string())
        };
        for (text, shown) in [
            (
                "https://rcsbusinessmessaging.googleapis.com",
                "https://rcsbusinessmessaging.googleapis.com",
            ),
            (
                "https://us-rcsbusinessmessaging.googleapis.com/",
                "https://us-rcsbusinessmessaging.googleapis.com",
            ),
            ("http://127.0.0.1:8788", "http://127.0.0.1:8788"),
            ("http://[::1]:8788/", "http://[::1]:8788"),
        ] {
            assert_eq!(parse(text), Ok(shown.to_owned()));
        }
        for (text, said) in [
            ("", "is no address: relative URL without a base"),
            ("127.0.0.1:8788", "is no address"),
            ("rcsbusinessmessaging.googleapis.com", "is no address"),
            ("https://", "is no address: empty host"),
            (
                "ftp://x.example",
                "has the scheme \"ftp\", and must have http or https",
            ),
            ("file:///etc/passwd", "has the scheme \"file\""),
            ("https://someone@x.example", "names a user or a password"),
            ("https://:word@x.example", "names a user or a password"),
            ("https://x.example/v1", "must end after host and port"),
            ("https://x.example/?a=b", "must end after host and port"),
            ("https://x.example/#a", "must end after host and port"),
        ] {
            let problem = parse(text).expect_err(text).to_string();
            assert!(problem.contains(said), "{text}: {problem}");
        }
    }

    #[tokio::test]
    async fn an_emulator_is_not_its_own_upstream() {
        for (text, listener, is_itself) in [
            ("http://127.0.0.1:8788", "127.0.0.1:8788", true),
            ("http://localhost:8788", "127.0.0.1:8788", true),
            ("http://0.0.0.0:8788", "127.0.0.1:8788", true),
            ("http://[::ffff:127.0.0.1]:8788", "127.0.0.1:8788", true),
            ("http://2130706433:8788", "127.0.0.1:8788", true),
            ("http://[::1]:8788", "[::1]:8788", true),
            ("http://127.0.0.1", "127.0.0.1:80", true),
            ("https://127.0.0.1", "127.0.0.1:443", true),
            ("http://127.0.0.1:8788", "0.0.0.0:8788", true),
            ("http://[::1]:8788", "[::]:8788", true),
            ("http://127.0.0.1:8789", "127.0.0.1:8788", false),
            ("http://127.0.0.2:8788", "127.0.0.1:8788", false),
        ] {
            let address: UpstreamAddress = text.parse().expect(text);
            let checked = address
                .check_elsewhere(listener.parse().expect(listener))
                .await;
            assert_eq!(
                checked == Err(UpstreamProblem::Itself),
                is_itself,
                "{text} at {listener}"
            );
        }
    }

    #[test]
    fn a_region_is_told_as_upstream_understands_it() {
        let google = "https://rcsbusinessmessaging.googleapis.com";
        let europe = "https://europe-rcsbusinessmessaging.googleapis.com";
        let twin = "http://127.0.0.1:9";
        for (upstream, uri, host, target) in [
            (
                google,
                "/v1/files?a=%2B",
                "127.0.0.1:8788",
                "https://rcsbusinessmessaging.googleapis.com/v1/files?a=%2B",
            ),
            (
                google,
                "/us/v1/files",
                "127.0.0.1",
                "https://us-rcsbusinessmessaging.googleapis.com/v1/files",
            ),
            (
                google,
                "/v1/x",
                "asia-rcsbusinessmessaging.googleapis.com",
                "https://asia-rcsbusinessmessaging.googleapis.com/v1/x",
            ),
            (
                europe,
                "/v1/x",
                "127.0.0.1",
                "https://europe-rcsbusinessmessaging.googleapis.com/v1/x",
            ),
            (
                europe,
                "/us/v1/x",
                "127.0.0.1",
                "https://us-rcsbusinessmessaging.googleapis.com/v1/x",
            ),
            (twin, "/us/v1/x", "127.0.0.1", "http://127.0.0.1:9/us/v1/x"),
            (
                twin,
                "/v1/x",
                "us-rcsbusinessmessaging.googleapis.com",
                "http://127.0.0.1:9/v1/x",
            ),
            (
                twin,
                "/usa/v1/x",
                "127.0.0.1",
                "http://127.0.0.1:9/usa/v1/x",
            ),
        ] {
            let address: UpstreamAddress = upstream.parse().expect(upstream);
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().expect(host))]);
            let place = Place::of(&uri.parse().expect(uri), &headers);
            assert_eq!(address.target(&place), target);
        }
    }
}
