//! The Lambda functions of Couch Explorers: they turn prompts into pictures in a bucket.
//!
//! | module | content |
//! | --- | --- |
//! | [`config`] | the settings in the environment |
//! | [`prompt`], [`picture`], [`id`], [`seed`] | valid prompts and pictures, and their names |
//! | [`model`] | the port to an image model; the families' requests and replies; Bedrock |
//! | [`store`] | the port to the bucket; S3 |
//! | [`sqs`] | the port to the queue; SQS |
//! | [`records`], [`limit`] | one record for each prompt, and the count of a day, kept by conditional writes |
//! | [`studio`] | prompt → picture → bucket, once, with retries inside the remaining time |
//! | [`retry`], [`budget`], [`clock`], [`random`] | retries, their time, the clock, random numbers |
//! | [`events`] | API Gateway and SQS events, and their answers |
//! | [`probe`] | the probes of `deployer verify` |
//! | [`poll`], [`stop`] | the queue's work in a separate process, and its end |
//! | [`log`], [`text`] | one JSON line for each occurrence; foreign texts made short and harmless |
//! | [`aws`], [`start`] | the clients and everything else that is created once, before the first event |

pub mod aws;
pub mod budget;
pub mod clock;
pub mod config;
pub mod events;
pub mod id;
pub mod limit;
pub mod log;
pub mod model;
pub mod picture;
pub mod poll;
pub mod probe;
pub mod prompt;
pub mod random;
pub mod records;
pub mod retry;
pub mod seed;
pub mod sqs;
pub mod start;
pub mod stop;
pub mod store;
pub mod studio;
pub mod text;
