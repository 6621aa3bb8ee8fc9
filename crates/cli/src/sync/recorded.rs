//! What a journal is told of a run: what it is known by beside its content, and how a person resumes it.

use std::path::Path;
use std::time::Duration;

use contact_sink_core::FieldKind;
use contact_sink_delivery::{MaxRejected, Options};
use contact_sink_journal::Identity;
use contact_sink_mapping::{EmptySubject, FieldMapping, SubjectColumns};

use crate::args;
use crate::config::Destination;
use crate::files::absolute;

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
    let path = |path: &Path| quoted(&absolute(path));
    let seconds = |time: Duration| format!("{}s", time.as_secs());
    let max_rejected = match args.max_rejected {
        MaxRejected::Any => Some("100%".to_owned()),
        MaxRejected::Count(rows) => Some(rows.to_string()),
        MaxRejected::Share(share) if args.max_rejected != Options::for_run().max_rejected => {
            // The digits that were typed: 0.07 times 100 is not 7.
            Some(format!("{}%", (share * 1e8).round() / 1e6))
        }
        _ => None,
    };
    let options = [
        ("--to", Some(name.to_owned())),
        ("--config", Some(path(&args.config))),
        ("--rejected", Some(path(&args.rejected))),
        ("--state", args.state.as_deref().map(path)),
        ("--outcomes", args.outcomes.as_deref().map(path)),
        // Without these it would be another run, or not be read at all.
        ("--format", args.format.map(args::word)),
        ("--changed-only", args.changed_only.then(String::new)),
        ("--refresh", args.refresh.map(seconds)),
        // With others it may stop again where this one did not.
        ("--max-rejected", max_rejected),
        ("--patience", args.patience.map(seconds)),
    ];
    let mut command = format!("contact-sink sync {}", quoted(file));
    for (option, value) in options {
        command.extend(value.map(|value| format!(" {option} {value}").trim_end().to_owned()));
    }
    command
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
