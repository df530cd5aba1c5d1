//! HTTP: routes, headers, and one invocation from request to reply.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::listen::listen;
use super::super::signature;
use super::Settings;
use super::control::{Control, Fate, Faults, LoggedInvocation, marked_fate, marked_filtered};
use super::models::{self, Family};
use super::paint::paint;
use super::refusal::Refusal;
use super::request::{self, Order};

/// Bedrock's own limit for a body, in bytes.
const BODY_LIMIT: usize = 25 * 1024 * 1024;

type Reply = Response<Full<Bytes>>;

struct Server {
    settings: Settings,
    port: u16,
    control: Control,
}

/// Serves until the task is dropped. `Err` when the listener fails for good.
pub async fn serve(listener: TcpListener, settings: Settings) -> io::Result<Infallible> {
    let port = listener.local_addr()?.port();
    let server = Arc::new(Server { settings, port, control: Control::default() });
    listen(listener, move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(server.answer(request).await) }
    })
    .await
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let refusal = match path {
            "/_health" => signature::other_party(&head.headers, self.port),
            _ => signature::early_refusal(&head, self.port, SystemTime::now()),
        };
        if let Some(why) = refusal {
            return refusal_reply(&Refusal::unsigned(why));
        }
        if path == "/_health" {
            return ok(&json!({"status": "ok"}));
        }
        // The stated length already exceeds the limit, so no byte needs to be read.
        if usize::try_from(body.size_hint().lower()).is_ok_and(|length| length > BODY_LIMIT) {
            return refusal_reply(&Refusal::malformed("length limit exceeded"));
        }
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return refusal_reply(&Refusal::malformed(error)),
        };
        if let Some(why) = signature::refusal(&head, &body, &self.settings.secret, self.port, SystemTime::now()) {
            return refusal_reply(&Refusal::unsigned(why));
        }
        match (&head.method, path) {
            (&Method::GET, "/_control") => ok(&self.control.faults()),
            (&Method::GET, "/_requests") => ok(&self.control.log()),
            (&Method::POST, "/_control") => self.set_faults(&body),
            (&Method::GET, _) => match path.strip_prefix("/foundation-models/") {
                Some(id) => self.describe(&percent_decode_str(id).decode_utf8_lossy(), &head.headers),
                None => refusal_reply(&Refusal::unknown_operation()),
            },
            (&Method::POST, _) => match path.strip_prefix("/model/").and_then(|rest| rest.strip_suffix("/invoke")) {
                Some(id) => self.invoke(&percent_decode_str(id).decode_utf8_lossy(), &head.headers, &body).await,
                None => refusal_reply(&Refusal::unknown_operation()),
            },
            _ => refusal_reply(&Refusal::unknown_operation()),
        }
    }

    fn set_faults(&self, body: &[u8]) -> Reply {
        match serde_json::from_slice::<Faults>(body) {
            Ok(faults) => {
                self.control.replace(faults);
                ok(&self.control.faults())
            }
            Err(error) => refusal_reply(&Refusal::validation(format!("Not a set of faults: {error}"))),
        }
    }

    fn describe(&self, id: &str, headers: &HeaderMap) -> Reply {
        match models::describe(id, signed_region(headers).as_deref(), self.settings.allow_retired) {
            Ok(value) => ok(&value),
            Err(refusal) => refusal_reply(&refusal),
        }
    }

    async fn invoke(&self, id: &str, headers: &HeaderMap, body: &[u8]) -> Reply {
        let region = signed_region(headers);
        let mut entry = LoggedInvocation {
            model: id.to_owned(),
            region,
            prompt: None,
            seed: None,
            status: 200,
            outcome: "ok".into(),
        };
        let result = self.attempt(&mut entry, body).await;
        if let Err(refusal) = &result {
            (entry.status, entry.outcome) = (refusal.status, refusal.code.to_owned());
        }
        self.control.record(entry);
        match result {
            Ok(value) => ok(&value),
            Err(refusal) => refusal_reply(&refusal),
        }
    }

    /// Goes through Bedrock's steps in Bedrock's order: quota, model, body, content filter, model run.
    async fn attempt(&self, entry: &mut LoggedInvocation, body: &[u8]) -> Result<Value, Refusal> {
        tokio::time::sleep(Duration::from_millis(self.control.faults().delay_ms)).await;
        meet(self.control.next_fate())?;
        let family = models::find(&entry.model, entry.region.as_deref(), self.settings.allow_retired)?;
        let order = request::read(family, body)?;
        entry.prompt = Some(order.prompt.clone());
        meet(marked_fate(&order.prompt))?;
        if self.control.filters(&order.prompt) || marked_filtered(&order.prompt) {
            entry.outcome = "filtered".into();
            return match family {
                Family::Stability { .. } => Ok(json!({"finish_reasons": ["Filter reason: prompt"]})),
                Family::Titan | Family::Nova => Err(Refusal::filtered()),
            };
        }
        let seed = match (order.seed, family) {
            (Some(seed), _) => seed,
            (None, Family::Stability { max_seed }) => random_seed(max_seed)?,
            (None, _) => 0,
        };
        entry.seed = Some(seed);
        let images = draw(order, seed).await?;
        Ok(match family {
            Family::Stability { .. } => {
                json!({"seeds": [seed], "finish_reasons": [null], "images": images})
            }
            Family::Titan | Family::Nova => json!({"images": images, "error": null}),
        })
    }
}

fn meet(fate: Fate) -> Result<(), Refusal> {
    match fate {
        Fate::Served => Ok(()),
        Fate::Throttled => Err(Refusal::throttled()),
        Fate::Failed => Err(Refusal::failed("The stand-in was told to fail.")),
    }
}

fn random_seed(max: u64) -> Result<u64, Refusal> {
    let random = getrandom::u64().map_err(|error| Refusal::failed(error.to_string()))?;
    Ok(1 + random % max)
}

/// Paints the pictures of an order as base64, on a thread that may block.
async fn draw(order: Order, seed: u64) -> Result<Vec<String>, Refusal> {
    let painted = tokio::task::spawn_blocking(move || {
        (0..order.count)
            .map(|nth| Ok(STANDARD.encode(paint(order.width, order.height, &order.prompt, seed + u64::from(nth))?)))
            .collect::<Result<Vec<_>, png::EncodingError>>()
    });
    match painted.await {
        Ok(Ok(images)) => Ok(images),
        Ok(Err(error)) => Err(Refusal::failed(error.to_string())),
        Err(error) => Err(Refusal::failed(error.to_string())),
    }
}

/// Returns the region in a Signature Version 4 credential: `AWS4-HMAC-SHA256
/// Credential=KEY/DATE/REGION/bedrock/aws4_request, …`.
fn signed_region(headers: &HeaderMap) -> Option<String> {
    let (_, credential) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once("Credential=")?;
    credential.split('/').nth(2).map(str::to_owned)
}

fn ok(value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => reply(StatusCode::OK, body),
        Err(error) => refusal_reply(&Refusal::failed(error.to_string())),
    }
}

fn refusal_reply(refusal: &Refusal) -> Reply {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = reply(status, json!({"message": refusal.message}).to_string().into_bytes());
    reply.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(refusal.code));
    reply
}

fn reply(status: StatusCode, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = getrandom::u64().map(|id| format!("local-{id:016x}"))
        && let Ok(id) = HeaderValue::from_str(&id)
    {
        reply.headers_mut().insert("x-amzn-requestid", id);
    }
    reply
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
