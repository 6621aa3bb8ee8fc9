//! A vendor that answers each request by a script, and keeps the requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contact_sink_transport::{HttpTransport, TransportError};
use http::Response;

/// A request as a transport gets it.
pub type Request = http::Request<Bytes>;

type Answer = dyn Fn(&Request) -> Result<Response<Bytes>, TransportError> + Send + Sync;

/// Answers each request by a function of it, after a while, and keeps the requests.
pub struct Script {
    answer: Box<Answer>,
    takes: Duration,
    requests: Mutex<Vec<Request>>,
}

impl Script {
    /// One status and body for every request.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Arc<Self> {
        let body = body.into();
        Self::slow(Duration::ZERO, move |_| Ok((status, body.clone())))
    }

    /// A status and body for each request.
    pub fn by(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(Duration::ZERO, move |request| {
            let (status, body) = answer(request);
            Ok((status, body.into()))
        })
    }

    /// The same after a while, or an error in place of an answer.
    pub fn slow(
        takes: Duration,
        answer: impl Fn(&Request) -> Result<(u16, Bytes), TransportError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::with(takes, move |request| {
            let (status, body) = answer(request)?;
            Ok(Response::builder().status(status).body(body).unwrap())
        })
    }

    /// One answer for every request, with its headers.
    pub fn answering(answer: Response<Bytes>) -> Arc<Self> {
        Self::with(Duration::ZERO, move |_| Ok(answer.clone()))
    }

    fn with(
        takes: Duration,
        answer: impl Fn(&Request) -> Result<Response<Bytes>, TransportError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), takes, requests: Mutex::default() })
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

#[async_trait]
impl HttpTransport for Script {
    async fn exchange(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        self.requests.lock().unwrap().push(request.clone());
        if !self.takes.is_zero() {
            tokio::time::sleep(self.takes).await;
        }
        (self.answer)(&request)
    }
}
