//! Runs one case through the public path of its vendor: a sink over a scripted transport, and over a real one and a socket.

use std::sync::Arc;

use bytes::Bytes;
use contact_sink_core::{ContactUpdate, SinkError, Subject, UserId, Value};
use contact_sink_testkit::Script;
use contact_sink_transport::HttpTransport;
use http::Request;

use crate::case::{Case, Id, Set, Update};
use crate::check::Came;
use crate::files::Named;
use crate::server::{Server, cannot_give};
use crate::sink::Configured;
use crate::transport::Transport;
use crate::{check, signature, tencent};

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

/// What begins a problem with what came of a request, not with the case or the request.
const OUTCOME: &str = "outcome: ";

/// A case that is expected to fail and passes is a failure, and so is one that fails before anything came of it.
fn as_expected(named: &Named, outcome: Result<(), String>) -> Result<(), String> {
    match (&named.content.expected_failure, outcome) {
        (None, outcome) => outcome,
        (Some(_), Err(problem)) if problem.starts_with(OUTCOME) => Ok(()),
        (Some(reason), Err(problem)) => Err(format!("this case is to fail otherwise ({reason}): {problem}")),
        (Some(reason), Ok(())) => Err(format!("this case is expected to fail ({reason}), and it passes")),
    }
}

pub(crate) async fn in_memory(named: &Named) -> Result<(), String> {
    let case = &named.content;
    let scripted = Script::answering(case.answer.response(named.status)?);
    let outcome = send(named, case, scripted.clone()).await?;
    requests(named, case, &scripted.requests(), &outcome)?;
    as_answered(named, &outcome)
}

/// Compares what came over the wire, with the host of the server, and what `send` gave.
pub(crate) async fn over_socket(named: &Named, transport: Arc<dyn HttpTransport>) -> Result<(), String> {
    let server = Server::start(named.status, &named.content.answer).await?;
    let case = named.content.at(&server.origin())?;
    let outcome = send(named, &case, transport).await?;
    let came = server.finish().await?;
    requests(named, &case, &came, &outcome)?;
    as_answered(named, &outcome)?;
    let scripted = Script::answering(case.answer.response(named.status)?);
    send(named, &case, scripted.clone()).await?.ok();
    scripted.requests().iter().zip(&came).try_for_each(|(built, came)| check::unchanged(built, came))
}

fn as_answered(named: &Named, outcome: &Result<Came, SinkError>) -> Result<(), String> {
    let compared = check::outcome(outcome, &named.content.expected, named.status);
    compared.map_err(|problem| format!("{OUTCOME}{problem}"))
}

/// The one request is what the case says, and signed if the vendor's requests are.
fn requests(
    named: &Named,
    case: &Case,
    sent: &[Request<Bytes>],
    outcome: &Result<Came, SinkError>,
) -> Result<(), String> {
    check::requests(sent, case.request.as_ref())?;
    if named.vendor != contact_sink_tencent::VENDOR.name {
        return Ok(());
    }
    let said = match outcome {
        Ok(came) => format!("{came:?}"),
        Err(error) => format!("{error} {error:?} {}", error.advice()),
    };
    sent.iter().try_for_each(|request| signature::signed(request, &case.config.app()?, &said))
}

/// Sends the batch of the case, or makes its call. The sink is gone afterwards, and the transport with it.
async fn send(
    named: &Named,
    case: &Case,
    transport: Arc<dyn HttpTransport>,
) -> Result<Result<Came, SinkError>, String> {
    if let Some(call) = &case.call {
        if named.vendor != "tencent" || !case.updates.is_empty() {
            return Err("a call is Tencent's, and has no updates beside it".to_owned());
        }
        return Ok(tencent::call(&named.operation, case, call, transport).await?.map(Came::Answer));
    }
    let configured = Configured::new(&named.vendor, &named.operation, case)?;
    let sink = configured.open(case, transport)?;
    let mut batch = Vec::new();
    for update in &case.updates {
        let update = update.set.iter().try_fold(ContactUpdate::new(subject(update)?), |made, (field, value)| {
            let value = match value {
                Set::Text(text) => text.into(),
                Set::List(texts) => Value::List(texts.clone()),
            };
            made.with(configured.field(field)?, value).map_err(|error| error.to_string())
        })?;
        sink.validate(&update).map_err(|refusal| format!("an update of the case is refused: {refusal}"))?;
        batch.push(update);
    }
    Ok(sink.send(&batch).await.map(Came::Verdicts))
}

fn subject(update: &Update) -> Result<Subject, String> {
    let id = |id: &Id| match id {
        Id::Number(number) => Ok(UserId::from(*number)),
        Id::Text(text) => UserId::new(text.as_str()).map_err(|error| error.to_string()),
    };
    match (&update.user, &update.owner, &update.contact) {
        (Some(user), None, None) => Ok(Subject::User(id(user)?)),
        (None, Some(owner), Some(contact)) => Ok(Subject::Friend { owner: id(owner)?, friend: id(contact)? }),
        _ => Err("an update has a user, or an owner and a contact".to_owned()),
    }
}
