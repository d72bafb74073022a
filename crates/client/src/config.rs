//! How a client is set up.
//!
//! Owns: [`ClientConfig`] with its defaults, and reading `host:port`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Where a broker listens: `host:port`, an IPv6 host in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A bootstrap address that is no `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an address; write host:port, for example localhost:9092")]
pub struct InvalidAddress(pub String);

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        // Java's clients accept a protocol in front; so do we.
        let address = text.trim().rsplit("//").next().unwrap_or_default();
        let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().map_err(|_| invalid())?;
        let host = match host.strip_prefix('[') {
            Some(host) => host.strip_suffix(']').ok_or_else(invalid)?,
            None if host.contains(':') => return Err(invalid()),
            None => host,
        };
        if host.is_empty() || port == 0 {
            return Err(invalid());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How a [`Client`](crate::Client) is set up. Start from [`ClientConfig::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Addresses (`host:port`) to learn the cluster from, tried in turn.
    pub bootstrap: Vec<String>,
    /// What the client calls itself; shows in the broker's logs and in descriptions of groups.
    pub client_id: String,
    /// How long an answer may take, unless the API says otherwise. Default 30 s.
    pub request_timeout: Duration,
    /// How long connecting, with the exchange of versions, may take. Default 10 s.
    pub connect_timeout: Duration,
    /// The first wait before reconnecting to a broker; doubles with each failure, with jitter. Default 50 ms.
    pub reconnect_backoff: Duration,
    /// The longest wait before reconnecting. Default 1 s.
    pub reconnect_backoff_max: Duration,
    /// The first wait before repeating a request; doubles with each failure, with jitter. Default 100 ms.
    pub retry_backoff: Duration,
    /// The longest wait before repeating a request. Default 1 s.
    pub retry_backoff_max: Duration,
    /// How long an operation (an admin call, connecting at first) is repeated before it fails. Default 60 s.
    pub operation_timeout: Duration,
    /// How old what is known about a topic may get. Default 5 min.
    pub metadata_max_age: Duration,
    /// A connection without a request for this long is closed. Default 9 min, a minute before Kafka's brokers do.
    pub idle_timeout: Duration,
    /// The largest response that is accepted, in bytes. Default 128 MiB.
    pub max_response_bytes: usize,
}

impl ClientConfig {
    /// The defaults, for a cluster at these addresses (`host:port`).
    pub fn new<S: Into<String>>(bootstrap: impl IntoIterator<Item = S>) -> Self {
        Self {
            bootstrap: bootstrap.into_iter().map(Into::into).collect(),
            client_id: "headwater".to_owned(),
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: Duration::from_secs(1),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            operation_timeout: Duration::from_mins(1),
            metadata_max_age: Duration::from_mins(5),
            idle_timeout: Duration::from_mins(9),
            max_response_bytes: 128 << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_host_and_port() {
        for (text, expected) in [
            ("localhost:9092", Some("localhost:9092")),
            (" 10.0.0.1:1 ", Some("10.0.0.1:1")),
            ("[::1]:9092", Some("[::1]:9092")),
            ("PLAINTEXT://broker:9092", Some("broker:9092")),
            ("localhost", None),
            (":9092", None),
            ("host:0", None),
            ("host:65536", None),
            ("::1:9092", None),
            ("[::1:9092", None),
        ] {
            let address = text.parse::<Address>().ok().map(|address| address.to_string());
            assert_eq!(address.as_deref(), expected, "{text}");
        }
    }
}
