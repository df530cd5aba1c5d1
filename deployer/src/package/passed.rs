//! Which variables of the run's environment a build may see.
//!
//! Build scripts and procedural macros of every dependency run with cargo's variables, and the run's environment
//! contains credentials. A secret may have any name. So cargo only gets the variables that compilers, build scripts and
//! package managers are known to read. A project names further variables for its own build in `DEPLOYER_BUILD_ENV`.
//!
//! This hides secrets from code that looks for them; it is no sandbox. A build runs as the same user and can read that
//! user's files and, where the system allows it, the memory of the user's other processes.

#[cfg(test)]
mod tests;

/// Names more variables, separated by commas or blanks.
pub(super) const NAMED: &str = "DEPLOYER_BUILD_ENV";

/// Variables that an outer cargo sets for the program it runs. Passed on, they would make build scripts and `env!` see
/// the wrong package, or point to a job server that no longer exists.
const FROM_OUTER_CARGO: &[&str] = &[
    "CARGO_BIN_",
    "CARGO_CRATE_NAME",
    "CARGO_MAKEFLAGS",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "MAKEFLAGS",
    "MFLAGS",
    "OUT_DIR",
    "RUST_RECURSION_COUNT",
    "__CARGO",
];

/// Variables for cargo's display. Diagnostics are captured, so colour and progress bars would end up in error texts.
const TALK: &[&str] = &["CARGO_TERM_"];

/// Variables of the system, and single variables of tools.
const EXACTLY: &[&str] = &[
    "CI",
    "CPATH",
    "CURL_CA_BUNDLE",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "MAKE",
    "NASM",
    "NINJA",
    "NUM_JOBS",
    "PATH",
    "PERL",
    "PERL5LIB",
    "PROTOC",
    "PYTHON",
    "PYTHON3",
    "PYTHONHOME",
    "PYTHONPATH",
    "SDKROOT",
    "SHELL",
    "SOURCE_DATE_EPOCH",
    "SQLX_OFFLINE",
    "SSL_CERT_FILE",
    "TEMP",
    "TERM",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
    "YASM",
];

/// Variables for compilers and their flags, also in the forms `HOST_CC`, `TARGET_CC` and `CC_x86_64_unknown_linux_gnu`.
const TOOLS: &[&str] = &[
    "AR",
    "ARFLAGS",
    "AS",
    "ASFLAGS",
    "ASMFLAGS",
    "CC",
    "CFLAGS",
    "CPP",
    "CPPFLAGS",
    "CXX",
    "CXXFLAGS",
    "CXXSTDLIB",
    "LD",
    "LDFLAGS",
    "NM",
    "OBJCOPY",
    "RANLIB",
    "RANLIBFLAGS",
    "STRIP",
];

/// Prefixes of families: cargo and rustc, C toolchains, caches of compilers, libraries that `-sys` crates look for.
const FAMILIES: &[&str] = &[
    "AWS_LC_",
    "BINDGEN_",
    "CARGO",
    "CCACHE_",
    "CLANG_",
    "CMAKE",
    "LC_",
    "LIBCLANG_",
    "LLVM_",
    "MACOSX_DEPLOYMENT_",
    "NIX_",
    "OPENSSL_",
    "PKG_CONFIG",
    "PROTOC_",
    "PYO3_",
    "RUST",
    "SCCACHE_",
    "VCPKG",
    "XDG_",
    "ZIG",
];

/// Endings of variables that say where a library is or how it is linked: `LIBPQ_LIB_DIR`, `ZSTD_SYS_USE_PKG_CONFIG`.
const ENDINGS: &[&str] = &[
    "_DIR",
    "_INCLUDE",
    "_LIB",
    "_LIBS",
    "_NO_PKG_CONFIG",
    "_NO_VENDOR",
    "_PATH",
    "_PREFIX",
    "_ROOT",
    "_STATIC",
    "_USE_PKG_CONFIG",
];

/// Prefixes of clouds, CI systems and agents. No ending lets these through: `GITHUB_PATH`, `DOCKER_CERT_PATH`.
const NEVER: &[&str] = &[
    "ACTIONS_",
    "ARM_",
    "AWS_",
    "AZURE_",
    "BITBUCKET_",
    "BUILDKITE_",
    "CI_",
    "CIRCLE_",
    "CLOUDSDK_",
    "DEPLOYER_",
    "DOCKER_",
    "GH_",
    "GITHUB_",
    "GITLAB_",
    "GOOGLE_",
    "GPG_",
    "JENKINS_",
    "KUBE",
    "NIX_CONFIG",
    "NPM_",
    "RUNNER_",
    "SSH_",
    "TF_",
    "VAULT_",
];

