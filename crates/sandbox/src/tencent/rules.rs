//! What makes an attribute or a friend's field invalid.

use super::choices::{EmptyValues, TagKind};
use super::codes::{self, Refusal};
use super::value::FriendValue;
use crate::strict::repeats;

pub(super) const MAX_ATTRIBUTE_NAMES: usize = 10;
pub(super) const MAX_GROUPS_OF_A_FRIEND: usize = 32;
pub(super) const GROUP_TAG: &str = "Tag_SNS_IM_Group";

const REMARK_TAG: &str = "Tag_SNS_IM_Remark";
const CUSTOM_PREFIX: &str = "Tag_SNS_Custom_";
const MAX_ATTRIBUTE_BYTES: usize = 50;
const MAX_REMARK_BYTES: usize = 96;
const MAX_GROUP_BYTES: usize = 30;
const MAX_CUSTOM_BYTES: usize = 500;
const MAX_CUSTOM_LETTERS: usize = 8;

pub(super) fn is_attribute_name(name: &str) -> bool {
    (1..=MAX_ATTRIBUTE_BYTES).contains(&name.len())
}

pub(super) fn is_custom_tag(tag: &str) -> bool {
    tag.strip_prefix(CUSTOM_PREFIX).is_some_and(|key| {
        (1..=MAX_CUSTOM_LETTERS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphabetic())
    })
}

/// Whether a user may have this as an attribute's value.
pub(super) fn check_attribute_value(value: &str) -> Result<(), Refusal> {
    match value.len() {
        0 => Err(Refusal(codes::EMPTY_VALUE, "an attribute's value is empty")),
        1..=MAX_ATTRIBUTE_BYTES => Ok(()),
        _ => Err(Refusal(codes::BAD_ATTRIBUTE, "an attribute's value has more than 50 bytes")),
    }
}

/// What is wrong with a field of a friend. `kind`: of the custom field with this tag, if there is one.
pub(super) fn check_friend_field(
    tag: &str,
    value: &FriendValue,
    kind: Option<TagKind>,
    empty_values: EmptyValues,
) -> Result<(), &'static str> {
    let may_be_empty = empty_values == EmptyValues::Taken;
    let fits = |text: &str, max| text.len() <= max && (may_be_empty || !text.is_empty());
    match (tag, value) {
        (REMARK_TAG, FriendValue::Text(text)) if fits(text, MAX_REMARK_BYTES) => Ok(()),
        (REMARK_TAG, _) => Err("a remark is not a text of at most 96 bytes"),
        (GROUP_TAG, FriendValue::List(groups)) => {
            let count = groups.len();
            if count > MAX_GROUPS_OF_A_FRIEND || (count == 0 && !may_be_empty) {
                return Err("a friend is given no groups or more than 32");
            }
            if !groups.iter().all(|group| (1..=MAX_GROUP_BYTES).contains(&group.len())) {
                return Err("a group's name has not 1 to 30 bytes");
            }
            if repeats(groups.iter()) { Err("a group stands at a friend twice") } else { Ok(()) }
        }
        (GROUP_TAG, _) => Err("groups are not an array of texts"),
        _ => match (kind, value) {
            (None, _) if tag.starts_with(CUSTOM_PREFIX) => Err("a custom field is not configured"),
            (None, _) => Err("a tag is none that can be updated"),
            (Some(TagKind::Text), FriendValue::Text(text)) if fits(text, MAX_CUSTOM_BYTES) => Ok(()),
            (Some(TagKind::Text), _) => Err("a custom field is not a text of at most 500 bytes"),
            (Some(TagKind::Integer), FriendValue::Integer(_)) => Ok(()),
            (Some(TagKind::Integer), _) => Err("a custom field is not an integer"),
        },
    }
}
