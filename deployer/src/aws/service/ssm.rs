//! The Parameter Store of Systems Manager.

use super::{Service, overall};

/// The Parameter Store.
pub static SSM: Service = Service {
    // Without the higher throughput that an account can buy.
    rates: &[overall("ssm", 38.0, 40.0)],
    ..Service::of("ssm", "SSM")
};
