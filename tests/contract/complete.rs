//! Each kit has all its pieces: what a vendor's crate alone cannot show.

use std::path::Path;

use contact_sink::kits;
use contact_sink_sandbox::VENDORS;

const EXAMPLE: &str = include_str!("../../examples/contact-sink.toml");

fn check(piece: &str, lacks: impl Fn(&contact_sink::transport::Kit) -> Option<String>) {
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
        let table = kit.keys_table();
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