/// Parts of names that indicate a secret, in any family: `SCCACHE_WEBDAV_TOKEN`.
const SECRET: &[&str] =
    &["APIKEY", "AUTH", "CREDENTIAL", "CREDENTIALS", "PASSPHRASE", "PASSWD", "PASSWORD", "PWD", "SECRET", "TOKEN"];

/// Names inside a value that indicate a secret, in lower case, without dashes and underscores.
const TOKENS: &[&str] = &[
    "accesskey",
    "accesstoken",
    "accountkey",
    "apikey",
    "authorization",
    "password",
    "sas",
    "secret",
    "sharedaccesskey",
    "sharedaccesssignature",
    "sig",
    "token",
    "xamzsecuritytoken",
    "xamzsignature",
    "xgoogsignature",
];

/// Prefixes of variables that cargo needs to fetch packages, and that packages' code does not need.
const FETCHING: &[&str] = &["CARGO", "GIT_", "NETRC", "SSH_AGENT_PID", "SSH_AUTH_SOCK"];

/// The process that receives the variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// A build, which runs the code of packages.
    Build,
    /// `cargo fetch`, which downloads packages and runs none of their code.
    Fetch,
}

/// Tells whether a variable is passed on. `named` lists variables that the user allowed.
pub(super) fn passes(name: &str, value: &str, named: &[&str], to: For) -> bool {
    if begins(name, FROM_OUTER_CARGO) || begins(name, TALK) || name == NAMED {
        return false;
    }
    if named.contains(&name) {
        return true;
    }
    let known = is_known(name) && !is_secret(name, value);
    known || (to == For::Fetch && (begins(name, FETCHING) || is_proxy(name)))
}

fn is_known(name: &str) -> bool {
    let family = || begins(name, FAMILIES) && !begins(name, &["NIX_CONFIG"]);
    let ending = || ENDINGS.iter().any(|ending| name.ends_with(ending)) && !begins(name, NEVER);
    let sys = || name.contains("_SYS_") && !begins(name, NEVER);
    EXACTLY.contains(&name) || is_proxy(name) || is_tool(name) || family() || ending() || sys()
}

/// Tells whether the name is a compiler or its flags: for all targets, for the host's or the target's side, or for a
/// target by its name.
fn is_tool(name: &str) -> bool {
    let name = name.strip_prefix("HOST_").or_else(|| name.strip_prefix("TARGET_")).unwrap_or(name);
    TOOLS.iter().any(|tool| name.strip_prefix(tool).is_some_and(|rest| rest.is_empty() || is_target(rest)))
}

/// Matches `_x86_64_unknown_linux_gnu` or `_aarch64-unknown-linux-gnu`: a processor's name, then a system's.
fn is_target(rest: &str) -> bool {
    let lower = rest.to_ascii_lowercase();
    lower.starts_with('_') && ["linux", "darwin", "windows", "musl"].iter().any(|system| lower.contains(system))
}

fn is_proxy(name: &str) -> bool {
    ["http_proxy", "https_proxy", "all_proxy", "no_proxy"].contains(&name.to_ascii_lowercase().as_str())
}

/// Tells whether the name indicates a secret, or the value contains a password or token.
fn is_secret(name: &str, value: &str) -> bool {
    let parts = || name.split('_').map(str::to_ascii_uppercase);
    let key = parts().next_back().is_some_and(|last| last == "KEY");
    let words = parts().any(|part| SECRET.contains(&part.as_str())) || name.ends_with("_CONNECTION_STRING");
    let address = value.contains("://") || name.to_ascii_lowercase().ends_with("_proxy");
    words || key || (address && has_password(value)) || holds_token(value)
}

/// Tells whether a value contains a token: an address with a signature (`?sv=…&sig=…`), a header (`Authorization:
/// Bearer …`), or a connection string (`AccountKey=…;`).
fn holds_token(value: &str) -> bool {
    value.split(['?', '&', ',', ';', '|', '"', '\'', ' ', '\t', '\n']).any(|part| {
        part.split_once(['=', ':']).is_some_and(|(name, rest)| {
            let name = name.trim().to_ascii_lowercase().replace(['-', '_'], "");
            !rest.is_empty() && TOKENS.contains(&name.as_str())
        }) || part.eq_ignore_ascii_case("authorization:")
            || part.eq_ignore_ascii_case("bearer")
    })
}

/// Matches `scheme://user:password@host`, or `user:password@host` as proxies may be written.
fn has_password(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or(rest);
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

fn begins(name: &str, list: &[&str]) -> bool {
    list.iter().any(|prefix| name.starts_with(prefix))
}
