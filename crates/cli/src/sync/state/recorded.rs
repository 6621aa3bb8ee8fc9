//! What a journal is told of a run: what it is the same run by, and how a person goes on with it.

use std::path::Path;

use contact_sink_journal::Identity;

use super::Target;
use crate::args::{self, Format};
use crate::config::{EmptySubject, FieldKind, Mapping, SubjectColumns};

/// What must be the same for a run to be gone on with.
pub(super) fn identity(target: &Target) -> Identity {
    let Target { vendor, account, limiter_key, mapping, null, .. } = target;
    let Mapping { subject, empty_subject, set } = mapping;
    let subject = match subject {
        SubjectColumns::User(column) => column.clone(),
        SubjectColumns::Contact { owner, contact } => format!("owner {owner}, contact {contact}"),
    };
    let skip = if *empty_subject == EmptySubject::Skip { ", skipped if empty" } else { "" };
    let mut fields: Vec<String> = set
        .iter()
        .map(|field| match &field.kind {
            FieldKind::Text => format!("{} = {:?}", field.address, field.column),
            FieldKind::List(separator) => {
                format!("{} = {:?} with {:?} between entries", field.address, field.column, separator.as_str())
            }
        })
        .collect();
    fields.sort();
    Identity {
        host: format!("{vendor} at {}", limiter_key.host()),
        account: account.clone(),
        account_hash: limiter_key.hash(),
        subject: subject + skip,
        mapping: format!("{}, nothing is {null:?}", fields.join(", ")),
    }
}

/// What a person types to go on with this run, in any directory.
pub(super) fn command(args: &args::Sync, file: &Path, name: &str) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut words =
        vec!["contact-sink".to_owned(), "sync".to_owned(), quoted(file), "--to".to_owned(), name.to_owned()];
    let mut option = |name: &str, path: &Path| words.extend([name.to_owned(), quoted(&absolute(path))]);
    option("--config", &args.config);
    option("--rejected", &args.rejected);
    if let Some(state) = &args.state {
        option("--state", state);
    }
    // Without these it would be another run, or not be read at all.
    if let Some(format) = args.format {
        let name = if matches!(format, Format::Csv) { "csv" } else { "ndjson" };
        words.extend(["--format".to_owned(), name.to_owned()]);
    }
    if args.changed_only {
        words.push("--changed-only".to_owned());
    }
    if let Some(refresh) = args.refresh {
        words.extend(["--refresh".to_owned(), format!("{}s", refresh.as_secs())]);
    }
    words.join(" ")
}

/// As a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
