//! A transport that gives the answer of the case and keeps what was sent.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use contact_sink_transport::{HttpTransport, TransportError};
use http::{Request, Response};

use crate::case::Answer;

/// Gives one answer to every request.
pub(crate) struct Scripted {
    answer: Response<Bytes>,
    requests: Mutex<Vec<Request<Bytes>>>,
}

impl Scripted {
    pub(crate) fn new(status: u16, answer: &Answer) -> Result<Self, String> {
        let response = answer
            .headers
            .iter()
            .fold(Response::builder().status(status), |response, (name, value)| response.header(name, value));
        let answer = response
            .body(Bytes::copy_from_slice(answer.bytes()))
            .map_err(|error| format!("the answer of the case: {error}"))?;
        Ok(Self { answer, requests: Mutex::default() })
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }
}

#[async_trait]
impl HttpTransport for Scripted {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.requests.lock().unwrap().push(request);
        Ok(self.answer.clone())
    }
}
