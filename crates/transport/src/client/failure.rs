//! What hyper's, rustls's and the system's errors mean. Their own texts may hold a host name: they are a source, and never shown.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

use rustls::CertificateError;

use crate::{TransportError, TransportErrorKind as Kind};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) const NO_CONNECTION: TransportError = TransportError::new(Kind::Connect, "the connect timeout passed");

/// Why no connection came about.
pub(crate) fn of_connect(error: impl Into<BoxError>) -> TransportError {
    let error = error.into();
    why_no_connection(error.as_ref()).with_source(error)
}

/// Why there is no whole answer although the request was handed to a connection: it may have been applied.
pub(crate) fn of_exchange(error: impl Into<BoxError>) -> TransportError {
    let error = error.into();
    why_no_answer(error.as_ref()).with_source(error)
}

fn why_no_connection(error: &(dyn Error + 'static)) -> TransportError {
    let mut detail = "the handshake broke off";
    for cause in chain(error) {
        if let Some(ours) = cause.downcast_ref::<TransportError>() {
            return ours.clone();
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        if let Some(detail) = cause.downcast_ref::<io::Error>().and_then(exhausted) {
            return TransportError::new(Kind::Exhausted, detail);
        }
        // hyper-util does not export the types of these, and reqwest not that of its timeout.
        match cause.to_string().as_str() {
            // A name look-up without a descriptor for its socket says only that it failed.
            "dns error"
                if let Some(detail) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).err().as_ref().and_then(exhausted) =>
            {
                return TransportError::new(Kind::Exhausted, detail);
            }
            "operation timed out" => return NO_CONNECTION,
            "dns error" => return TransportError::new(Kind::Connect, "the host name is unknown"),
            "tunnel error: proxy authorization required" => {
                return TransportError::new(Kind::Connect, "the proxy asks for a user and a password");
            }
            text if text.starts_with("tunnel error: ") => detail = "the proxy made no connection",
            _ => {}
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            detail = match io.kind() {
                io::ErrorKind::ConnectionRefused => "connection refused",
                io::ErrorKind::ConnectionReset => "connection reset",
                io::ErrorKind::TimedOut => "the connect timeout passed",
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "host or network unreachable",
                _ => detail,
            };
        }
    }
    TransportError::new(Kind::Connect, detail)
}

/// What this machine has none left of, if that is why.
fn exhausted(error: &io::Error) -> Option<&'static str> {
    // The standard library has no kind for most of these: EMFILE, ENFILE, ENOBUFS of Linux and of macOS.
    match error.raw_os_error()? {
        24 => Some("this process has too many open files"),
        23 => Some("this machine has too many open files"),
        105 | 55 => Some("this machine has no memory left for a socket"),
        _ => match error.kind() {
            io::ErrorKind::OutOfMemory => Some("this machine has no memory left for a socket"),
            // A host without IPv6 says the same of an address of version 6: then there is nothing to wait for.
            io::ErrorKind::AddrNotAvailable if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() => {
                Some("this machine has no local port left")
            }
            _ => None,
        },
    }
}

fn why_no_answer(error: &(dyn Error + 'static)) -> TransportError {
    let http = chain(error).find_map(|cause| cause.downcast_ref::<hyper::Error>());
    if http.is_some_and(hyper::Error::is_parse) {
        return TransportError::new(Kind::NotHttp, "its head is not one of http, or too large");
    }
    if chain(error).any(|cause| cause.is::<rustls::Error>()) {
        return TransportError::new(Kind::Interrupted, "tls broke off");
    }
    let io_kind = chain(error).find_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()));
    match io_kind {
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            TransportError::new(Kind::NotHttp, "its body is not framed as http")
        }
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted) => {
            TransportError::new(Kind::Interrupted, "connection reset")
        }
        _ if http.is_some_and(hyper::Error::is_canceled) => {
            TransportError::new(Kind::Interrupted, "closed as the request was about to leave")
        }
        _ => TransportError::new(Kind::Interrupted, "connection closed"),
    }
}

fn of_tls(error: &rustls::Error) -> TransportError {
    use CertificateError as C;
    let detail = match error {
        rustls::Error::InvalidCertificate(C::UnknownIssuer) => "its issuer is unknown",
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => "it has expired",
        rustls::Error::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => "it is not valid yet",
        rustls::Error::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "it is for another host name"
        }
        rustls::Error::InvalidCertificate(C::Revoked) => "it was revoked",
        rustls::Error::InvalidCertificate(_) => "it is not valid",
        rustls::Error::NoCertificatesPresented => "there is none",
        _ => return TransportError::new(Kind::Connect, "the tls handshake broke off"),
    };
    TransportError::new(Kind::Certificate, detail)
}

/// An error and its causes. An I/O error that wraps another error does not name it as its source, hence the detour.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}
