//! Finds and reads the case files. Nothing is skipped: what cannot be read fails the suite.

use std::fs;
use std::path::{Path, PathBuf};

use crate::case::{Case, Errata, Erratum, Vector};

/// All cases and errata.
pub(crate) struct Suite {
    pub(crate) cases: Vec<Named>,
    /// The signatures of another implementation: `<vendor>/usersig`.
    pub(crate) vectors: Vec<Named<Vector>>,
    /// With the vendor of each.
    pub(crate) errata: Vec<(String, Erratum)>,
}

/// The directory of an operation that is none: it holds vectors.
const VECTORS: &str = "usersig";

/// A case at one status, or a vector, and where it stands.
pub(crate) struct Named<T = Case> {
    pub(crate) vendor: String,
    pub(crate) operation: String,
    /// The file's name, with the status after it if the case is given at several.
    pub(crate) case: String,
    pub(crate) status: u16,
    pub(crate) content: T,
}

impl<T> Named<T> {
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.vendor, self.place())
    }

    /// As the errata of its vendor name it.
    fn place(&self) -> String {
        format!("{}/{}", self.operation, self.case)
    }
}

impl Suite {
    /// Reads `<root>/<vendor>/errata.toml` and `<root>/<vendor>/<operation>/<case>.toml`.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let mut suite = Self { cases: Vec::new(), vectors: Vec::new(), errata: Vec::new() };
        for vendor in directories(root)? {
            let before = suite.cases.len();
            if let Some(stray) = entries(&vendor)?.iter().find(|path| path.is_file() && !path.ends_with("errata.toml"))
            {
                return Err(format!("{} is no case: a case stands in the directory of its operation", stray.display()));
            }
            for operation in directories(&vendor)? {
                for file in entries(&operation)? {
                    if operation.ends_with(VECTORS) {
                        suite.vectors.push(read_vector(&file, &name(&vendor))?);
                        continue;
                    }
                    suite.cases.extend(read_case(&file, &name(&vendor), &name(&operation))?);
                }
            }
            let errata: Errata = parse(&vendor.join("errata.toml"))?;
            for erratum in errata.erratum {
                let cases = suite.cases[before..].iter().map(Named::place);
                let there: Vec<String> = cases.chain(suite.vectors.iter().map(Named::place)).collect();
                if let Some(case) = erratum.cases.iter().find(|case| !there.contains(case)) {
                    return Err(format!("the errata of {} name a case that is not there: {case}", name(&vendor)));
                }
                suite.errata.push((name(&vendor), erratum));
            }
            if suite.cases.len() == before {
                return Err(format!("{} has no cases", name(&vendor)));
            }
        }
        if suite.cases.is_empty() { Err(format!("there are no cases in {}", root.display())) } else { Ok(suite) }
    }
}

fn read_vector(file: &Path, vendor: &str) -> Result<Named<Vector>, String> {
    let case = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let content = parse(file)?;
    Ok(Named { vendor: vendor.to_owned(), operation: VECTORS.to_owned(), case, status: 200, content })
}

fn read_case(file: &Path, vendor: &str, operation: &str) -> Result<Vec<Named>, String> {
    let content: Case = parse(file)?;
    let case = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let statuses = match (content.answer.status, content.statuses.as_slice()) {
        (Some(status), []) => vec![(status, case)],
        (None, several @ [_, _, ..]) => several.iter().map(|status| (*status, format!("{case}/{status}"))).collect(),
        _ => return Err(format!("{}: either answer.status or two statuses and more", file.display())),
    };
    let named = |(status, case)| Named {
        vendor: vendor.to_owned(),
        operation: operation.to_owned(),
        case,
        status,
        content: content.clone(),
    };
    Ok(statuses.into_iter().map(named).collect())
}

fn parse<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, String> {
    if file.extension().is_none_or(|extension| extension != "toml") {
        return Err(format!("{} is no .toml file", file.display()));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

fn directories(path: &Path) -> Result<Vec<PathBuf>, String> {
    Ok(entries(path)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn entries(path: &Path) -> Result<Vec<PathBuf>, String> {
    let problem = |error: std::io::Error| format!("{}: {error}", path.display());
    let entries = fs::read_dir(path).map_err(problem)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(problem)?;
    entries.sort();
    Ok(entries)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
