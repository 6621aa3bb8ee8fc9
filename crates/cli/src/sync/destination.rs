//! A destination, as all parts of its run see it.

use contact_sink_mapping::Mapping;

use crate::config::LimiterKey;

/// One section of the configuration, once its sink is made.
pub struct Destination {
    /// The user's name for it.
    pub name: String,
    /// The vendor, whose codes the outcomes have.
    pub vendor: &'static str,
    /// The account there, as it may be shown.
    pub account: String,
    /// Whose quota it uses.
    pub limiter_key: LimiterKey,
    /// What is set, and where each value comes from.
    pub mapping: Mapping,
    /// Whether it is the simulator in this process, which ends with it.
    pub simulated: bool,
    /// What *accepted* means at this vendor, where it is less than stored.
    pub accepted_means: Option<&'static str>,
}
