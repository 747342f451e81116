//! As many open files as this process may have: each connection is one, and the usual 1,024 are soon gone.

use rustix::process::{Resource, getrlimit, setrlimit};

/// To what the administrator allows.
pub(super) fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(problem) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%problem, "the number of open files stays as it is");
    }
}
