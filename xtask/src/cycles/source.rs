//! One file of Rust: the modules in it, and what each declares, defines, imports and mentions.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{Token, tokens};

/// A module: that of the file, or one within braces.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Within which module of the same file; the first one is the file's own.
    pub(super) parent: Option<usize>,
    pub(super) name: String,
    /// Each `mod name;`, with its `#[path]`.
    pub(super) files: Vec<(String, Option<String>)>,
    /// Whether a macro declares modules: the files beside that nothing else declares.
    pub(super) declares_by_macro: bool,
    pub(super) items: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Paths of two names or more outside of `use`.
    pub(super) paths: Vec<(Vec<String>, usize)>,
    /// Names outside of `use`, each with the line of its first mention.
    pub(super) mentions: BTreeMap<String, usize>,
}

/// One name that is imported.
#[derive(Debug, Clone)]
pub(super) struct Use {
    pub(super) path: Vec<String>,
    /// As which name; `*` for all.
    pub(super) name: String,
    pub(super) is_public: bool,
    pub(super) line: usize,
}

/// The words before the name of an item.
const ITEMS: &[&str] = &["struct", "enum", "union", "trait", "type", "fn", "const", "static", "mut"];

/// Reads a file.
pub(super) fn read(text: &str) -> Vec<Module> {
    let tokens = tokens(text);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut modules = vec![Module::default()];
    // The modules that are open, each with the number of braces around what is in it.
    let mut open = vec![(0, 0)];
    let (mut depth, mut at, mut path_attribute) = (0_usize, 0, None);
    while let Some(token) = tokens.get(at) {
        let (inner, around) = open.last().copied().unwrap_or_default();
        let before = if at == 0 { "" } else { text(at - 1) };
        match token.text {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if depth < around {
                    open.pop();
                }
            }
            "path" if before == "[" && text(at + 1) == "=" => {
                path_attribute = Some(text(at + 2).trim_matches('"').to_owned())
            }
            "mod" if text(at + 1) == "$" => modules[inner].declares_by_macro = true,
            "mod" if text(at + 2) == ";" => modules[inner].files.push((text(at + 1).to_owned(), path_attribute.take())),
            "mod" if text(at + 2) == "{" => {
                modules.push(Module { parent: Some(inner), name: text(at + 1).to_owned(), ..Module::default() });
                depth += 1;
                open.push((modules.len() - 1, depth));
                at += 2;
            }
            "use" if text(at + 1) != "<" => {
                let is_public = before == "pub" || before == ")";
                at += 1;
                let mut uses = Vec::new();
                tree(&tokens, &mut at, &[], &mut uses);
                modules[inner].uses.extend(uses.into_iter().map(|each| Use { is_public, ..each }));
            }
            "macro_rules" => {
                modules[inner].items.insert(text(at + 2).to_owned());
            }
            _ if token.is_word() => {
                if ITEMS.contains(&before) && depth == around {
                    modules[inner].items.insert(token.text.to_owned());
                }
                let is_crates = token.text == "crate" && before == "$";
                if is_crates || ![".", "::", "$", "mod"].contains(&before) {
                    modules[inner].mentions.entry(token.text.to_owned()).or_insert(token.line);
                    let mut path = vec![token.text.to_owned()];
                    while text(at + 1) == "::" && tokens.get(at + 2).is_some_and(Token::is_word) {
                        path.push(text(at + 2).to_owned());
                        at += 2;
                    }
                    if path.len() > 1 {
                        modules[inner].paths.push((path, token.line));
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    modules
}

/// Reads what comes after `use`, and stops at what ends it.
fn tree(tokens: &[Token<'_>], at: &mut usize, start: &[String], uses: &mut Vec<Use>) {
    let mut path = start.to_vec();
    let mut name = None;
    let mut line = 0;
    while let Some(token) = tokens.get(*at) {
        match token.text {
            ";" | "," | "}" => break,
            "::" => {}
            "{" => {
                while tokens.get(*at).is_some_and(|token| ["{", ","].contains(&token.text)) {
                    *at += 1;
                    tree(tokens, at, &path, uses);
                }
                // What closes the group.
                *at += 1;
                return;
            }
            "as" => name = tokens.get(*at + 1).map(|token| token.text.to_owned()),
            word if name.is_none() => {
                line = token.line;
                match word {
                    "self" if !path.is_empty() => {}
                    word => path.push(word.to_owned()),
                }
            }
            _ => {}
        }
        *at += 1;
    }
    if line > 0 {
        let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
        uses.push(Use { path, name, is_public: false, line });
    }
}
