//! How a contact label of a channel is written as an address: `210/默认联系`.

use std::fmt;
use std::str::FromStr;

use contact_sink_core::{Address, InvalidAddress, UserId};

/// A contact label of a channel.
///
/// Shape: the channel's id as a canonical 64-bit integer, a slash, and the label: all that follows the first slash, not
/// empty. A label may hold further slashes. It is configuration, not personal data: `Debug` and `Display` print it.
///
/// ```
/// use contact_sink_jiguang::ChannelAddress;
///
/// let address: ChannelAddress = "210/默认联系".parse()?;
/// assert_eq!((address.id(), address.label()), (210, "默认联系"));
/// assert!("0210/默认联系".parse::<ChannelAddress>().is_err());
/// # Ok::<(), contact_sink_jiguang::InvalidChannelAddress>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelAddress {
    id: i64,
    address: Address,
}

/// Why a text is not a [`ChannelAddress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidChannelAddress {
    /// There is no slash.
    #[error("an address is a channel id, a slash and a contact label: 210/默认联系")]
    NoSlash,
    /// What stands before the slash is not a channel id.
    #[error("what stands before the slash is not a channel id: a whole number within 64 bits without leading zeros")]
    ChannelId,
    /// Nothing follows the slash.
    #[error("the contact label is empty")]
    EmptyLabel,
    /// No vendor's address may be like this: too long, or with a control character.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
}

/// The address of a contact label of a channel: `210/默认联系`.
///
/// # Errors
/// [`InvalidChannelAddress`] if the label is empty, has a control character, or is longer than an [`Address`] may be.
///
/// Source: Jiguang, "Set Contact Information" (`id`, `channelValues`).
pub fn channel(id: i64, label: &str) -> Result<Address, InvalidChannelAddress> {
    ChannelAddress::new(id, label).map(Address::from)
}

impl ChannelAddress {
    /// A contact label of a channel.
    ///
    /// # Errors
    /// As [`channel`].
    pub fn new(id: i64, label: &str) -> Result<Self, InvalidChannelAddress> {
        format!("{id}/{label}").parse()
    }

    /// The id of the channel.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The contact label.
    pub fn label(&self) -> &str {
        self.address.as_str().split_once('/').map_or("", |(_, label)| label)
    }
}

/// Takes an address apart without a copy.
pub(crate) fn split(address: &str) -> Result<(i64, &str), InvalidChannelAddress> {
    let (id, label) = address.split_once('/').ok_or(InvalidChannelAddress::NoSlash)?;
    // A channel id has the canonical form that a numeric user id has, for the same reason: one channel, one spelling.
    let id = UserId::new(id).ok().and_then(|id| id.as_i64()).ok_or(InvalidChannelAddress::ChannelId)?;
    if label.is_empty() { Err(InvalidChannelAddress::EmptyLabel) } else { Ok((id, label)) }
}

impl FromStr for ChannelAddress {
    type Err = InvalidChannelAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, _) = split(text)?;
        Ok(Self { id, address: Address::new(text)? })
    }
}

impl TryFrom<&Address> for ChannelAddress {
    type Error = InvalidChannelAddress;

    fn try_from(address: &Address) -> Result<Self, Self::Error> {
        let (id, _) = split(address.as_str())?;
        Ok(Self { id, address: address.clone() })
    }
}

impl From<ChannelAddress> for Address {
    fn from(channel: ChannelAddress) -> Self {
        channel.address
    }
}

impl fmt::Debug for ChannelAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelAddress({:?})", self.address.as_str())
    }
}

impl fmt::Display for ChannelAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
