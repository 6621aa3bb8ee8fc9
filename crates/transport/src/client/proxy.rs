//! The parts of a proxy's URL: where it is, and who asks.

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::{BuildError, Proxy};

impl Proxy {
    /// Its address without user and password, and its `Proxy-Authorization`.
    pub(crate) fn intercept(&self) -> Result<Intercept, BuildError> {
        let matcher = Matcher::builder().all(self.uri.to_string()).build();
        matcher.intercept(&Uri::from_static("https://any.invalid")).ok_or(BuildError::Proxy)
    }
}
