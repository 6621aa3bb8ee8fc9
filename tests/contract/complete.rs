//! Each kit has all its pieces: what a vendor's crate alone cannot show.

use std::path::Path;

use contact_sink::kits;
use contact_sink::transport::{KeyKind, Kit};
use contact_sink_sandbox::VENDORS;

const EXAMPLE: &str = include_str!("../../examples/contact-sink.toml");

fn check(piece: &str, lacks: impl Fn(&Kit) -> Option<String>) {
    let without: Vec<String> = kits().filter_map(|kit| lacks(kit).map(|why| format!("{}: {why}", kit.name))).collect();
    assert!(without.is_empty(), "{piece}:\n{}", without.join("\n"));
}

#[test]
fn each_kit_has_conformance_cases() {
    check("conformance", |kit| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(kit.vendor.name).join(kit.call);
        let cases = std::fs::read_dir(&folder).map_or(0, Iterator::count);
        (cases == 0).then(|| format!("tests/conformance/{}/{} has no case", kit.vendor.name, kit.call))
    });
}

#[test]
fn each_vendor_is_simulated() {
    check("simulator", |kit| {
        let name = kit.vendor.name;
        (!VENDORS.contains(&name)).then(|| format!("crates/sandbox/src has no {name}.rs, or lib.rs does not name it"))
    });
}

#[test]
fn each_kit_is_documented() {
    check("documentation", |kit| {
        let table = keys_table(kit);
        (!kit.docs.contains(&table)).then(|| format!("its docs.md lacks the table of its keys:\n\n{table}"))
    });
}

#[test]
fn each_kit_is_in_the_example() {
    check("examples/contact-sink.toml", |kit| {
        let example = kit.example.trim();
        let names = format!("vendor = \"{}\"", kit.name);
        (!EXAMPLE.contains(example) || !example.contains(&names))
            .then(|| format!("the example lacks its section, word for word:\n\n{example}"))
    });
}

/// The keys of a destination's section as a Markdown table, for the documentation.
fn keys_table(kit: &Kit) -> String {
    let mut table = "| key | value | default | meaning |\n|---|---|---|---|\n".to_owned();
    let mut row = |name: &str, value: &str, default: &str, help: &str| {
        table += &format!("| `{name}` | {value} | {default} | {help} |\n");
    };
    let code = |text: &str| format!("`{text}`");
    row("vendor", &code(&format!("\"{}\"", kit.name)), "required", "The kind of the destination.");
    for key in kit.keys {
        let default = key.default.map_or_else(|| "required".to_owned(), code);
        row(key.name, &words(key.kind), &default, key.help);
        if let KeyKind::Entries(keys) = key.kind {
            for inner in keys {
                let default = inner.default.map_or_else(|| "required".to_owned(), code);
                row(&format!("{}.NAME.{}", key.name, inner.name), &words(inner.kind), &default, inner.help);
            }
        }
    }
    let first = kit.regions[0];
    if kit.regions.len() > 1 {
        let names: Vec<String> = kit.regions.iter().map(|region| code(region.name)).collect();
        row("region", &names.join(", "), &code(first.name), "Where the vendor keeps the account.");
    }
    row("base_url", "a URL", &code(first.url), "Another base URL: a gateway or a simulator.");
    row("quota", "a count, `/` and a span", &code(&kit.quota.to_string()), "How many requests are sent at most.");
    let most = if kit.max_updates == 1 { "1".to_owned() } else { format!("1 to {}", kit.max_updates) };
    row("batch", &most, &code(&kit.max_updates.to_string()), "How many updates a request has at most.");
    table
}

/// The value in words, for the documentation.
fn words(kind: KeyKind) -> String {
    match kind {
        KeyKind::Text => "a text".to_owned(),
        KeyKind::BasicId(_) => "a text without a colon".to_owned(),
        KeyKind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        KeyKind::Integer(i64::MIN) => "a whole number".to_owned(),
        KeyKind::Integer(least) => format!("a whole number, {least} or more"),
        KeyKind::Duration => "a length of time: `\"12h\"`".to_owned(),
        KeyKind::Secret => "`{ env = \"NAME\" }` or `{ file = \"PATH\" }`".to_owned(),
        KeyKind::Entries(_) => "a table of tables".to_owned(),
        kind => panic!("{kind:?} has no words for the documentation"),
    }
}
