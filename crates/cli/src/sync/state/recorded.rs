//! What a journal is told of a run: what it is known by beside its content, and how a person resumes it.

use std::path::Path;

use contact_sink_journal::Identity;

use super::Target;
use contact_sink_core::FieldKind;
use contact_sink_mapping::{EmptySubject, FieldMapping, SubjectColumns};

use crate::args::{self, Format};

/// What a run is known by beside its content.
pub(super) fn identity(target: &Target) -> Identity {
    let Target { vendor, account, limiter_key, mapping, .. } = target;
    let subject = match mapping.subject() {
        SubjectColumns::User(column) => column.clone(),
        SubjectColumns::Contact { owner, contact } => format!("owner {owner}, contact {contact}"),
    };
    let skip = if mapping.empty_subject() == EmptySubject::Skip { ", skipped if empty" } else { "" };
    let rules = |is_trimmed: bool, is_checked: bool| match (is_trimmed, is_checked) {
        (false, true) => "",
        (true, true) => ", trimmed",
        (false, false) => ", unchecked",
        (true, false) => ", trimmed, unchecked",
    };
    let field = |field: &FieldMapping| {
        let list = match field.kind() {
            FieldKind::List => format!(" with {:?} between entries", field.separator()),
            _ => String::new(),
        };
        format!("{} = {:?}{list}{}", field.address(), field.column(), rules(field.is_trimmed(), field.is_checked()))
    };
    let mut fields: Vec<String> = mapping.fields().iter().map(field).collect();
    fields.sort();
    Identity {
        host: format!("{vendor} at {}", limiter_key.host()),
        account: account.clone(),
        account_hash: limiter_key.hash(),
        subject: subject + skip + rules(mapping.trims_subject(), mapping.checks_subject()),
        mapping: format!("{}, nothing is {:?}", fields.join(", "), mapping.empty_words().words().collect::<Vec<_>>()),
    }
}

/// What a person types to resume this run, in any directory.
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
    if let Some(outcomes) = &args.outcomes {
        option("--outcomes", outcomes);
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
