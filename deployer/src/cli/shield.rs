//! Protects this process's memory from the user's other processes.

/// Hides this process's memory and environment from other processes of the same user. A build script runs as that user:
/// it could otherwise read in `/proc` the credentials that its own environment lacks. Administrators can still read
/// them.
pub(super) fn raise() {
    #[cfg(target_os = "linux")]
    {
        // If the system refuses, the run continues without this protection.
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    #[test]
    fn other_processes_cannot_read_this_one() {
        super::raise();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
