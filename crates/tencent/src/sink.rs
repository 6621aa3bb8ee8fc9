//! The two sinks.

pub(crate) mod attributes;
pub(crate) mod friends;

pub use attributes::AttributesSink;
pub use friends::FriendsSink;
