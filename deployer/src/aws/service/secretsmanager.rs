//! Secrets Manager.

use super::Service;

/// Secrets Manager. It takes ten thousand GetSecretValue a second, more than any stack needs.
pub static SECRETSMANAGER: Service = Service::of("secretsmanager", "Secrets Manager");
