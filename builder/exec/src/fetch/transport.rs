//! One answer of one mirror: HTTP(S), or a file of a local one.
//!
//! A proxy is asked to connect (`CONNECT`), for plain HTTP too. Many proxies allow that to port
//! 443 alone: behind one of those, the mirror must be an `https` one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Instant;

use ureq::http::Response;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Timeout};

use super::Limits;
use super::error::{FetchError, Why};
use crate::environment::Proxies;

pub(super) struct Transport {
    agent: Agent,
    proxies: Proxies,
    limits: Limits,
}

/// What a mirror sends.
pub(super) struct Body<'a> {
    /// Where in the whole it begins.
    pub(super) offset_bytes: u64,
    /// How much it announces, from there to the end.
    pub(super) len_bytes: Option<u64>,
    pub(super) limits: Limits,
    reader: Box<dyn Read + Send + 'a>,
}

impl Body<'_> {
    /// The next piece; empty at the end.
    pub(super) fn read<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8], Why> {
        loop {
            match self.reader.read(buffer) {
                Ok(count) => return Ok(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error.into(), self.limits)),
            }
        }
    }
}

impl Transport {
    pub(super) fn new(
        proxies: Proxies,
        authorities: Option<&Path>,
        limits: Limits,
    ) -> Result<Self, FetchError> {
        let roots = match authorities {
            Some(path) => root_certificates(path)
                .map_err(|source| FetchError::Authorities { path: path.to_owned(), source })?,
            None => RootCerts::WebPki,
        };
        for url in [&proxies.http, &proxies.https].into_iter().flatten() {
            ureq::Proxy::new(url).map_err(|_| FetchError::Proxy { url: url.clone() })?;
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("ashlar/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .max_idle_connections_per_host(limits.connections)
            .timeout_connect(Some(limits.connect))
            .timeout_recv_response(Some(limits.silence))
            .timeout_per_read(Some(limits.silence))
            .timeout_per_write(Some(limits.silence))
            .build();
        Ok(Self { agent: Agent::new_with_config(config), proxies, limits })
    }

    /// Asks a mirror for what it has at this path, from an offset on.
    pub(super) fn get(
        &self,
        mirror: &str,
        path: &str,
        offset_bytes: u64,
    ) -> Result<Body<'static>, Why> {
        match mirror.strip_prefix("file://") {
            Some(directory) => self.file(&format!("{directory}/{path}"), offset_bytes),
            None => self.http(mirror, path, offset_bytes),
        }
    }

    fn file(&self, path: &str, offset_bytes: u64) -> Result<Body<'static>, Why> {
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Why::Status(404),
            _ => Why::Connection(error.to_string()),
        };
        let mut file = File::open(path).map_err(refused)?;
        let metadata = file.metadata().map_err(refused)?;
        if !metadata.is_file() {
            return Err(Why::Status(404));
        }
        let left = metadata.len().checked_sub(offset_bytes).ok_or(Why::Status(416))?;
        file.seek(SeekFrom::Start(offset_bytes)).map_err(refused)?;
        let reader = Box::new(file);
        Ok(Body { offset_bytes, len_bytes: Some(left), limits: self.limits, reader })
    }

    fn http(&self, mirror: &str, path: &str, offset_bytes: u64) -> Result<Body<'static>, Why> {
        let (scheme, rest) = mirror.split_once("://").unwrap_or_default();
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let proxy = self.proxies.of(scheme, host).and_then(|url| ureq::Proxy::new(url).ok());
        // Some servers take a plus sign for a space.
        let path = path.replace('%', "%25").replace('+', "%2B").replace(' ', "%20");
        let mut request = self.agent.get(format!("{mirror}/{path}"));
        if offset_bytes > 0 {
            request = request.header("Range", format!("bytes={offset_bytes}-"));
        }
        let response = request.config().proxy(proxy).build().call();
        let response = response.map_err(|error| broken(error, self.limits))?;
        let offset_bytes = match response.status().as_u16() {
            200 => 0,
            206 => range_start(&response).filter(|start| *start == offset_bytes).ok_or(
                // It sends something else than what was asked for.
                Why::Status(416),
            )?,
            status => return Err(Why::Status(status)),
        };
        let body = response.into_body();
        let len_bytes = body.content_length();
        let reader = Box::new(body.into_with_config().limit(u64::MAX).reader());
        Ok(Body { offset_bytes, len_bytes, limits: self.limits, reader })
    }
}

/// The first number of `Content-Range: bytes 100-199/200` (RFC 9110, section 14.4).
fn range_start<T>(response: &Response<T>) -> Option<u64> {
    let value = response.headers().get("content-range")?.to_str().ok()?;
    let (start, _) = value.trim().strip_prefix("bytes ")?.split_once('-')?;
    start.trim().parse().ok()
}

fn broken(error: ureq::Error, limits: Limits) -> Why {
    match error {
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            Why::Connection(format!("no connection in {} s", limits.connect.as_secs_f32()))
        }
        ureq::Error::Timeout(_) => Why::Silent(limits.silence),
        error => Why::Connection(error.to_string()),
    }
}

fn root_certificates(path: &Path) -> io::Result<RootCerts> {
    let bytes = std::fs::read(path)?;
    let mut certificates = Vec::new();
    for item in parse_pem(&bytes) {
        if let PemItem::Certificate(certificate) = item.map_err(io::Error::other)? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(io::Error::other("there is no certificate in it"));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// Judges how fast something comes.
pub(super) struct Pace {
    limits: Limits,
    since: Instant,
    len_bytes: u64,
}

impl Pace {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, since: Instant::now(), len_bytes: 0 }
    }

    /// Takes note of bytes that came.
    pub(super) fn came(&mut self, len_bytes: u64) -> Result<(), Why> {
        self.len_bytes = self.len_bytes.saturating_add(len_bytes);
        let window = self.since.elapsed();
        if window < self.limits.window {
            return Ok(());
        }
        if self.len_bytes < self.limits.least_bytes {
            return Err(Why::Slow { len_bytes: self.len_bytes, window });
        }
        *self = Self::new(self.limits);
        Ok(())
    }
}
