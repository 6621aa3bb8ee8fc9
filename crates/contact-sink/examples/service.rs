//! A service that keeps the copies of its users' contact data at three vendors equal to its own.
//!
//! `cargo run --package contact-sink --all-features --example service -- 127.0.0.1:8080` needs no account: without credentials in the
//! environment, or with `--sandbox`, the vendors are a sandbox in the same process. `--sandbox=URL` names one that runs elsewhere.
//!
//! `curl -i -X PUT -H 'content-type: application/json' -d '{"phone": "15088888888", "city": "Shenzhen"}' http://127.0.0.1:8080/users/7`
//!
//! | answer | meaning for the caller |
//! |---|---|
//! | 204 | all vendors have the values |
//! | 422 | correct the user and send it again; the text says which vendor refused what |
//! | 503 | send the *current* user again after `Retry-After`; where that must not be forgotten, see the example `outbox` |
//!
//! `/health/live`, `/health/ready`, `/metrics` are for the platform. SIGTERM and Ctrl-C end the process in order.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use std::{
    env,
    io::{self, IsTerminal as _},
};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use contact_sink::delivery::{Delivery, Health, Limiter, Options, Outcome, Undelivered};
use contact_sink::engagelab::{self, EngageLabSink};
use contact_sink::jiguang::{self, ChannelKind, JiguangSink};
use contact_sink::mapping::{FieldMapping, Layout, Mapped, Mapper, Mapping, Record, SubjectColumns, SubjectKind};
use contact_sink::sandbox::{Sandbox, World};
use contact_sink::tencent::{self, AttributesSink, FriendsSink, Tencent};
use contact_sink::transport::{BaseUrl, HyperTransport};
use contact_sink::{ContactSink, ContactUpdate, Field, FieldKind, UserId};
use futures_util::future::join_all;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{Instrument as _, info, info_span, warn};
use tracing_subscriber::EnvFilter;

/// For how long a caller waits for the vendors.
const DEADLINE: Duration = Duration::from_secs(3);
/// For how long a delivery finishes its work at the end, after its callers have their answers.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Our channels at Jiguang. What a channel carries cannot be read from its id.
const SMS: i64 = 210;
const MAIL: i64 = 219;
/// Our account at Tencent whose address book has all users.
const SUPPORT: &str = "support";

/// A user as this service has it. What is `None` stays as it is at the vendors.
#[derive(Serialize, Deserialize)]
struct User {
    #[serde(skip_deserializing)]
    id: i64,
    phone: Option<String>,
    email: Option<String>,
    city: Option<String>,
    remark: Option<String>,
}

/// Makes the update of a user for one endpoint; `None` if there is nothing to set. The error is in words and has no value.
type MakeUpdate = Box<dyn Fn(&User) -> Result<Option<ContactUpdate>, String> + Send + Sync>;

/// One endpoint of a vendor: opened once, shared by all handlers.
struct Endpoint {
    name: &'static str,
    delivery: Delivery,
    make_update: MakeUpdate,
}

