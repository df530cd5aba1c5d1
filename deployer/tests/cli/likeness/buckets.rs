//! Rules about buckets that web pages use.

use aws_sdk_s3::types::{
    BucketLocationConstraint, CorsConfiguration, CorsRule, CreateBucketConfiguration, ErrorDocument, IndexDocument,
    WebsiteConfiguration,
};

use super::scene::Scene;

/// The headers of a browser's question before a request.
const QUESTION: &str = "origin: https://a.example\r\naccess-control-request-method: PUT\r\n";
const ALLOWED: &str = "access-control-allow-origin: https://a.example";

async fn bucket(scene: &Scene, name: &str) {
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1).build();
    let create = scene.clients.s3.create_bucket().bucket(name).create_bucket_configuration(place);
    create.send().await.expect("a bucket");
}

fn rules(site: &str) -> CorsConfiguration {
    let rule = CorsRule::builder().allowed_origins(site).allowed_methods("PUT").build().expect("a rule");
    CorsConfiguration::builder().cors_rules(rule).build().expect("rules")
}

/// A browser's question is answered by the rules of the bucket that it asks about.
pub async fn cors(scene: &Scene) -> bool {
    bucket(scene, "asked").await;
    let put = |site: &str| scene.clients.s3.put_bucket_cors().bucket("asked").cors_configuration(rules(site)).send();
    let ask = || {
        let (status, answer) = scene.local.send("endpoint_url", "OPTIONS /asked/a.png", QUESTION, "");
        (status, answer.to_lowercase())
    };
    if ask().0 == 200 {
        return false;
    }
    put("https://*.*.example").await.expect_err("two wildcards");
    put("https://b.example").await.expect("rules");
    assert_eq!(ask().0, 403, "another site may");
    put("https://a.example").await.expect("rules");
    let (status, answer) = ask();
    assert!(status == 200 && answer.contains(ALLOWED), "{answer}");
    true
}

/// A website serves what everybody may read.
pub async fn website(scene: &Scene) -> bool {
    let s3 = &scene.clients.s3;
    bucket(scene, "shown").await;
    let put =
        |website: WebsiteConfiguration| s3.put_bucket_website().bucket("shown").website_configuration(website).send();
    let error = ErrorDocument::builder().key("404.html").build().expect("a document");
    if put(WebsiteConfiguration::builder().error_document(error.clone()).build()).await.is_ok() {
        return false;
    }
    let index = IndexDocument::builder().suffix("index.html").build().expect("a document");
    put(WebsiteConfiguration::builder().index_document(index).error_document(error).build()).await.expect("a website");
    for (key, text) in [("index.html", "home"), ("docs/index.html", "guide"), ("404.html", "lost")] {
        s3.put_object().bucket("shown").key(key).body(text.as_bytes().to_vec().into()).send().await.expect("an object");
    }
    let address = scene.local.text("endpoint_url");
    let port = address.rsplit(':').next().expect("a port");
    let host = format!("host: shown.s3-website.localhost:{port}\r\n");
    let get = |path: &str| scene.local.send("endpoint_url", &format!("GET {path}"), &host, "");
    assert_eq!(get("/").0, 403, "nobody may read it");
    let statement = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::shown/*"}"#;
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    s3.delete_public_access_block().bucket("shown").send().await.expect("it is open");
    s3.put_bucket_policy().bucket("shown").policy(policy).send().await.expect("a policy");
    let (status, answer) = get("/");
    assert!(status == 200 && answer.ends_with("home"), "{answer}");
    let (status, answer) = get("/docs");
    assert!(status == 302 && answer.to_lowercase().contains("location: /docs/"), "{answer}");
    let (status, answer) = get("/docs/");
    assert!(status == 200 && answer.ends_with("guide"), "{answer}");
    let (status, answer) = get("/nothing");
    assert!(status == 403 && answer.ends_with("lost"), "S3 tells nobody which objects are missing: {answer}");
    true
}
