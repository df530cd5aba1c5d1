//! Parts of specs that are beyond AWS's limits.

/// A part of a spec that AWS would refuse, or may refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    pub code: &'static str,
    /// The properties of `stack.yaml` that may be the cause, the likeliest first.
    pub properties: &'static [&'static str],
    pub message: String,
    pub help: &'static str,
    /// AWS may accept the spec nevertheless: a warning, not an error.
    pub doubt: bool,
}

impl Excess {
    /// Reports a document of `size` bytes of which AWS accepts `most`.
    pub fn size(code: &'static str, properties: &'static [&'static str], what: &str, [size, most]: [usize; 2]) -> Self {
        let message = format!("{what} has {size} bytes once everything is put in; AWS takes {most}");
        let help = "shorten it: join statements that differ in one entry alone, or name fewer of them";
        Self { code, properties, message, help, doubt: false }
    }
}
