//! Crash-safe resume of a run, and the index that lets a run send what has changed only.