type Endpoints = Arc<[Endpoint]>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Our own logs and those of the deliveries: they have no URL, id, value or secret. Other libraries' may.
    let filter = env::var("SERVICE_LOG").unwrap_or_else(|_| "service=info,contact_sink_delivery=info".to_owned());
    let is_terminal = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_writer(io::stderr)
        .with_ansi(is_terminal)
        .init();
    // Before the first delivery is opened: it takes the recorder that is there then.
    let metrics = PrometheusBuilder::new().install_recorder()?;
    // From the start: a signal that comes early is not lost.
    let ended = ended()?;

    let arguments = Arguments::read()?;
    let mut sandbox = None;
    let accounts = match arguments.vendors {
        Vendors::Real => Accounts::from_env()?,
        Vendors::Sandbox(Some(base_url)) => Accounts::simulated(base_url)?,
        Vendors::Sandbox(None) => {
            let sandbox = sandbox.insert(Sandbox::start(World::default())?);
            println!("SIMULATED: the vendors are a sandbox at {}", sandbox.base_url());
            Accounts::simulated(sandbox.base_url().parse()?)?
        }
    };
    let endpoints = endpoints(accounts)?;
    let listener = TcpListener::bind(&arguments.address).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap_or_default() };
    let server = axum::serve(listener, app(endpoints.clone(), metrics)).with_graceful_shutdown(stopped);
    let server = tokio::spawn(server.into_future());
    ended.await;

    info!("no more connections; requests that are here are answered");
    let _ = stop.send(());
    match timeout(DEADLINE + Duration::from_secs(1), server).await {
        Ok(server) => server??,
        // Somebody sends a request, or reads an answer, slowly.
        Err(_) => warn!("a connection is still open and is cut off"),
    }
    // At once, so that the time is not that of one after the other.
    join_all(endpoints.iter().map(async |endpoint| {
        let summary = endpoint.delivery.clone().close(CLOSE_WITHIN).await;
        let (accepted, rejected, undelivered) = (summary.accepted, summary.rejected, summary.undelivered);
        info!(endpoint = endpoint.name, accepted, rejected, undelivered, "closed");
    }))
    .await;
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    Ok(())
}

fn app(endpoints: Endpoints, metrics: PrometheusHandle) -> Router {
    let render = async move || {
        metrics.run_upkeep();
        metrics.render()
    };
    Router::new()
        .route("/users/{id}", routing::put(put_user))
        .route("/health/ready", routing::get(ready))
        .with_state(endpoints)
        // The process answers: that is all that a restart could change.
        .route("/health/live", routing::get(StatusCode::OK))
        .route("/metrics", routing::get(render))
}

async fn put_user(State(endpoints): State<Endpoints>, Path(id): Path<i64>, Json(user): Json<User>) -> Response {
    let user = User { id, ..user };
    // A user that cannot be right for one endpoint is sent to none.
    let mut updates = Vec::new();
    for endpoint in endpoints.iter() {
        match (endpoint.make_update)(&user) {
            Ok(update) => updates.extend(update.map(|update| (endpoint, update))),
            Err(problem) => {
                return (StatusCode::UNPROCESSABLE_ENTITY, format!("{}: {problem}\n", endpoint.name)).into_response();
            }
        }
    }
    // All at once, each at its own pace. The log of a request to a vendor is linked to this span.
    let outcomes = updates
        .into_iter()
        .map(async |(endpoint, update)| (endpoint.name, endpoint.delivery.deliver_within(update, DEADLINE).await));
    let outcomes = join_all(outcomes).instrument(info_span!("put_user")).await;
    answer(outcomes)
}

/// Rejected before undelivered: it is no use to send this user again as it is.
fn answer(outcomes: Vec<(&str, Outcome)>) -> Response {
    let (mut rejected, mut undelivered, mut retry_after) = (String::new(), String::new(), None);
    for (name, outcome) in outcomes {
        let Err(error) = outcome.into_result() else { continue };
        // Our words and the vendor's code. The vendor's text is personal data: it is not in them.
        let line = format!("{name}: {error}\n");
        match error.outcome() {
            Outcome::Undelivered { cause, .. } => {
                undelivered.push_str(&line);
                retry_after = retry_after.max(Some(seconds_to_wait(cause)));
            }
            _ => rejected.push_str(&line),
        }
    }
    let text = format!("{rejected}{undelivered}");
    match retry_after {
        _ if !rejected.is_empty() => (StatusCode::UNPROCESSABLE_ENTITY, text).into_response(),
        Some(seconds) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, seconds.to_string())], text).into_response()
        }
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

fn seconds_to_wait(cause: &Undelivered) -> u64 {
    match cause {
        // Another process is about to take over.
        Undelivered::Closed => 1,
        // A person must act, about the credentials say.
        Undelivered::Paused(_) | Undelivered::Stopped(_) | Undelivered::Broken => 60,
        _ => 5,
    }
}

