//! Small crates as text, and what imports what in them.
#![allow(clippy::unwrap_used)]

use super::graph::{Files, imports};
use super::tokens::tokens;
use super::{cycles, words};

/// A crate: the path of each file and its text.
fn files(crate_: &[(&str, &str)]) -> Files {
    crate_.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// Each import as `from:line to`.
fn check(crate_: &[(&str, &str)], expected: &[&str]) {
    let imports = imports(&files(crate_), crate_[0].0);
    let found: Vec<String> =
        imports.iter().map(|import| format!("{}:{} {}", import.from, import.line, import.to)).collect();
    assert_eq!(found, expected, "{crate_:#?}");
}

#[test]
fn an_import_is_of_the_file_that_defines_the_item() {
    let lib = "mod a;\nmod b;\npub use a::A;\n";
    check(
        &[
            ("src/lib.rs", lib),
            ("src/a.rs", "pub struct A;\npub const B: u8 = 1;"),
            ("src/b.rs", "\nuse crate::{A, a::{self, B as C}};"),
        ],
        &["src/b.rs:2 src/a.rs"],
    );
    let a = ("src/a.rs", "pub fn f() {}");
    for (b, expected) in [
        ("fn g() { crate::a::f(); }", &["src/b.rs:1 src/a.rs"][..]),
        ("use super::a;\nfn g() {\n a::f() }", &["src/b.rs:3 src/a.rs"]),
        ("use crate as c;\nuse c::a::f;", &["src/b.rs:2 src/a.rs"]),
        ("mod tests { use super::super::a::*; }", &["src/b.rs:1 src/a.rs"]),
        ("fn g() { use super::a::f as h; }", &["src/b.rs:1 src/a.rs"]),
        ("use super::a::made_by_a_macro;", &["src/b.rs:1 src/a.rs"]),
        ("macro_rules! m { () => { $crate::a::f() } }", &["src/b.rs:1 src/a.rs"]),
        ("use super::a;", &[]),
        ("use std::a::f; use a::f; fn h() { x.a::<u8>(); Self::a::f(); }", &[]),
        ("pub use super::a::f;", &[]),
        ("pub(crate) use super::a::f;", &[]),
        ("mod f; pub use super::a::f;", &[]),
        ("pub use super::a::f;\nconst G: fn() = f;", &["src/b.rs:2 src/a.rs"]),
        ("// use super::a::f;\n/* super::a::f() /* */ */ const S: &str = \"super::a::f\";", &[]),
        ("const S: &str = r#\" \" super::a::f\"#; const C: char = '\"'; fn g<'a>(x: &'a str) {} /* '\" */", &[]),
    ] {
        check(&[("src/lib.rs", "mod a;\nmod b;"), a, ("src/b.rs", b)], expected);
    }
}

#[test]
fn files_are_found_where_rust_finds_them() {
    check(
        &[
            ("tests/all.rs", "#[path = \"all/one.rs\"]\nmod one;\nmod deep { mod below; }\nmod old;"),
            ("tests/all/one.rs", "use crate::deep::below::B;\nuse crate::old::O;"),
            ("tests/deep/below.rs", "pub struct B;"),
            ("tests/old/mod.rs", "pub struct O; mod part;"),
            ("tests/old/part.rs", "use super::O;"),
        ],
        &[
            "tests/all/one.rs:1 tests/deep/below.rs",
            "tests/all/one.rs:2 tests/old/mod.rs",
            "tests/old/part.rs:1 tests/old/mod.rs",
        ],
    );
    check(
        &[
            ("src/lib.rs", "macro_rules! m { ($($n:ident)*) => { $(pub mod $n;)* } }\nm!(a b);"),
            ("src/a.rs", "mod part;\nuse part::P;"),
            ("src/a/part.rs", "use crate::b::B; pub struct P;"),
            ("src/b.rs", "pub struct B;"),
        ],
        &["src/a.rs:2 src/a/part.rs", "src/a/part.rs:1 src/b.rs"],
    );
}

#[test]
fn a_name_is_followed_through_all_that_pass_it_on() {
    let lib = "mod a;\nmod b;\nmod c;\npub use b::*;\nuse c::Private;";
    check(
        &[
            ("src/lib.rs", lib),
            ("src/a.rs", "use crate::{Deep, Private};"),
            ("src/b.rs", "mod d;\npub use d::Inner as Deep;"),
            ("src/b/d.rs", "pub struct Inner;"),
            ("src/c.rs", "pub struct Private;"),
        ],
        &["src/a.rs:1 src/b/d.rs", "src/a.rs:1 src/c.rs", "src/lib.rs:5 src/c.rs"],
    );
    // Two that pass a name on to each other, and neither defines it.
    check(
        &[("src/lib.rs", "mod a;\nmod b;"), ("src/a.rs", "pub use crate::b::X;"), ("src/b.rs", "use crate::a::X;")],
        &["src/b.rs:1 src/a.rs"],
    );
}

#[test]
fn a_cycle_is_told_with_each_of_its_imports() {
    let found = |crate_: &[(&str, &str)]| {
        let cycles = cycles(&imports(&files(crate_), "src/lib.rs"));
        cycles.iter().map(|cycle| words(cycle)).collect::<Vec<_>>()
    };
    // The parent passes on, the child uses what the parent defines.
    let child = ("src/a/child.rs", "use super::Parent;\npub struct Child;");
    assert!(
        found(&[
            ("src/lib.rs", "mod a;"),
            ("src/a.rs", "mod child;\npub use child::Child;\npub struct Parent;"),
            child
        ])
        .is_empty()
    );
    let uses = ("src/a.rs", "mod child;\npub use child::Child;\npub struct Parent(Child);");
    assert_eq!(
        found(&[("src/lib.rs", "mod a;"), uses, child]),
        ["2 files import items of one another:\
          \n         src/a.rs:3: child::Child, of src/a/child.rs\
          \n         src/a/child.rs:1: super::Parent, of src/a.rs"]
    );
    let five = [
        ("src/lib.rs", "mod a; mod b; mod c; mod d; mod e;"),
        ("src/a.rs", "use crate::b::B; pub struct A;"),
        ("src/b.rs", "use crate::c::C; pub struct B;"),
        ("src/c.rs", "use crate::a::A; use crate::d::D; pub struct C;"),
        ("src/d.rs", "use crate::e::E; pub struct D;"),
        ("src/e.rs", "use crate::d::D; pub struct E;"),
    ];
    let told = found(&five);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("3 files ") && !told[0].contains("of src/d.rs"), "{}", told[0]);
    assert!(told[1].starts_with("2 files "), "{}", told[1]);
}

#[test]
fn texts_and_comments_are_one_token_or_none() {
    let text = "a::b 'x' 'l '\\'' b\"\\\"\" r#\"\"\"# r#type // c\n/* /* */ */ 1";
    let found: Vec<(&str, usize)> = tokens(text).into_iter().map(|token| (token.text, token.line)).collect();
    let first = ["a", "::", "b", "'x'", "'l", "'\\''", "b\"\\\"\"", "r#\"\"\"#", "type"].map(|text| (text, 1));
    assert_eq!(found, [&first[..], &[("1", 2)]].concat());
}
