//! The Lambda functions of Couch Explorers: a prompt goes in, a picture lies in the bucket.
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | what the environment asks for |
//! | [`prompt`], [`picture`] | what a prompt and a picture must be |
//! | [`model`] | the port to an image model; the families' requests and replies; Bedrock |
//! | [`store`] | the port to the bucket; S3 |
//! | [`studio`] | prompt → picture → bucket, with retries inside the time left |
//! | [`retry`], [`budget`], [`random`] | what a retry may cost, and its clock and dice |
//! | [`events`] | API Gateway and SQS events, and their answers |
//! | [`log`], [`text`] | one JSON line an occurrence; texts from elsewhere made short and harmless |
//! | [`aws`], [`start`] | everything made once, before the first event |

pub mod aws;
pub mod budget;
pub mod config;
pub mod events;
pub mod log;
pub mod model;
pub mod picture;
pub mod prompt;
pub mod random;
pub mod retry;
pub mod start;
pub mod store;
pub mod studio;
pub mod text;
