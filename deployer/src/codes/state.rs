//! The state and its lock.

use super::{Code, run};

#[rustfmt::skip]
pub(super) const CODES: &[Code] = &[
    run("state::access-denied", "The credentials may not read or write the state.", "a role without s3:PutObject on the state's key", "Allow s3:GetObject, s3:PutObject and s3:DeleteObject on the state's objects and s3:ListBucket on the bucket."),
    run("state::bucket-missing", "The bucket that `state:` names does not exist.", "a first apply", "Make it with `--create-state-bucket`, or correct `state.bucket`."),
    run("state::bucket-of-others", "The bucket that `state:` names belongs to another account.", "a name that somebody else took first", "Choose another `state.bucket`. If the state is kept in another account on purpose, name that one: `state: { account: … }`."),
    run("state::credentials", "The credentials do not open the state.", "a session that ran out", "Sign in again (`aws sso login`, or fresh keys), then run the same command."),
    run("state::damaged", "The state is not readable. It was left untouched.", "somebody edited it by hand", "Restore the newest good version: `deployer state restore SERIAL`. Without one, move it away: the next plan finds the stack's resources by their tags."),
    run("state::elsewhere", "The state belongs to the same stack in another account or region.", "one `state.key` for two accounts", "Choose the credentials and region it was made with, or another `state.key`."),
    run("state::fenced", "Another run took the lock over, or changed the state. This run stopped writing.", "a run that was suspended for minutes", "Run the same command again: it goes on from what is there now."),
    run("state::foreign", "The state belongs to another stack.", "two stacks with one `state.key`", "Give each stack its own `state.key`."),
    run("state::gone-with-the-job", "The state is in a directory, and this is a CI job: what the job writes there is gone with it.", "`deployer ci` on a stack without `state:`", "Keep the state in S3: `state: { bucket: NAME, key: STACK.json }`. Where the directory is kept, or losing it does no harm, say so: `state: { path: DIR, in_ci: true }`."),
    run("state::locked", "Another run holds the lock; the message says whose.", "two CI jobs at once", "Wait for it (`--lock-timeout 10m`). A dead run's lock is free by itself after about 30 s."),
    run("state::newer", "A newer version of the deployer wrote the state.", "a colleague updated first", "Use that version or a newer one."),
    run("state::no-version", "There is no version of the state with that number.", "`deployer state restore 99`", "`deployer state history` lists the versions that are kept."),
    run("state::not-a-state", "Something else is kept where the state should be. It was left untouched.", "`state.key` names a picture", "Give the stack a key or directory of its own in `state:`."),
    run("state::random", "The system gives no random numbers, which locks and fingerprints need.", "a sandbox without a random source", "Run it where the system's random source is available."),
    run("state::refused", "S3 refused to store the state.", "a bucket policy that asks for a certain encryption", "Check `state:` and the bucket's policy."),
    run("state::rescued", "The state could not be stored in its place; what was done is kept in a local file.", "the network broke at the end of an apply", "Run again from the same directory: the file is picked up."),
    run("state::unknown-address", "The state holds nothing of that address.", "`deployer state show queues.order`", "`deployer state list` shows what it holds."),
    run("state::unknown-kind", "The state holds a kind of resource that this version does not know.", "a newer version made it", "Use the version of the deployer that wrote it."),
    run("state::unreachable", "The state cannot be reached.", "no network", "Check the network and `state:`, then run the same command again."),
    run("state::wrong-region", "The bucket of the state is in another region.", "the bucket in us-east-1, the stack in eu-west-1", "Set `state.region` to the bucket's region."),
];
