//! Where a vendor keeps an account.

use crate::BaseUrl;

/// Where a vendor keeps an account: a name, and the base URL of the API there. A constant of the vendor's crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// The name, as a configuration has it: `singapore`.
    pub name: &'static str,
    /// The base URL.
    pub url: &'static str,
}

impl Region {
    /// The one of this name, if there is one.
    pub fn find(all: &'static [Self], name: &str) -> Option<Self> {
        all.iter().copied().find(|region| region.name == name)
    }

    /// Where the API is.
    ///
    /// # Panics
    /// If the constant has no base URL. A test of each vendor's crate reads all of its regions.
    pub fn base_url(self) -> BaseUrl {
        let Ok(base_url) = self.url.parse() else { unreachable!("a constant, and a test reads each") };
        base_url
    }
}
