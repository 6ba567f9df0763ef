//! How many files this process may have open at once: each connection is one.

/// How many are needed besides those of connections that come in: the database, calls to others,
/// the log.
const BESIDES: u64 = 512;
/// What is asked for where the system sets no limit.
#[cfg(unix)]
const PLENTY: u64 = 1 << 20;

/// How many files are open when there are as many connections as there may be.
pub(crate) fn needed(max_connections: usize) -> u64 {
    u64::try_from(max_connections)
        .unwrap_or(u64::MAX)
        .saturating_add(BESIDES)
}

/// How many may be open once this process has asked for as many as it may have; nothing if nobody
/// limits it, or the system is not asked.
#[cfg(unix)]
pub(crate) fn most() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile);
    limit.current.and(limit.maximum)
}

/// Asks for as many as this process may have; gives how many that is, or nothing if nobody limits it.
#[cfg(unix)]
pub(crate) fn raise(needed: u64) -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current?;
    let most = limit.maximum.unwrap_or(PLENTY);
    // Some systems refuse what they have named as the limit; then what is needed will do.
    for wanted in [most, needed.min(most)] {
        let asked = Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        };
        if wanted > current && setrlimit(Resource::Nofile, asked).is_ok() {
            return Some(wanted);
        }
    }
    Some(current)
}

#[cfg(not(unix))]
pub(crate) fn most() -> Option<u64> {
    None
}

#[cfg(not(unix))]
pub(crate) fn raise(_: u64) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// covers: MON-5
    #[test]
    fn as_many_files_may_be_open_as_the_system_lets_this_process_have() {
        let most = most();
        let raised = raise(needed(10));
        // Where there is a limit it is reached, if the system keeps its word.
        assert!(most.is_none() || raised <= most, "{raised:?} of {most:?}");
        // Asking again changes nothing.
        assert_eq!(raise(needed(10)), raised);
        assert_eq!(needed(20_000), 20_512);
    }
}
