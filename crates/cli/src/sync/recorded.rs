//! What a journal is told of a run: what it is known by beside its content, and how a person resumes it.

use std::path::Path;

use contact_sink_delivery::{MaxRejected, Options};
use contact_sink_journal::Identity;

use super::destination::Destination;
use contact_sink_core::FieldKind;
use contact_sink_mapping::{EmptySubject, FieldMapping, SubjectColumns};

use crate::args::{self, Format};

/// What a run is known by beside its content.
pub fn identity(destination: &Destination) -> Identity {
    let Destination { vendor, account, limiter_key, mapping, .. } = destination;
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
        format!("{} = {:?}{list}{}", field.field(), field.column(), rules(field.is_trimmed(), field.is_checked()))
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
pub fn command(args: &args::Sync, file: &Path, name: &str) -> String {
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
    // With others it may stop again where this one did not.
    match args.max_rejected {
        MaxRejected::Any => words.extend(["--max-rejected".to_owned(), "100%".to_owned()]),
        MaxRejected::Count(rows) => words.extend(["--max-rejected".to_owned(), rows.to_string()]),
        MaxRejected::Share(share) if args.max_rejected != Options::for_run().max_rejected => {
            // The digits that were typed: 0.07 times 100 is not 7.
            let percent = (share * 1e8).round() / 1e6;
            words.extend(["--max-rejected".to_owned(), format!("{percent}%")]);
        }
        _ => {}
    }
    if let Some(patience) = args.patience {
        words.extend(["--patience".to_owned(), format!("{}s", patience.as_secs())]);
    }
    words.join(" ")
}

/// As a shell takes it; bytes that are no text in the way of bash, ksh and zsh.
fn quoted(path: &Path) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    match path.to_str() {
        Some(text) if text.chars().all(plain) => text.to_owned(),
        Some(text) => format!("'{}'", text.replace('\'', "'\\''")),
        None => {
            let byte = |byte: &u8| match byte {
                b'/' | b'.' | b'_' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(*byte).to_string(),
                byte => format!("\\x{byte:02x}"),
            };
            format!("$'{}'", path.as_os_str().as_encoded_bytes().iter().map(byte).collect::<String>())
        }
    }
}
