//! Whose data a vendor keeps.

/// Whose data a vendor keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    /// Users' own.
    User,
    /// Entries of users' address books: friends.
    Contact,
}
