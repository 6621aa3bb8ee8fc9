//! A transport behind a pointer is a transport.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use contact_sink_transport::http::{Request, Response};
use contact_sink_transport::{Bytes, HttpTransport, TransportError, async_trait};

/// Answers with the body of the request.
struct Echo;

#[async_trait]
impl HttpTransport for Echo {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        Ok(Response::new(request.into_body()))
    }
}

fn answer(transport: impl HttpTransport + 'static) -> Bytes {
    let exchange = transport.exchange(Request::new(Bytes::from_static(b"body")));
    match std::pin::pin!(exchange).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.unwrap().into_body(),
        Poll::Pending => panic!("it waits for nothing"),
    }
}

#[test]
fn a_transport_in_a_box_or_shared_is_a_transport() {
    let boxed: Box<dyn HttpTransport> = Box::new(Echo);
    let shared: Arc<dyn HttpTransport> = Arc::new(Echo);
    let both: Arc<Box<dyn HttpTransport>> = Arc::new(Box::new(Echo));
    for answer in [answer(Echo), answer(boxed), answer(shared), answer(both), answer(Box::new(Echo))] {
        assert_eq!(answer, "body");
    }
}
