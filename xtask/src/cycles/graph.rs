//! Which file of a crate imports items of which other.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{self, Module};

/// The text of each file by its path, with slashes.
pub(super) type Files = BTreeMap<String, String>;

/// An import: the file and line where it is, the file that defines the item, and the item as it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) line: usize,
    pub(super) item: String,
}

/// The first import of each file from each other, of the crate with this root.
pub(super) fn imports(files: &Files, root: &str) -> Vec<Import> {
    let mut tree = Tree::default();
    tree.add(files, root, directory(root), None);
    let mut imports: BTreeMap<(String, String), Import> = BTreeMap::new();
    for (place, node) in tree.nodes.iter().enumerate() {
        let module = &node.module;
        let uses = module.uses.iter().filter_map(|each| {
            // A name that is only passed on is no import; one that is also used here is.
            let line = if each.is_public { *module.mentions.get(&each.name)? } else { each.line };
            Some((&each.path, line))
        });
        for (path, line) in uses.chain(module.paths.iter().map(|(path, line)| (path, *line))) {
            let is_glob = path.last().is_some_and(|last| last == "*");
            let place = match tree.resolve(place, path, &mut BTreeSet::new()) {
                Some(Found::Item(place)) => place,
                Some(Found::Module(place)) if is_glob => place,
                _ => continue,
            };
            let (from, to) = (node.file.clone(), tree.nodes[place].file.clone());
            if from != to {
                let import = Import { from, to, line, item: path.join("::") };
                let first = imports.entry((import.from.clone(), import.to.clone())).or_insert_with(|| import.clone());
                if import.line < first.line {
                    *first = import;
                }
            }
        }
    }
    imports.into_values().collect()
}

/// The modules of a crate.
#[derive(Default)]
struct Tree {
    nodes: Vec<Node>,
}

struct Node {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    module: Module,
}

enum Found {
    /// An item of this module.
    Item(usize),
    Module(usize),
}

impl Tree {
    /// Adds a file with all modules below it. `inside` is where the files of its modules are.
    fn add(&mut self, files: &Files, file: &str, inside: &str, parent: Option<usize>) -> Option<usize> {
        let modules = source::read(files.get(file)?);
        let first = self.nodes.len();
        let mut insides: Vec<String> = Vec::new();
        for module in modules {
            let outer = module.parent.map(|outer| first + outer);
            insides.push(match module.parent {
                Some(outer) => join(&insides[outer], &module.name),
                None => inside.to_owned(),
            });
            if let Some(outer) = outer {
                let place = self.nodes.len();
                self.nodes[outer].children.insert(module.name.clone(), place);
            }
            let parent = outer.or(parent);
            self.nodes.push(Node { file: file.to_owned(), parent, children: BTreeMap::new(), module });
        }
        for (place, inside) in (first..).zip(insides) {
            let mut declared = self.nodes[place].module.files.clone();
            if self.nodes[place].module.declares_by_macro {
                let beside = files.keys().filter_map(|file| join_name(file, &inside));
                let rest = beside.filter(|name| declared.iter().all(|(known, _)| known != name));
                let rest: Vec<_> = rest.filter(|name| join(&inside, &format!("{name}.rs")) != file).collect();
                declared.extend(rest.into_iter().map(|name| (name.to_owned(), None)));
            }
            for (name, path) in declared {
                let child = match path {
                    Some(path) => {
                        let file = join(directory(file), &path);
                        self.add(files, &file, directory(&file), Some(place))
                    }
                    None => {
                        let inside = join(&inside, &name);
                        let child = self.add(files, &format!("{inside}.rs"), &inside, Some(place));
                        child.or_else(|| self.add(files, &join(&inside, "mod.rs"), &inside, Some(place)))
                    }
                };
                self.nodes[place].children.extend(child.map(|child| (name, child)));
            }
        }
        Some(first)
    }

    /// Where a path that is written in a module leads to; `None` for one that leaves the crate.
    fn resolve(&self, place: usize, path: &[String], seen: &mut BTreeSet<(usize, String)>) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let mut found = match first.as_str() {
            "crate" => Found::Module(0),
            "self" => Found::Module(place),
            "super" => Found::Module(self.nodes[place].parent?),
            name => self.find(place, name, seen)?,
        };
        for name in rest {
            let Found::Module(place) = found else { break };
            found = match name.as_str() {
                "*" => break,
                "super" => Found::Module(self.nodes[place].parent?),
                // What is not found is made by a macro of that module.
                name => self.find(place, name, seen).unwrap_or(Found::Item(place)),
            };
        }
        Some(found)
    }

    /// What a name means in a module.
    fn find(&self, place: usize, name: &str, seen: &mut BTreeSet<(usize, String)>) -> Option<Found> {
        let node = &self.nodes[place];
        if let Some(child) = node.children.get(name) {
            return Some(Found::Module(*child));
        }
        if node.module.items.contains(name) {
            return Some(Found::Item(place));
        }
        if !seen.insert((place, name.to_owned())) {
            return None;
        }
        let (globs, named): (Vec<_>, Vec<_>) = node.module.uses.iter().partition(|each| each.name == "*");
        let named = named.into_iter().filter(|each| each.name == name);
        let by_name = named.filter_map(|each| self.resolve(place, &each.path, seen)).next();
        by_name.or_else(|| {
            let mut modules = globs.into_iter().filter_map(|each| self.resolve(place, &each.path, &mut seen.clone()));
            modules.find_map(|found| match found {
                Found::Module(module) if module != place => self.find(module, name, &mut seen.clone()),
                _ => None,
            })
        })
    }
}

fn directory(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn join(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The name of the module whose file is right in this directory.
fn join_name<'a>(file: &'a str, inside: &str) -> Option<&'a str> {
    let name = file.strip_suffix(".rs").filter(|_| directory(file) == inside)?;
    Some(name.rsplit('/').next().unwrap_or(name))
}
