//! The keyed hashes of subjects and values: HMAC-SHA256, cut short. Every part that may have another length is preceded by it, so that no two different
//! things are hashed as the same bytes.

use contact_sink_core::{Field, Subject, Value};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// So many last bytes of an id are left out of its neighbourhood: a thousand numbers in a row are neighbours.
const NEAR: usize = 3;

/// Makes the hashes under one key. The key is taken in once; each hash begins with a copy of that state.
#[derive(Clone)]
pub(crate) struct Hasher(Hmac<Sha256>);

/// The hashes of a subject.
pub(crate) struct SubjectHash {
    /// Where its row is.
    pub(crate) row: i64,
    whole: [u8; 16],
}

/// The subjects that have their first 24 bits in common, see [`Hasher::subject`].
#[derive(Default)]
pub(crate) struct Neighbourhood {
    kind: Option<u8>,
    common: Vec<u8>,
    bits: [u8; 3],
}

/// A hash under a key.
pub(crate) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC fills a key up with zeros to the block of its hash.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::new(&block.into())
}

impl SubjectHash {
    /// Tells the subject from others with the same row: bits of its hash that are not in that.
    pub(crate) fn tag(&self) -> u32 {
        let [.., t0, t1, t2, t3] = self.whole;
        u32::from_le_bytes([t0, t1, t2, t3])
    }
}

impl Hasher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(keyed(key))
    }

    /// What is kept to recognise the key.
    pub(crate) fn check(&self) -> [u8; 32] {
        self.begin(b'k').end()
    }

    /// Hashes a subject.
    ///
    /// Its row is 24 bits that it has in common with its neighbours (users whose ids differ in the last three bytes only;
    /// the contacts of one owner) and 40 bits of its own. A file in the order of its ids then reads and writes the index page by
    /// page and not all over it. Subjects that meet in one row are still told apart, see [`Hasher::tag`].
    pub(crate) fn subject(&self, subject: &Subject) -> Option<SubjectHash> {
        self.subject_after(subject, &mut Neighbourhood::default())
    }

    /// Hashes a subject that may be a neighbour of the one before: then the bits that they have in common are known.
    pub(crate) fn subject_after(&self, subject: &Subject, before: &mut Neighbourhood) -> Option<SubjectHash> {
        let mut whole;
        let (kind, common) = match subject {
            Subject::User(id) => {
                let id = id.as_str().as_bytes();
                let common = id.get(..id.len().saturating_sub(NEAR)).unwrap_or_default();
                whole = self.begin(b'U');
                whole.part(id);
                (b'u', common)
            }
            Subject::Friend { owner, friend } => {
                let (owner, friend) = (owner.as_str().as_bytes(), friend.as_str().as_bytes());
                whole = self.begin(b'C');
                whole.part(owner).part(friend);
                (b'c', owner)
            }
            // A kind that is not known here yet: it is never in the index.
            _ => return None,
        };
        if before.kind != Some(kind) || before.common != common {
            let mut near = self.begin(kind);
            near.part(common);
            let [n0, n1, n2, ..] = near.end();
            (before.kind, before.bits) = (Some(kind), [n0, n1, n2]);
            before.common.clear();
            before.common.extend_from_slice(common);
        }
        let ([n0, n1, n2], whole) = (before.bits, whole.end());
        let [w0, w1, w2, w3, w4, ..] = whole;
        let whole = whole.first_chunk().copied()?;
        Some(SubjectHash { row: i64::from_be_bytes([n0, n1, n2, w0, w1, w2, w3, w4]), whole })
    }

    /// Hashes what a field of a subject is set to. 128 bits of the subject's hash go in: what another subject with the same row
    /// has is never taken for this one's.
    pub(crate) fn tag(&self, subject: &SubjectHash, field: &Field, value: &Value) -> Option<u64> {
        let kind = match value {
            Value::Text(_) => b't',
            Value::List(_) => b'l',
            Value::Integer(_) => b'i',
            _ => return None,
        };
        let mut hash = self.begin(kind);
        hash.fixed(&subject.whole).part(field.as_str().as_bytes());
        match value {
            Value::Text(text) => hash.part(text.as_bytes()),
            Value::List(texts) => texts.iter().fold(&mut hash, |hash, text| hash.part(text.as_bytes())),
            Value::Integer(number) => hash.part(&number.to_le_bytes()),
            _ => return None,
        };
        let [t0, t1, t2, t3, t4, t5, t6, t7, ..] = hash.end();
        Some(u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]))
    }

    fn begin(&self, what: u8) -> Hash {
        let mut hash = Hash(self.0.clone());
        hash.0.update(&[what]);
        hash
    }
}

/// A hash that is being made. It is some hundred bytes long, so it is changed in its place.
struct Hash(Hmac<Sha256>);

impl Hash {
    fn part(&mut self, part: &[u8]) -> &mut Self {
        // In four bytes, so that most values fit into one block of the hash with what is before them. No text is so long
        // that two lengths could be the same in them and the texts too.
        self.0.update(&(part.len() as u32).to_le_bytes());
        self.0.update(part);
        self
    }

    /// Takes what always has the same length.
    fn fixed(&mut self, part: &[u8]) -> &mut Self {
        self.0.update(part);
        self
    }

    fn end(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }
}
