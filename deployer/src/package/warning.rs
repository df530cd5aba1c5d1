//! Warnings about functions that are packaged nevertheless.

use super::{Architecture, Runtime};

/// A warning about a function's package. Match on [`Warning::code`], not on texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    #[error("the build of `{bin}` asks for {variable}, which is set and withheld from builds")]
    Withheld { bin: String, variable: String },
    #[error("{file} loads {library}, which the image of {runtime} has today and AWS does not promise")]
    Library { file: String, library: String, runtime: Runtime },
    #[error("the build uses {flag} (from {place}), which not every {architecture} processor of Lambda has")]
    Processor { flag: String, place: String, architecture: Architecture },
    #[error("there is no {lock}: this run took the newest versions, another one may take others")]
    NoLock { lock: String },
}

impl Warning {
    /// Returns the stable, documented code, such as `package::withheld-variable`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Withheld { .. } => "package::withheld-variable",
            Self::Library { .. } => "package::library-not-promised",
            Self::Processor { .. } => "package::processor",
            Self::NoLock { .. } => "package::no-lock",
        }
    }

    /// Returns the next step for the user.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Withheld { variable, .. } => {
                format!("if every dependency may read it, set DEPLOYER_BUILD_ENV={variable}")
            }
            Self::Library { .. } => {
                "link it statically (many crates have a feature `vendored`, `bundled` or `static`)".into()
            }
            Self::Processor { architecture, .. } => {
                format!("use at most `target-cpu={}`", architecture.newest_processor())
            }
            Self::NoLock { .. } => "commit Cargo.lock: `git add -f Cargo.lock`".into(),
        }
    }
}
