//! Leaves the unwind tables out of the released binary, where nothing unwinds.
//!
//! rustc can leave them out itself, but only for all profiles at once, and tests need them. So it is asked of the linker, and
//! only of the one that rustc brings along for this target: others do not all understand it.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=no-unwind.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    let own_linker = env::var_os("RUSTC_LINKER").is_some()
        || env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("link"));
    let released = is("PROFILE", "release") && is("DEBUG", "false");
    if released && is("TARGET", "x86_64-unknown-linux-gnu") && !own_linker {
        let place = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        for argument in ["-T", &format!("{place}/no-unwind.ld"), "--no-eh-frame-hdr"] {
            println!("cargo:rustc-link-arg-bins=-Xlinker");
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
}
