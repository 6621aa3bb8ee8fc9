//! From the vendor's answer to a verdict for each user of the request.

use std::collections::HashSet;

use contact_sink_core::{Effect, ErrorCode, Rejection, SinkError, UserId, Verdict};
use contact_sink_transport::{Named, Unnamed, match_named};

use crate::SET_CHANNELS;
use crate::codes::VENDOR;
use crate::wire::{Answer, AnswerError, UserChannels};

/// The reason of a refusal that names the user, so that its rejected row differs from that of a refused field. The two
/// published wordings have a CUID in brackets for one cause only: it does not exist.
const CUID_NAMED: &str = "the vendor does not know this CUID: its answer names it";

/// One verdict for each user, in their order.
///
/// An error that names a user rejects that user. All others are undecided: whether the good users of a refused request
/// were saved is not documented.
pub(super) fn of(answer: &Answer, users: &[UserChannels<'_>]) -> Result<Vec<Verdict>, SinkError> {
    let errors = &answer.errors;
    let Some(first) = errors.first() else {
        return Ok(vec![Verdict::Accepted; users.len()]);
    };
    let request = InRequest::of(users);
    let named: Vec<(&AnswerError, Option<i64>)> = errors.iter().map(|error| (error, request.named_by(error))).collect();
    let unnamed = {
        let decisive = named.iter().find(|(_, user)| user.is_none()).map_or(first, |(error, _)| error);
        let refusal = SET_CHANNELS.refusal(decisive.code.map(ErrorCode::from), answer.status);
        Verdict::Undecided(with_texts(refusal, errors.iter().map(|error| error.msg.as_str())))
    };
    let named = named.iter().filter_map(|(error, user)| {
        Some(Named { item: (*user)?, code: error.code.map(ErrorCode::from), text: &error.msg })
    });
    match_named(users.iter().map(UserChannels::cuid), named, Unnamed::Verdict(unnamed), |all| {
        let rejection = all
            .iter()
            .find_map(|named| named.code.clone())
            .map_or_else(|| SET_CHANNELS.refusal(None, answer.status), |code| Rejection::listed(code, CUID_NAMED));
        Ok(Verdict::Rejected(with_texts(rejection, all.iter().map(|named| named.text))))
    })
}

/// The refusal with the vendor's texts.
fn with_texts<'a>(rejection: Rejection, texts: impl Iterator<Item = &'a str>) -> Rejection {
    rejection.with_vendor_text(texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; "))
}

/// What a token in the vendor's text may name.
struct InRequest<'a> {
    cuids: HashSet<i64>,
    /// Channel ids apart: they are numbers and need no text.
    channels: HashSet<i64>,
    labels_and_values: HashSet<&'a str>,
}

impl<'a> InRequest<'a> {
    fn of(users: &[UserChannels<'a>]) -> Self {
        let fields = || users.iter().flat_map(UserChannels::fields);
        Self {
            cuids: users.iter().map(UserChannels::cuid).collect(),
            channels: fields().map(|(channel, ..)| channel).collect(),
            // A vendor that trims what it quotes must not make a user of a label.
            labels_and_values: fields().flat_map(|(_, label, value)| [label.trim(), value.trim()]).collect(),
        }
    }

    /// The user whom an error names: its token is a CUID of the request and can be nothing else in it.
    fn named_by(&self, error: &AnswerError) -> Option<i64> {
        let line = VENDOR.find(error.code?)?;
        if line.effect != Effect::RejectsNamed {
            return None;
        }
        let token = token(&error.msg)?;
        let cuid = UserId::new(token).ok()?.as_i64()?;
        let certain =
            self.cuids.contains(&cuid) && !self.channels.contains(&cuid) && !self.labels_and_values.contains(token);
        certain.then_some(cuid)
    }
}

/// The text between the brackets. More than one pair, or a stray one, may be a label's own: then there is no token.
fn token(msg: &str) -> Option<&str> {
    let (before, rest) = msg.split_once('[')?;
    let (token, after) = rest.split_once(']')?;
    let stray = |text: &str| text.contains(['[', ']']);
    (!stray(before) && !stray(token) && !stray(after)).then_some(token)
}
