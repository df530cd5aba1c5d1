use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::{Changes, Ownership, REGISTRY, find};
use crate::aws::{Place, service};

#[test]
fn addresses_end_as_their_partition_has_it() {
    let queue = json!({
        "name": "q", "fifo_queue": false, "content_based_deduplication": false, "visibility_timeout": 30,
        "delay_seconds": 0, "message_retention_period": 60, "receive_message_wait_time_seconds": 0, "tags": {},
    });
    for (region, arn, url) in [
        ("eu-west-1", "arn:aws:sqs:", "https://sqs.eu-west-1.amazonaws.com/"),
        ("cn-north-1", "arn:aws-cn:sqs:", "https://sqs.cn-north-1.amazonaws.com.cn/"),
        ("us-gov-west-1", "arn:aws-us-gov:sqs:", "https://sqs.us-gov-west-1.amazonaws.com/"),
        ("eusc-de-east-1", "arn:aws-eusc:sqs:", "https://sqs.eusc-de-east-1.amazonaws.eu/"),
        ("us-iso-east-1", "arn:aws-iso:sqs:", "https://sqs.us-iso-east-1.c2s.ic.gov/"),
        ("us-isob-east-1", "arn:aws-iso-b:sqs:", "https://sqs.us-isob-east-1.sc2s.sgov.gov/"),
    ] {
        let place = Place {
            account: "123456789012".into(),
            region: region.into(),
            partition: Place::partition_of(region).into(),
            endpoint_url: None,
        };
        let outputs = find("sqs.queue").unwrap().predict(&queue, &place).unwrap();
        assert!(outputs["arn"].starts_with(arn) && outputs["url"].starts_with(url), "{outputs:?}");
    }
}

#[test]
fn a_change_touches_its_property_and_not_one_that_begins_alike() {
    let changes = Changes(vec!["tags.team".into(), "timeout".into()]);
    assert!(changes.touch("tags") && changes.touch("timeout"));
    assert!(!changes.touch("tag") && !changes.touch("time"));
    assert!(changes.touch_other_than(&["tags"]));
    assert!(!changes.touch_other_than(&["tags", "timeout"]));
}

#[test]
fn every_kind_is_registered() {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds")).expect("the kinds");
    let texts = files.filter_map(|file| fs::read_to_string(file.expect("a file").path()).ok());
    let kinds: usize = texts.map(|text| text.lines().filter(|line| line.starts_with("impl Kind for ")).count()).sum();
    assert_eq!(kinds, REGISTRY.len(), "each `impl Kind` has one line in REGISTRY");
}

#[test]
fn every_kind_states_what_all_need() {
    let mut names = BTreeSet::new();
    for about in REGISTRY.iter().map(|kind| kind.about()) {
        let name = about.name;
        let (service, resource) = name.split_once('.').expect("a service and a resource");
        assert!(!resource.is_empty() && service == about.service.name, "{name} is one of {}", about.service.name);
        assert!(service::by_name(service).is_some(), "{service} is one of aws::service::ALL");
        assert!(names.insert(name), "{name} is there twice");
        assert!(!about.identity.is_empty(), "{name} has an identity");
        assert!(about.tags.is_some() || about.ownership() != Ownership::Tags, "{name} says what its tags may be");
    }
    for about in REGISTRY.iter().map(|kind| kind.about()) {
        let others = about.part_of().into_iter().chain(about.references.needs.iter().map(|need| need.kind));
        others.for_each(|kind| assert!(names.contains(kind), "{} names the kind {kind}", about.name));
    }
}
