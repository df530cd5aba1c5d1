use super::*;
use crate::model::{Family, Quality};

fn read(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    Settings::read(|name| {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

const LEAST: [(&str, &str); 3] =
    [("BUCKET", "images"), ("MODEL_ID", "stability.stable-image-core-v1:1"), ("MODEL_REGION", "us-west-2")];

/// Reads the minimal environment, to which `pairs` are added or in which they replace values.
fn read_with(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    read(&[pairs, &LEAST[..]].concat())
}

#[test]
fn three_variables_suffice() {
    let settings = read(&LEAST).unwrap();
    assert_eq!(settings.models[0].family, Family::Stability);
    assert_eq!((settings.models[0].width, settings.models[0].height), (1024, 1024));
    assert_eq!(settings.models[0].cfg_scale, 8.0);
    assert_eq!(settings.models[0].quality, Quality::Standard);
    assert_eq!(settings.prefix, "");
    assert_eq!((settings.bucket_region, settings.bucket_owner), (None, None));
    assert!(!settings.path_style);
    assert_eq!(settings.pictures_prefix, "");
    assert_eq!((settings.model_timeout, settings.queue_url, settings.daily_limit), (None, None, None));
    assert!(settings.cors_origins.is_empty());
    assert_eq!(settings.gateway_limit, Duration::from_millis(28_500));
    assert_eq!(settings.url_ttl, Duration::from_secs(600));
}

#[test]
fn every_variable_is_heard() {
    let settings = read(&[
        ("BUCKET", "images"),
        ("PREFIX", "32/generated_images/"),
        ("BUCKET_REGION", "eu-north-1"),
        ("BUCKET_OWNER", "012345678901"),
        ("AWS_REGION", "eu-west-1"),
        ("MODEL_ID", "amazon.titan-image-generator-v1"),
        ("MODEL_REGION", "us-east-1"),
        ("IMAGE_WIDTH", "512"),
        ("IMAGE_HEIGHT", "512"),
        ("CFG_SCALE", "6.5"),
        ("QUALITY", "premium"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ("AWS_LAMBDA_LOG_LEVEL", "ERROR"),
    ])
    .unwrap();
    assert_eq!(settings.prefix, "32/generated_images");
    assert_eq!(settings.bucket_region.as_deref(), Some("eu-north-1"));
    assert_eq!(settings.bucket_owner.as_deref(), Some("012345678901"));
    assert_eq!(settings.models[0].family, Family::Titan);
    assert_eq!((settings.models[0].width, settings.models[0].height), (512, 512));
    assert_eq!(settings.models[0].cfg_scale, 6.5);
    assert_eq!(settings.models[0].quality, Quality::Premium);
    assert_eq!(settings.model_region, "us-east-1");
    assert!(settings.path_style);
    assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);
    assert_eq!(settings.least_level, Level::Error);
}

#[test]
fn all_that_is_missing_or_wrong_is_said_at_once() {
    let ConfigError(findings) = read(&[
        ("BUCKET", " "),
        ("MODEL_ID", "meta.llama,amazon.titan-image-generator-v1"),
        ("IMAGE_WIDTH", "wide"),
        ("CFG_SCALE", "NaN"),
        ("QUALITY", "best"),
    ])
    .unwrap_err();
    let all = findings.join("\n");
    for name in ["BUCKET", "MODEL_ID", "MODEL_REGION", "IMAGE_WIDTH", "CFG_SCALE", "QUALITY"] {
        assert!(all.contains(name), "{name} in {all}");
    }
    assert_eq!(findings.len(), 7, "{findings:?}");
}

#[test]
fn models_come_in_the_order_of_preference() {
    let ids = "stability.stable-image-core-v1:1 , stability.stable-image-ultra-v1:1";
    let settings = read_with(&[("MODEL_ID", ids)]).unwrap();
    let ids: Vec<_> = settings.models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["stability.stable-image-core-v1:1", "stability.stable-image-ultra-v1:1"]);
    assert!(read_with(&[("MODEL_ID", "stability.stable-image-core-v1:1,")]).is_err());
    assert!(read_with(&[("MODEL_ID", ",")]).is_err());
}

#[test]
fn limits_and_addresses_are_heard() {
    let settings = read_with(&[
        ("PREFIX", "32/generated_images"),
        ("PICTURES_PREFIX", "/32/pictures/"),
        ("MODEL_TIMEOUT", "14.5"),
        ("QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/image-requests-32"),
        ("MAX_PICTURES_PER_DAY", "200"),
        ("CORS_ORIGINS", "https://example.com, https://app.example.com:8443"),
        ("GATEWAY_TIMEOUT", "60"),
        ("URL_TTL", "604800"),
    ])
    .unwrap();
    assert_eq!((settings.prefix.as_str(), settings.pictures_prefix.as_str()), ("32/generated_images", "32/pictures"));
    assert_eq!(settings.model_timeout, Some(Duration::from_millis(14_500)));
    assert!(settings.queue_url.unwrap().ends_with("image-requests-32"));
    assert_eq!(settings.daily_limit, Some(200));
    assert_eq!(settings.cors_origins, ["https://example.com", "https://app.example.com:8443"]);
    assert_eq!(settings.gateway_limit, Duration::from_secs(60));
    assert_eq!(settings.url_ttl, Duration::from_secs(604_800));
}

#[test]
fn the_queues_pictures_lie_at_the_prefix_unless_stated() {
    let settings = read_with(&[("PREFIX", "32/generated_images/")]).unwrap();
    assert_eq!(settings.pictures_prefix, "32/generated_images");
}

#[test]
fn limits_that_cannot_work_are_refused() {
    for (name, value) in [
        ("MODEL_TIMEOUT", "0"),
        ("MODEL_TIMEOUT", "inf"),
        ("GATEWAY_TIMEOUT", "301"),
        ("GATEWAY_TIMEOUT", "NaN"),
        ("URL_TTL", "0"),
        ("URL_TTL", "604801"),
        ("MAX_PICTURES_PER_DAY", "-1"),
        ("MAX_PICTURES_PER_DAY", "many"),
        ("BUCKET_OWNER", "12345678901"),
        ("BUCKET_OWNER", "arn:aws:iam::123456789012:root"),
        ("CORS_ORIGINS", "*,https://example.com"),
        ("CORS_ORIGINS", "https://example.com/"),
        ("CORS_ORIGINS", "http://example.com"),
        ("CORS_ORIGINS", "example.com"),
        ("CORS_ORIGINS", "https://Example.com"),
        ("CORS_ORIGINS", "https://example.com:99999"),
        ("CORS_ORIGINS", "https://a.example.com https://b.example.com"),
    ] {
        let ConfigError(findings) = read_with(&[(name, value)]).unwrap_err();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains(name), "{findings:?}");
    }
    assert_eq!(read_with(&[("CORS_ORIGINS", "*")]).unwrap().cors_origins, ["*"]);
}

#[test]
fn a_queues_url_is_never_repeated_in_a_finding() {
    for url in
        ["https://user:s3cret@sqs.example.com/1/q", "s3cret", "https://sqs.example.com/q?s3cret", "https:///s3cret"]
    {
        let ConfigError(findings) = read_with(&[("QUEUE_URL", url)]).unwrap_err();
        let all = findings.join("\n");
        assert!(all.contains("QUEUE_URL") && !all.contains("s3cret"), "{all}");
    }
}

#[test]
fn an_endpoint_that_is_no_address_is_found_before_the_first_prompt() {
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL_SQS"]
    {
        for bad in ["s3.local", "https://", "http://a b", "http://user:pw@host", "http://host:port", "ftp://host"] {
            let error = read_with(&[(name, bad)]).unwrap_err();
            assert_eq!(error.0, [format!("{name} is no URL, such as https://localhost:4566")], "{bad}");
        }
        for good in ["http://127.0.0.1:4566", "https://[::1]:4566/", "https://vpce-1.s3.eu-west-1.vpce.amazonaws.com/x"]
        {
            assert!(read_with(&[(name, good)]).is_ok(), "{name} {good}");
        }
    }
}

/// Returns the only finding of the minimal environment with `pairs`.
fn finding(pairs: &[(&str, &str)]) -> String {
    let ConfigError(mut findings) = read_with(pairs).unwrap_err();
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

const LOCAL: (&str, &str) = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:4566");

#[test]
fn a_model_that_has_ended_is_refused_at_start() {
    for id in ["amazon.titan-image-generator-v2:0", "stability.stable-image-core-v1:0"] {
        let finding = finding(&[("MODEL_ID", id)]);
        assert!(finding.contains("has ended") && finding.contains("stable-image-core-v1:1"), "{finding}");
        assert!(finding.contains("MODEL_FAMILY"), "{finding}");
    }
}

#[test]
fn a_model_that_has_ended_is_only_warned_of_at_an_endpoint_of_ones_own() {
    let settings = read_with(&[("MODEL_ID", "amazon.titan-image-generator-v2:0"), LOCAL]).unwrap();
    assert!(settings.warnings[0].contains("has ended on 2026-06-30"), "{:?}", settings.warnings);
    assert_eq!(settings.models[0].family, Family::Titan);
    assert!(!settings.path_style);
}

#[test]
fn a_model_that_is_not_offered_in_the_region_is_refused_at_start() {
    let finding = finding(&[("MODEL_REGION", "eu-west-1")]);
    assert!(finding.contains("eu-west-1") && finding.contains("us-west-2"), "{finding}");
    assert_eq!(read_with(&[("MODEL_REGION", "eu-west-1"), LOCAL]).unwrap().warnings.len(), 1);
}

#[test]
fn models_that_draw_nothing_from_a_prompt_are_refused_whatever_is_stated() {
    for id in ["us.stability.stable-image-inpaint-v1:0", "stability.stable-diffusion-xl-v1"] {
        let finding = finding(&[("MODEL_ID", id), ("MODEL_FAMILY", "stability"), LOCAL]);
        assert!(finding.contains("cannot be used"), "{finding}");
    }
}

#[test]
fn an_unknown_model_is_refused_until_its_family_is_stated() {
    for id in ["stability.stable-image-core-v2:0", "amazon.titan-text-express-v1", "gpt"] {
        let finding = finding(&[("MODEL_ID", id)]);
        assert!(finding.contains("not known") && finding.contains("MODEL_FAMILY"), "{finding}");
    }
    let settings = read_with(&[("MODEL_ID", "acme.painter-v1:0"), ("MODEL_FAMILY", "nova")]).unwrap();
    assert_eq!(settings.models[0].family, Family::Nova);
}

#[test]
fn an_application_inference_profile_needs_its_family_stated() {
    let arn = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc123";
    assert!(finding(&[("MODEL_ID", arn)]).contains("MODEL_FAMILY"));
    let settings = read_with(&[("MODEL_ID", arn), ("MODEL_FAMILY", "stability")]).unwrap();
    assert_eq!((settings.models[0].id.as_str(), settings.models[0].family), (arn, Family::Stability));
}

#[test]
fn a_stated_family_lifts_the_table_but_cannot_contradict_it() {
    let ended = ("MODEL_ID", "amazon.nova-canvas-v1:0");
    assert!(read_with(&[ended, ("MODEL_FAMILY", "nova"), ("MODEL_REGION", "eu-north-1")]).is_ok());
    assert!(finding(&[ended, ("MODEL_FAMILY", "stability")]).contains("MODEL_FAMILY"));
    assert!(finding(&[("MODEL_FAMILY", "dalle")]).contains("stability, titan, nova"));
}

#[test]
fn an_arn_or_profile_of_another_region_is_refused() {
    for id in [
        "arn:aws:bedrock:us-east-1::foundation-model/stability.stable-image-core-v1:1",
        "eu.stability.stable-image-core-v1:1",
    ] {
        assert!(finding(&[("MODEL_ID", id)]).contains("MODEL_REGION"), "{id}");
    }
    for id in [
        "arn:aws:bedrock:us-west-2::foundation-model/stability.stable-image-core-v1:1",
        "us.stability.stable-image-core-v1:1",
    ] {
        assert!(read_with(&[("MODEL_ID", id)]).is_ok(), "{id}");
    }
    assert!(finding(&[("MODEL_ID", "arn:aws:s3:::images")]).contains("is an ARN"));
}

#[test]
fn a_mistyped_region_or_bucket_is_found_before_the_first_prompt() {
    for (name, value) in
        [("MODEL_REGION", "us-wst-2"), ("BUCKET_REGION", "ireland"), ("BUCKET", "s3://images"), ("BUCKET", "Images")]
    {
        let ConfigError(findings) = read_with(&[(name, value)]).unwrap_err();
        assert!(findings.iter().any(|finding| finding.starts_with(name)), "{findings:?}");
    }
}

#[test]
fn every_model_of_a_list_is_checked() {
    let ids = "stability.stable-image-core-v1:1,stability.stable-image-ultra-v1:0,gpt";
    let ConfigError(findings) = read_with(&[("MODEL_ID", ids)]).unwrap_err();
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn a_size_the_model_does_not_draw_is_refused_and_stability_has_none() {
    let size = [("IMAGE_WIDTH", "600"), ("IMAGE_HEIGHT", "600")];
    let titan = [("MODEL_ID", "amazon.titan-image-generator-v2:0"), LOCAL];
    let finding = finding(&[&titan[..], &size[..]].concat());
    assert!(finding.contains("600×600") && finding.contains("1024×1024"), "{finding}");
    assert!(read_with(&size).is_ok());
    assert!(read_with(&[("IMAGE_WIDTH", "wide"), ("QUALITY", "best")]).is_ok());
}
