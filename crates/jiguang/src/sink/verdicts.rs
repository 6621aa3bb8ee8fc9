//! From the vendor's answer to a verdict for each user of the request.

use std::collections::HashSet;

use contact_sink_core::{Effect, ErrorCode, Rejection, UserId, Verdict};
use contact_sink_transport::refusal;

use crate::codes::{CODES, find_code};
use crate::wire::{Answer, AnswerError, UserChannels};

/// The reason of a refusal that names the user, so that its dead letter is told apart from that of a refused field. The two
/// published wordings bracket a CUID for one cause only: it does not exist.
const CUID_NAMED: &str = "the vendor does not know this CUID: its answer names it";

/// One verdict for each user, in their order.
///
/// An error that names a user rejects that user. All others are undecided: whether the good users of a refused request
/// were saved is not documented.
pub(super) fn of(answer: &Answer, users: &[UserChannels<'_>]) -> Vec<Verdict> {
    let errors = answer.errors();
    let Some(first) = errors.first() else {
        return users.iter().map(|_| Verdict::Accepted).collect();
    };
    let request = Named::in_request(users);
    let blamed: Vec<Option<i64>> = errors.iter().map(|error| request.blamed_by(error)).collect();
    let undecided = {
        let telling = errors.iter().zip(&blamed).find(|(_, user)| user.is_none()).map_or(first, |(error, _)| error);
        with_texts(refusal(CODES, telling.code().map(ErrorCode::from), answer.status()), errors.iter())
    };
    let naming =
        |cuid| errors.iter().zip(&blamed).filter(move |(_, user)| **user == Some(cuid)).map(|(error, _)| error);
    users
        .iter()
        .map(|user| match naming(user.cuid()).find_map(AnswerError::code) {
            Some(code) => Verdict::Rejected(with_texts(Rejection::listed(code, CUID_NAMED), naming(user.cuid()))),
            None => Verdict::Undecided(undecided.clone()),
        })
        .collect()
}

/// The refusal with what the vendor wrote in these errors.
fn with_texts<'a>(rejection: Rejection, errors: impl Iterator<Item = &'a AnswerError>) -> Rejection {
    let texts: Vec<&str> = errors.map(AnswerError::msg).filter(|msg| !msg.is_empty()).collect();
    rejection.with_vendor_text(texts.join("; "))
}

/// What a token in the vendor's text may name.
struct Named<'a> {
    cuids: HashSet<i64>,
    /// Channel ids apart: they are numbers and need no text.
    channels: HashSet<i64>,
    labels_and_values: HashSet<&'a str>,
}

impl<'a> Named<'a> {
    fn in_request(users: &[UserChannels<'a>]) -> Self {
        let fields = || users.iter().flat_map(UserChannels::fields);
        Self {
            cuids: users.iter().map(UserChannels::cuid).collect(),
            channels: fields().map(|(channel, ..)| channel).collect(),
            // A vendor that trims what it quotes must not make a user of a label.
            labels_and_values: fields().flat_map(|(_, label, value)| [label.trim(), value.trim()]).collect(),
        }
    }

    /// The user whom an error names: its token is a CUID of the request and can be nothing else in it.
    fn blamed_by(&self, error: &AnswerError) -> Option<i64> {
        let line = error.code().and_then(find_code)?;
        if line.effect != Effect::RejectsNamed {
            return None;
        }
        let token = token(error.msg())?;
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
