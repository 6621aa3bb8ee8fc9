//! The endpoints by their paths.

/// One endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    SetAttr,
    GetAttr,
    RemoveAttr,
    SetAttrName,
    GetAttrName,
    FriendUpdate,
}

impl Command {
    /// In the order of their declaration, so that each is at its own number.
    pub(super) const ALL: [Self; 6] =
        [Self::SetAttr, Self::GetAttr, Self::RemoveAttr, Self::SetAttrName, Self::GetAttrName, Self::FriendUpdate];

    /// The one with this path.
    pub(super) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.path() == path)
    }

    /// Where it is.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::SetAttr => super::SET_ATTR_PATH,
            Self::GetAttr => super::GET_ATTR_PATH,
            Self::RemoveAttr => super::REMOVE_ATTR_PATH,
            Self::SetAttrName => super::SET_ATTR_NAME_PATH,
            Self::GetAttrName => super::GET_ATTR_NAME_PATH,
            Self::FriendUpdate => super::FRIEND_UPDATE_PATH,
        }
    }
}
