//! The two sinks.

mod attributes;
mod friends;

pub use attributes::AttributesSink;
pub(crate) use attributes::QUOTA as ATTRIBUTES_QUOTA;
pub use friends::FriendsSink;
pub(crate) use friends::QUOTA as FRIENDS_QUOTA;
