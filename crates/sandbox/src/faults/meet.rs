//! What a fault makes of an answer on the wire.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::time::{Sleep, sleep};

use super::{Fault, FaultKind};
use crate::answer::{Answer, Response, body as whole};
use crate::door::Reins;

const HTML: &str =
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n";

/// The answer that a gateway gives in place of the endpoint's, if the fault has one.
pub(crate) fn gateways(kind: FaultKind) -> Option<Answer> {
    let (status, content_type, body) = match kind {
        FaultKind::InternalError => {
            (StatusCode::INTERNAL_SERVER_ERROR, "application/json", r#"{"error":"internal server error"}"#)
        }
        FaultKind::BadGateway => (StatusCode::BAD_GATEWAY, "text/html", HTML),
        FaultKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "text/plain", ""),
        FaultKind::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "text/plain", "too many requests\n"),
        FaultKind::Empty => (StatusCode::OK, "application/json", ""),
        FaultKind::EmptyObject => (StatusCode::OK, "application/json", "{}"),
        _ => return None,
    };
    Some(Answer { content_type, body: body.into(), ..Answer::plain(status, "") })
}

/// Gives the answer as the fault has it. `answer` is the endpoint's, or what stands in its place.
pub(crate) fn meet(fault: &Fault, answer: Answer, reins: &Reins) -> Response {
    match fault.kind {
        FaultKind::Reset => reins.reset(),
        FaultKind::Close | FaultKind::Silence => reins.close(),
        _ => {}
    }
    let mut body = Bytes::from(answer.body.clone());
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    if let Some(wait) = fault.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    match fault.kind {
        FaultKind::WrongType => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        }
        FaultKind::TruncatedJson => {
            body.truncate(body.len() / 2);
            *response.body_mut() = whole(body);
        }
        FaultKind::SlowBody => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            *response.body_mut() = StreamBody::new(Pieces::slow(body, fault.time())).boxed_unsync();
        }
        FaultKind::BrokenBody => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            body.truncate(body.len() / 2);
            *response.body_mut() = StreamBody::new(Pieces::broken(body, reins.clone())).boxed_unsync();
        }
        _ => {}
    }
    response
}

/// A body in pieces.
struct Pieces {
    rest: Bytes,
    piece: usize,
    /// Before each piece.
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    /// The connection is reset after the last piece.
    breaks: Option<Reins>,
    /// What is given so far has left.
    flushed: bool,
}

impl Pieces {
    fn slow(body: Bytes, within: Duration) -> Self {
        let (pieces, piece) = (10, body.len().div_ceil(10).max(1));
        Self { rest: body, piece, pause: within / pieces, sleep: None, breaks: None, flushed: false }
    }

    fn broken(body: Bytes, reins: Reins) -> Self {
        let piece = body.len().max(1);
        Self { rest: body, piece, pause: Duration::ZERO, sleep: None, breaks: Some(reins), flushed: false }
    }
}

impl Stream for Pieces {
    type Item = io::Result<Frame<Bytes>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.rest.is_empty() {
            let Some(reins) = self.breaks.clone() else { return Poll::Ready(None) };
            if !std::mem::replace(&mut self.flushed, true) {
                // A server flushes what it has when there is no more for now.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            reins.reset();
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        }
        let pause = self.pause;
        if !pause.is_zero() {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(pause)));
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
        }
        let length = self.piece.min(self.rest.len());
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }
}
