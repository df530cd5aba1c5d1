//! The binaries as Lambda runs them: real processes with a stand-in for the Runtime API, Bedrock and S3.

mod generate_image;
mod http_requests;
mod image_worker;
mod image_worker_poll;
mod pictures;
mod support;
