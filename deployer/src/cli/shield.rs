//! Keeps what this process holds from the user's other processes.

/// Closes this process's memory and variables to other processes of the same user: a build script, which runs as that
/// user, would find the credentials in `/proc` that its own variables lack. Administrators can read them still.
pub(super) fn raise() {
    #[cfg(target_os = "linux")]
    {
        // Where the system refuses, the run goes on as it would anywhere else.
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
