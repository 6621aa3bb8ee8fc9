//! The sink of a case, made by the kit of its vendor and operation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use contact_sink::kits;
use contact_sink_core::{ContactSink, Field};
use contact_sink_transport::{Clock, HttpTransport, KeyKind, KeyValue, Kit, Opening, Values};

use crate::case::Case;

/// A kit with the values of a case.
pub(crate) struct Configured {
    kit: &'static Kit,
    values: Values,
}

impl Configured {
    /// Keys that must be there have the values of the case's `[config]`; channels are those of the case.
    pub(crate) fn new(vendor: &str, operation: &str, case: &Case) -> Result<Self, String> {
        let kit = kits().find(|kit| kit.vendor.name == vendor && kit.call == operation);
        let kit = kit.ok_or_else(|| format!("no kit has the call {vendor}/{operation}"))?;
        let is_signed = kit.keys.iter().any(|key| matches!(key.kind, KeyKind::Integer(_)));
        let mut values = Values::default();
        for key in kit.keys {
            let value = match key.kind {
                KeyKind::Entries(_) => KeyValue::Entries(channels(case)?),
                _ if key.default.is_some() => continue,
                KeyKind::BasicId(_) => KeyValue::Text(case.config.basic()?.0.to_owned()),
                KeyKind::Text if !is_signed => KeyValue::Text(case.config.basic()?.0.to_owned()),
                KeyKind::Secret if !is_signed => KeyValue::Secret(case.config.basic()?.1.into()),
                KeyKind::Secret => KeyValue::Secret(case.config.app()?.secret_key.into()),
                KeyKind::Integer(_) => KeyValue::Integer(i64::try_from(case.config.app()?.sdk_app_id).unwrap()),
                _ => KeyValue::Text(case.config.app()?.identifier.to_owned()),
            };
            values = values.with(key.name, value);
        }
        if !case.channels.is_empty() && values.entries("channels").next().is_none() {
            return Err(format!("{} has no channels", kit.name));
        }
        Ok(Self { kit, values })
    }

    /// The sink over a transport.
    pub(crate) fn open(&self, case: &Case, transport: Arc<dyn HttpTransport>) -> Result<Box<dyn ContactSink>, String> {
        let base_url = case.config.base_url.parse().map_err(|error| format!("base_url: {error}"))?;
        let Self { kit, values } = self;
        let opening = Opening { values, base_url, quota: kit.quota, clock: clock(case) };
        Ok((kit.open)(&opening).map_err(|error| error.to_string())?(transport))
    }

    /// A field as the case has it.
    pub(crate) fn field(&self, text: &str) -> Result<Field, String> {
        (self.kit.field)(&self.values, text).map(|(field, _)| field).map_err(|error| format!("{text}: {error}"))
    }
}

/// A clock that stands still, or moves on by a step whenever it is asked.
pub(crate) fn clock(case: &Case) -> Clock {
    let (start, step) = case.config.app().map_or((0, 0), |app| (app.time, app.clock_step));
    let clock = AtomicU64::new(start);
    Arc::new(move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock.fetch_add(step, Ordering::Relaxed)))
}

fn channels(case: &Case) -> Result<BTreeMap<String, Values>, String> {
    let channel = |(id, kind): (&String, &String)| {
        let number = id.parse().map_err(|_| format!("channels: {id} is no channel id"))?;
        let values = Values::default().with("id", KeyValue::Integer(number));
        Ok((format!("channel-{id}"), values.with("kind", KeyValue::Text(kind.clone()))))
    };
    case.channels.iter().map(channel).collect()
}
