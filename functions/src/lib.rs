//! The Lambda functions of Couch Explorers: a prompt goes in, a picture lies in the bucket.
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | what the environment asks for |
//! | [`prompt`], [`picture`], [`id`], [`seed`] | what a prompt and a picture must be, and how they are named |
//! | [`model`] | the port to an image model; the families' requests and replies; Bedrock |
//! | [`store`] | the port to the bucket; S3 |
//! | [`sqs`] | the port to the queue; SQS |
//! | [`records`], [`limit`] | one record a prompt, and the count of a day, kept by conditional writes |
//! | [`studio`] | prompt → picture → bucket, once, with retries inside the time left |
//! | [`retry`], [`budget`], [`clock`], [`random`] | retries, the time they may take, the clock, random numbers |
//! | [`events`] | API Gateway and SQS events, and their answers |
//! | [`poll`], [`stop`] | the queue's work in a process of its own, and how it ends |
//! | [`log`], [`text`] | one JSON line an occurrence; texts from elsewhere made short and harmless |
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
