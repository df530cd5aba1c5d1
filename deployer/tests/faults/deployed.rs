//! The snapshot that a deployment of an API takes. AWS serves the snapshot until the next deployment; the local AWS
//! serves the API's current routes and keeps no snapshot.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value;

/// Returns the call that reads the API's paths and methods, if `request` creates a deployment.
pub fn look(request: &HttpRequest) -> Option<HttpRequest> {
    let (api, _) =
        request.uri().split_once("/deployments").filter(|(api, rest)| api.contains("/restapis/") && rest.is_empty())?;
    if request.method() != "POST" {
        return None;
    }
    let address = format!("{api}/resources?limit=500&embed=methods");
    let mut look = request.try_clone()?;
    look.set_uri(address).ok()?;
    look.set_method("GET").ok()?;
    look.headers_mut().remove("content-length");
    *look.body_mut() = SdkBody::empty();
    Some(look)
}

/// Reads a response's document and restores the response's body.
pub async fn document(answer: &mut HttpResponse) -> Value {
    let body = ByteStream::new(answer.take_body()).collect().await.map(|all| all.to_vec()).unwrap_or_default();
    let document = serde_json::from_slice(&body).unwrap_or_default();
    *answer.body_mut() = SdkBody::from(body);
    document
}

/// Returns the listed paths and methods, without their ids.
pub fn paths(mut listed: Value) -> Value {
    for resource in listed["item"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        resource.retain(|name, _| !["id", "parentId"].contains(&name.as_str()));
    }
    listed["item"].take()
}