/// Ready in every state in which the deliveries continue by themselves. Another process could not do more about an outage.
async fn ready(State(endpoints): State<Endpoints>) -> (StatusCode, String) {
    let (mut status, mut states) = (StatusCode::OK, String::new());
    for endpoint in endpoints.iter() {
        let health = endpoint.delivery.health().borrow().clone();
        if let Health::Stopped(stop) = &health {
            status = StatusCode::SERVICE_UNAVAILABLE;
            warn!(endpoint = endpoint.name, %stop, "stopped");
        }
        states.push_str(&format!("{}: {}\n", endpoint.name, health.name()));
    }
    (status, states)
}

/// The four endpoints, and what each keeps of a user.
fn endpoints(accounts: Accounts) -> Result<Endpoints, Box<dyn Error>> {
    // One transport for all: its connections are kept apart by host.
    let transport = Arc::new(HyperTransport::new()?);
    let (percent, first_after) = (accounts.percent, accounts.first_after);
    let open = |name: &'static str, sink: Box<dyn ContactSink>, make_update: MakeUpdate| {
        let mut options = Options::for_service().with_name(name);
        options.first_after = first_after;
        options.limiter = sink.limits().quota.map(|quota| Limiter::with_share(quota, percent));
        Endpoint { name, delivery: Delivery::new(sink, options), make_update }
    };

    // A mapping checks what a vendor does not, or what it finds out too late. It is built here ..
    let sink = JiguangSink::new(accounts.jiguang, transport.clone())
        .with_channel(SMS, ChannelKind::Sms)
        .with_channel(MAIL, ChannelKind::Mail);
    let mapping = Mapping::new(SubjectColumns::user("id"))
        .with(FieldMapping::new(jiguang::default_label(SMS), FieldKind::Phone, "phone").trimmed())?
        .with(FieldMapping::new(jiguang::default_label(MAIL), FieldKind::Email, "email").trimmed())?;
    let jiguang = open("jiguang", Box::new(sink), mapped(mapping)?);

    // .. and here it is text, as in the configuration of the command: it may come from a file.
    let sink = EngageLabSink::new(accounts.engagelab, transport.clone());
    let mapping = r#"
        subject = "id"
        [set]
        mobile_phone = { from = "phone", as = "trim" }
        email = { from = "email", as = "trim" }
    "#;
    let mapping = Mapping::from_toml(mapping, SubjectKind::User, &|name| {
        let field = engagelab::contact(name).map_err(|error| error.to_string())?;
        Ok((field.clone(), engagelab::kind(&field)))
    })?;
    let engagelab = open("engagelab", Box::new(sink), mapped(mapping)?);

    // Where a field or two are set without checks of ours, plain code reads better.
    let client = Tencent::new(accounts.tencent, transport);
    let city: Field = tencent::attribute("city")?;
    let make_update =
        move |user: &User| filled(ContactUpdate::user(user.id).with_opt(city.clone(), user.city.as_deref()));
    let attributes = open("tencent-attributes", Box::new(AttributesSink::from(client.clone())), Box::new(make_update));

    let support = UserId::new(SUPPORT)?;
    let make_update = move |user: &User| {
        filled(ContactUpdate::friend(support.clone(), user.id).with_opt(tencent::remark(), user.remark.as_deref()))
    };
    let friends = open("tencent-friends", Box::new(FriendsSink::from(client)), Box::new(make_update));

    Ok(Arc::new([jiguang, engagelab, attributes, friends]))
}

