//! The HTTP client for what `posture` sends to others than AWS: blocking, over rustls, with the system's
//! certificates. The clients of AWS are the SDK's, and these are not for AWS: they sign nothing.

mod tls;

use std::time::Duration;

use ureq::Agent;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, TcpConnector};

pub use tls::{Handshake, Tls};

/// An agent that follows no redirect and gives every answer as it is, whatever its status. `HTTPS_PROXY` and its
/// like are honoured, but not on the way to this machine itself.
pub fn agent(local: bool, timeout: Duration) -> Result<Agent, String> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(timeout))
        // Each request has a connection of its own: on one that is kept, a server that has closed it looks like a
        // request that was sent and not answered.
        .max_idle_connections(0)
        .user_agent(concat!("posture/", env!("CARGO_PKG_VERSION")));
    if local {
        config = config.proxy(None);
    }
    let connector =
        ().chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(Tls::new()?);
    Ok(Agent::with_parts(
        config.build(),
        connector,
        DefaultResolver::default(),
    ))
}

/// Whether a host is this machine.
pub fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
