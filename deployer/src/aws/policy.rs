//! IAM policy documents compared by meaning: what AWS returns is rarely what was sent.
