//! What names an attribute, and a tag of a friend: a field, by the vendor's name for it.

use std::fmt;
use std::str::FromStr;

use contact_sink_core::{Field, FieldKind, InvalidField};

/// The most bytes of an attribute's name.
pub const MAX_ATTRIBUTE_NAME_BYTES: usize = 50;

/// A field of a friend that can be set. As text it is the vendor's tag: `Tag_SNS_IM_Remark`, `Tag_SNS_IM_Group`,
/// `Tag_SNS_Custom_Test`.
///
/// ```
/// use contact_sink_tencent::FriendField;
///
/// assert_eq!("Tag_SNS_IM_Remark".parse(), Ok(FriendField::Remark));
/// assert!("Tag_SNS_IM_AddWording".parse::<FriendField>().is_err(), "the vendor lets nobody update it");
/// assert!("Tag_SNS_Custom_Test2".parse::<FriendField>().is_err(), "a key has letters only");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FriendField {
    /// The remark: a text of at most 96 bytes.
    Remark,
    /// The groups: a list of at most 32 names of 1 to 30 bytes.
    Group,
    /// A custom field by its key, 1 to 8 ASCII letters: a text of at most 500 bytes.
    Custom(String),
}

/// Why a text is not a field of this vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTencentField {
    /// An attribute's name is too long.
    #[error("an attribute's name has at most 50 bytes of UTF-8: 50 letters, 16 Chinese characters")]
    AttributeName,
    /// The tag is none of those that can be updated.
    #[error("a field of a friend is Tag_SNS_IM_Remark, Tag_SNS_IM_Group or Tag_SNS_Custom_ and a key")]
    Tag,
    /// The key of a custom field is not one.
    #[error("the key of a custom field, after Tag_SNS_Custom_, is 1 to 8 ASCII letters")]
    CustomKey,
    /// No vendor's field may be like this: empty, too long, or with a control character.
    #[error(transparent)]
    Field(#[from] InvalidField),
}

const REMARK: &str = "Tag_SNS_IM_Remark";
const GROUP: &str = "Tag_SNS_IM_Group";
const CUSTOM: &str = "Tag_SNS_Custom_";

/// The field of a user's attribute: its name, of 1 to 50 bytes, as it was set for the app.
///
/// # Errors
/// [`InvalidTencentField`] if the name is empty, too long or has a control character.
///
/// Source: Tencent Chat, "im_set_attr" (`Attrs`); "im_set_attr_name".
pub fn attribute(name: &str) -> Result<Field, InvalidTencentField> {
    let field = Field::new(name)?;
    if name.len() > MAX_ATTRIBUTE_NAME_BYTES { Err(InvalidTencentField::AttributeName) } else { Ok(field) }
}

/// The field of a friend's remark: `Tag_SNS_IM_Remark`.
pub fn remark() -> Field {
    FriendField::Remark.into()
}

/// The field of a friend's groups: `Tag_SNS_IM_Group`.
pub fn group() -> Field {
    FriendField::Group.into()
}

/// The field of a friend's custom field by its key: `Test` for `Tag_SNS_Custom_Test`.
///
/// # Errors
/// [`InvalidTencentField::CustomKey`] if the key is not 1 to 8 ASCII letters.
///
/// Source: Tencent Chat, "friend_update" (`Tag`); "Relationship Chain Management".
pub fn custom(key: &str) -> Result<Field, InvalidTencentField> {
    FriendField::custom(key).map(Field::from)
}

impl FriendField {
    fn custom(key: &str) -> Result<Self, InvalidTencentField> {
        let valid = (1..=8).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphabetic());
        if valid { Ok(Self::Custom(key.to_owned())) } else { Err(InvalidTencentField::CustomKey) }
    }

    /// What it holds: the groups are a list, the others a text.
    pub fn kind(&self) -> FieldKind {
        if *self == Self::Group { FieldKind::List } else { FieldKind::Text }
    }
}

impl FromStr for FriendField {
    type Err = InvalidTencentField;

    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        match tag {
            REMARK => Ok(Self::Remark),
            GROUP => Ok(Self::Group),
            _ => Self::custom(tag.strip_prefix(CUSTOM).ok_or(InvalidTencentField::Tag)?),
        }
    }
}

impl From<FriendField> for Field {
    fn from(field: FriendField) -> Self {
        let Ok(field) = Self::new(field.to_string()) else {
            unreachable!("a tag is short and has no control character")
        };
        field
    }
}

impl fmt::Display for FriendField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remark => f.write_str(REMARK),
            Self::Group => f.write_str(GROUP),
            Self::Custom(key) => write!(f, "{CUSTOM}{key}"),
        }
    }
}