/// Makes updates of users by a mapping.
fn mapped(mapping: Mapping) -> Result<MakeUpdate, Box<dyn Error>> {
    let mapper = Mapper::new(mapping, &Layout::objects())?;
    Ok(Box::new(move |user| match mapper.map(&Record::from_serde(user).map_err(|error| error.to_string())?) {
        Mapped::Update(update) => Ok(Some(update)),
        Mapped::Skip(_) => Ok(None),
        Mapped::Reject(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    }))
}

fn filled<E: Error>(update: Result<ContactUpdate, E>) -> Result<Option<ContactUpdate>, String> {
    let update = update.map_err(|error| error.to_string())?;
    Ok((!update.fields().is_empty()).then_some(update))
}

/// Our accounts at the vendors, and how they are used.
struct Accounts {
    jiguang: jiguang::Config,
    engagelab: engagelab::Config,
    tencent: tencent::Config,
    /// This process's share of the quotas.
    percent: u8,
    /// For how long nothing is sent at first.
    first_after: Option<Duration>,
}

/// Without any of them the vendors are a sandbox.
const SECRETS: [&str; 3] = ["JIGUANG_PROJECT_SECRET", "ENGAGELAB_API_SECRET", "TENCENT_SECRET_KEY"];

impl Accounts {
    fn from_env() -> Result<Self, Box<dyn Error>> {
        let var =
            |name: &str| env::var(name).map_err(|_| format!("{name} is not set: set it, or start with --sandbox"));
        let [jiguang, engagelab, tencent] = SECRETS.map(|name| var(name).map(Into::into));
        let app = var("TENCENT_SDK_APP_ID")?;
        let app = app.parse().map_err(|_| "TENCENT_SDK_APP_ID is no number: set it to the SDKAppID of the app")?;
        // Two processes at these accounts: 49 for each.
        let percent = env::var("QUOTA_PERCENT").unwrap_or_else(|_| Limiter::DEFAULT_SHARE.to_string());
        let percent = percent.parse().map_err(|_| "QUOTA_PERCENT is no number: set it to a number from 1 to 100")?;
        Ok(Self {
            jiguang: jiguang::Config::new(var("JIGUANG_PROJECT_ID")?, jiguang?)?,
            engagelab: engagelab::Config::new(var("ENGAGELAB_API_KEY")?, engagelab?)?,
            tencent: tencent::Config::new(app, "administrator", tencent?)?,
            percent,
            // Requests of a process that was killed may still arrive. Zero, if the one before always closes in order.
            first_after: None,
        })
    }

    fn simulated(base_url: BaseUrl) -> Result<Self, Box<dyn Error>> {
        let tencent = tencent::Config::new(1400000000, "administrator", "sandbox".into())?;
        Ok(Self {
            jiguang: jiguang::Config::new("sandbox", "sandbox".into())?.with_base_url(base_url.clone()),
            engagelab: engagelab::Config::new("sandbox", "sandbox".into())?.with_base_url(base_url.clone()),
            tencent: tencent.with_base_url(base_url),
            percent: Limiter::DEFAULT_SHARE,
            first_after: Some(Duration::ZERO),
        })
    }
}

enum Vendors {
    Real,
    /// At this address, or one that is started.
    Sandbox(Option<BaseUrl>),
}

struct Arguments {
    address: String,
    vendors: Vendors,
}

impl Arguments {
    fn read() -> Result<Self, Box<dyn Error>> {
        let has_secrets = SECRETS.iter().any(|name| env::var_os(name).is_some());
        let vendors = if has_secrets { Vendors::Real } else { Vendors::Sandbox(None) };
        let mut arguments = Self { address: "127.0.0.1:0".to_owned(), vendors };
        for argument in env::args().skip(1) {
            match argument.strip_prefix("--sandbox=") {
                Some(url) => {
                    let base_url = url.parse().map_err(|error| format!("--sandbox: {error}"))?;
                    arguments.vendors = Vendors::Sandbox(Some(base_url));
                }
                None if argument == "--sandbox" => arguments.vendors = Vendors::Sandbox(None),
                None if argument.starts_with('-') => {
                    return Err("usage: service [--sandbox[=URL]] [ADDRESS:PORT]".into());
                }
                None => arguments.address = argument,
            }
        }
        Ok(arguments)
    }
}

/// Ends when the process is asked to end.
fn ended() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
