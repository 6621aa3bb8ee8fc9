//! Runs one case through the public path of its vendor: a sink over a scripted transport, and over a real one and a socket.

use std::sync::Arc;

use contact_sink_core::{ContactUpdate, SinkError, Subject, UserId, Verdict};
use contact_sink_transport::HttpTransport;

use crate::case::Case;
use crate::files::Named;
use crate::scripted::Scripted;
use crate::server::{Server, cannot_give};
use crate::transport::Transport;
use crate::{check, jiguang};

/// How a case went that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Passed,
    /// It passed in memory and cannot go over a socket, for this reason.
    Skipped(String),
}

/// Runs a case in memory, where its whole URL is compared, and then over a socket if a transport is chosen.
pub(crate) fn run(named: &Named, transport: Option<Transport>) -> Result<Done, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        as_expected(named, in_memory(named).await)?;
        let Some(transport) = transport else { return Ok(Done::Passed) };
        if let Some(reason) = cannot_give(named.status, &named.content.answer) {
            return Ok(Done::Skipped(reason));
        }
        let over_socket = over_socket(named, transport.build()?).await;
        as_expected(named, over_socket).map_err(|problem| format!("over {}: {problem}", transport.name()))?;
        Ok(Done::Passed)
    })
}

/// A case that is expected to fail and passes is a failure.
fn as_expected(named: &Named, outcome: Result<(), String>) -> Result<(), String> {
    match (&named.content.expected_failure, outcome) {
        (None, outcome) => outcome,
        (Some(_), Err(_)) => Ok(()),
        (Some(reason), Ok(())) => Err(format!("this case is expected to fail ({reason}), and it passes")),
    }
}

pub(crate) async fn in_memory(named: &Named) -> Result<(), String> {
    let case = &named.content;
    let scripted = Arc::new(Scripted::new(named.status, &case.answer)?);
    let outcome = send(named, case, scripted.clone()).await?;
    check::requests(&scripted.requests(), case.request.as_ref())?;
    check::outcome(&outcome, &case.expected, named.status)
}

/// Compares what came over the wire, with the host of the server, and what `send` gave.
pub(crate) async fn over_socket(named: &Named, transport: Arc<dyn HttpTransport>) -> Result<(), String> {
    let server = Server::start(named.status, &named.content.answer).await?;
    let case = named.content.at(&server.origin())?;
    let outcome = send(named, &case, transport).await?;
    let came = server.finish().await?;
    check::requests(&came, case.request.as_ref())?;
    check::outcome(&outcome, &case.expected, named.status)?;
    let scripted = Arc::new(Scripted::new(named.status, &case.answer)?);
    send(named, &case, scripted.clone()).await?.ok();
    scripted.requests().iter().zip(&came).try_for_each(|(built, came)| check::unchanged(built, came))
}

/// Sends the batch of the case. The sink is gone afterwards, and the transport with it.
async fn send(
    named: &Named,
    case: &Case,
    transport: Arc<dyn HttpTransport>,
) -> Result<Result<Vec<Verdict>, SinkError>, String> {
    let (sink, address) = match (named.vendor.as_str(), named.operation.as_str()) {
        ("jiguang", "set_channels") => (jiguang::sink(case, transport)?, jiguang::address),
        (vendor, operation) => return Err(format!("there is no runner for {vendor}/{operation}")),
    };
    let mut batch = Vec::new();
    for update in &case.updates {
        let subject = Subject::User(UserId::from(update.user));
        let update = update.set.iter().try_fold(ContactUpdate::new(subject), |made, (field, value)| {
            made.with(address(field)?, value.as_str()).map_err(|error| error.to_string())
        })?;
        sink.validate(&update).map_err(|refusal| format!("an update of the case is refused: {refusal}"))?;
        batch.push(update);
    }
    Ok(sink.send(&batch).await)
}
