//! Stands in for Bedrock's image models. The emulated cloud answers every model with text, so it cannot serve pictures.
//!
//! Speaks `InvokeModel` (`POST /model/ID/invoke`) for the Stability, Titan and Nova text-to-image models. It checks a
//! request as Bedrock does, answers in the family's own shape, and paints a real PNG that depends only on prompt and
//! seed. `GetFoundationModel` (`GET /foundation-models/ID`) reports whether a model is served, for these models and for
//! models that edit pictures. Permissions are not checked, but signatures are: every request except the health check
//! must be signed with the local cloud's key.
//!
//! - [`server`]: HTTP, routes, headers
//! - [`models`]: the models' families, and Bedrock's description of a model; `crate::models` lists the models
//! - [`request`]: checks of a request's body, one function a family
//! - [`control`]: faults on demand and the log of requests, for tests
//! - [`paint`]: the landscape
//!
//! Control: `GET`/`POST /_control` (see [`control::Faults`]), `GET /_requests`, `GET /_health`. A prompt can request a
//! fault for itself: `[[throttle]]`, `[[fail]]`, `[[filter]]`.

pub mod control;
mod models;
mod paint;
mod refusal;
mod request;
mod server;

pub use server::serve;

/// Options of the stand-in.
#[derive(Clone)]
pub struct Settings {
    /// Serves models that Bedrock has retired, so that a stack written for one can still be tried.
    pub allow_retired: bool,
    /// The secret that requests are signed with.
    pub secret: String,
}
