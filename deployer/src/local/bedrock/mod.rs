//! Stands in for Bedrock's image models: the emulated cloud answers every model with text, so it cannot serve pictures.
//!
//! Speaks `InvokeModel` (`POST /model/ID/invoke`) for the Stability, Titan and Nova text-to-image models: checks a request as Bedrock
//! does, answers in the family's own shape and paints a real PNG that depends on prompt and seed alone. `GetFoundationModel`
//! (`GET /foundation-models/ID`) says of these and of the models that edit pictures whether they are served. Permissions are not checked,
//! signatures are: all but the health check must be signed with the local cloud's key.
//!
//! - [`server`]: HTTP, routes, headers
//! - [`models`]: the models' families, and what Bedrock says of a model; which there are stands in `crate::models`
//! - [`request`]: checks of a request's body, one function a family
//! - [`control`]: faults on demand and the log of requests, for tests
//! - [`paint`]: the landscape
//!
//! Control: `GET`/`POST /_control` (see [`control::Faults`]), `GET /_requests`, `GET /_health`. A prompt can carry its own fault:
//! `[[throttle]]`, `[[fail]]`, `[[filter]]`.

pub mod control;
mod models;
mod paint;
mod refusal;
mod request;
mod server;

pub use server::serve;

/// Chooses what the stand-in offers.
#[derive(Clone)]
pub struct Settings {
    /// Serves models that Bedrock has retired, so that a stack written for one can still be tried.
    pub allow_retired: bool,
    /// The secret that requests are signed with.
    pub secret: String,
}
