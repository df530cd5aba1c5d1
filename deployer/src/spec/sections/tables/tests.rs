use serde_json::{Value, json};

use crate::kinds::dynamodb_table::AWS_KEY;
use crate::spec::document::Document;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

fn inputs(preview: Option<&str>) -> Inputs {
    let env = [("AWS_REGION".to_owned(), "eu-west-1".to_owned())].into();
    Inputs { env, preview: preview.map(str::to_owned), ..Inputs::default() }
}

fn document(own: &str, preview: Option<&str>) -> Document {
    let text = format!("stack: shop\ntables:\n  orders: {own}\n");
    let loaded = Document::load(SourceText::new("stack.yaml", text.as_bytes()), &inputs(preview));
    loaded.unwrap_or_else(|failure| panic!("{own}: {failure:?}")).0
}

/// Returns the spec of the table.
fn spec(own: &str) -> Value {
    document(own, None).lower().0.resources.remove(0).spec
}

/// Lists the codes and the places of the findings.
fn findings(own: &str) -> Vec<(&'static str, String)> {
    let text = format!("stack: shop\ntables:\n  orders: {own}\n");
    let found = match Document::load(SourceText::new("stack.yaml", text.as_bytes()), &inputs(None)) {
        Ok((document, mut warnings)) => {
            warnings.0.extend(document.lower().1.0);
            warnings
        }
        Err(invalid) => invalid.findings,
    };
    let place = |finding: &crate::spec::finding::Finding| finding.path.0[2..].join(".");
    let mut all: Vec<_> = found.0.iter().map(|finding| (finding.code, place(finding))).collect();
    all.dedup();
    all
}

fn code(own: &str) -> Vec<&'static str> {
    findings(own).into_iter().map(|(code, _)| code).collect()
}

fn key(name: &str, kind: &str, role: &str) -> Value {
    json!({ "attribute_name": name, "attribute_type": kind, "key_type": role })
}

#[test]
fn a_name_alone_is_a_text_and_a_type_that_is_stated_once_holds_everywhere() {
    let spec = spec(
        "{ partition_key: customer, sort_key: { placed_at: N }, local_secondary_indexes: { by-total: { sort_key: { total: N } } }, \
         global_secondary_indexes: { by-time: { partition_key: [status, customer], sort_key: placed_at } } }",
    );
    assert_eq!(spec["key_schema"], json!([key("customer", "S", "HASH"), key("placed_at", "N", "RANGE")]));
    let local = &spec["local_secondary_indexes"]["by-total"];
    assert_eq!(local["key_schema"], json!([key("customer", "S", "HASH"), key("total", "N", "RANGE")]));
    let global = &spec["global_secondary_indexes"]["by-time"]["key_schema"];
    assert_eq!(
        *global,
        json!([key("status", "S", "HASH"), key("customer", "S", "HASH"), key("placed_at", "N", "RANGE")])
    );
}

#[test]
fn what_is_left_out_is_stated_as_awss_default_and_the_data_are_safe() {
    let lowered = document("{ partition_key: id }", None).lower().0.resources;
    let [table] = &lowered[..] else { panic!("a table alone: {lowered:?}") };
    assert!(table.protect);
    let spec = &table.spec;
    assert_eq!((&spec["table_name"], &spec["billing_mode"]), (&json!("shop-orders"), &json!("PAY_PER_REQUEST")));
    assert_eq!(spec["point_in_time_recovery"], json!({ "recovery_period_in_days": 35 }));
    assert_eq!((&spec["table_class"], &spec["deletion_protection_enabled"]), (&json!("STANDARD"), &json!(false)));
    assert_eq!(spec["tags"]["deployer:address"], "tables.orders");
    assert!(spec.get("time_to_live").is_none() && spec.get("kms_master_key_id").is_none());
    assert!(document("{ partition_key: id, point_in_time_recovery: false }", None).lower().0.resources[0].spec["point_in_time_recovery"].is_null());
}

#[test]
fn a_table_is_protected_unless_it_says_otherwise_or_is_one_of_a_preview() {
    let is_protected = |own: &str, preview| {
        let document = document(own, preview);
        (document.lower().0.resources[0].protect, document.keeps("tables.orders").protect)
    };
    assert_eq!(is_protected("{ partition_key: id }", None), (true, true));
    assert_eq!(is_protected("{ partition_key: id, protect: false }", None), (false, false));
    assert_eq!(is_protected("{ partition_key: id }", Some("pr-7")), (false, false));
    assert_eq!(is_protected("{ partition_key: id, protect: true }", Some("pr-7")), (true, true));
}

#[test]
fn a_stream_is_a_part_of_its_own_that_its_tables_protection_does_not_hold() {
    let lowered = document("{ partition_key: id, stream: KEYS_ONLY }", None).lower().0;
    let stream = &lowered.resources[1];
    assert_eq!((stream.address.as_str(), stream.protect), ("tables.orders.stream", false));
    assert_eq!(stream.spec, json!({ "table_name": "${tables.orders.name}", "stream_view_type": "KEYS_ONLY" }));
    let alias = lowered.aliases.get(&("tables.orders".to_owned(), "stream_arn".to_owned()));
    assert_eq!(alias, Some(&("tables.orders.stream".to_owned(), "arn".to_owned())));
}

#[test]
fn an_index_without_capacity_has_the_tables_and_a_list_of_attributes_is_sorted() {
    let spec = spec(
        "{ partition_key: id, billing_mode: PROVISIONED, provisioned_throughput: { read_capacity_units: 7, write_capacity_units: 8 }, \
         global_secondary_indexes: { by-user: { partition_key: user, projection: [b, a] } } }",
    );
    let index = &spec["global_secondary_indexes"]["by-user"];
    assert_eq!(index["provisioned_throughput"], json!({ "read_capacity_units": 7, "write_capacity_units": 8 }));
    assert_eq!(index["projection"], json!({ "projection_type": "INCLUDE", "non_key_attributes": ["a", "b"] }));
}

#[test]
fn keys_that_dynamodb_does_not_take_are_found_at_their_place() {
    assert_eq!(findings("{ billing_mode: PAY_PER_REQUEST }"), [("table::key", String::new())]);
    assert_eq!(findings("{ partition_key: id, sort_key: id }"), [("table::key", "sort_key".into())]);
    let twice = "{ partition_key: id, global_secondary_indexes: { by-a: { partition_key: [a, b], sort_key: a } } }";
    assert_eq!(findings(twice), [("table::key", "global_secondary_indexes.by-a.sort_key".into())]);
    let types =
        "{ partition_key: { id: S }, global_secondary_indexes: { by-a: { partition_key: a, sort_key: { id: N } } } }";
    assert_eq!(findings(types), [("table::attribute-type", "global_secondary_indexes.by-a.sort_key".into())]);
    let local = "{ partition_key: id, local_secondary_indexes: { by-a: { sort_key: a } } }";
    assert_eq!(findings(local), [("table::local-index", "local_secondary_indexes".into())]);
    assert!(!code("{ partition_key: { id: X } }").is_empty());
    let two = code("{ partition_key: { a: S, b: S } }");
    assert!(!two.is_empty(), "{two:?}");
    assert!(!code("{ partition_key: [a, b] }").is_empty(), "only an index has several");
}

#[test]
fn indexes_that_dynamodb_does_not_take_are_found() {
    let many =
        |count: usize| (0..count).map(|n| format!("i-{n:02}: {{ partition_key: a }}")).collect::<Vec<_>>().join(", ");
    assert!(code(&format!("{{ partition_key: id, global_secondary_indexes: {{ {} }} }}", many(20))).is_empty());
    assert_eq!(
        code(&format!("{{ partition_key: id, global_secondary_indexes: {{ {} }} }}", many(21))),
        ["table::index-count"]
    );
    let short = "{ partition_key: id, global_secondary_indexes: { ab: { partition_key: a } } }";
    assert_eq!(code(short), ["table::index-name"]);
    let both = "{ partition_key: id, sort_key: at, local_secondary_indexes: { one: { sort_key: a } }, global_secondary_indexes: { one: { partition_key: a } } }";
    assert_eq!(code(both), ["table::index-name"]);
    let attributes = |from: usize| (0..20).map(|n| format!("a{}", from + n)).collect::<Vec<_>>().join(", ");
    let wide = |count: usize| {
        let indexes =
            (0..count).map(|n| format!("i-{n}: {{ partition_key: a, projection: [{}] }}", attributes(20 * n)));
        format!("{{ partition_key: id, global_secondary_indexes: {{ {} }} }}", indexes.collect::<Vec<_>>().join(", "))
    };
    assert!(code(&wide(5)).is_empty());
    assert_eq!(code(&wide(6)), ["table::projection"]);
}

#[test]
fn throughput_of_the_other_capacity_mode_is_found() {
    let units = "{ read_capacity_units: 1, write_capacity_units: 1 }";
    assert_eq!(code("{ partition_key: id, billing_mode: PROVISIONED }"), ["table::throughput"]);
    assert_eq!(
        findings(&format!("{{ partition_key: id, provisioned_throughput: {units} }}")),
        [("table::throughput", "provisioned_throughput".into())]
    );
    let limited = format!(
        "{{ partition_key: id, billing_mode: PROVISIONED, provisioned_throughput: {units}, on_demand_throughput: {{ max_read_request_units: 1 }} }}"
    );
    assert_eq!(findings(&limited), [("table::throughput", "on_demand_throughput".into())]);
    let index = format!(
        "{{ partition_key: id, global_secondary_indexes: {{ by-a: {{ partition_key: a, provisioned_throughput: {units} }} }} }}"
    );
    assert_eq!(
        findings(&index),
        [("table::throughput", "global_secondary_indexes.by-a.provisioned_throughput".into())]
    );
    assert_eq!(
        code("{ partition_key: id, warm_throughput: { read_units_per_second: 11999, write_units_per_second: 4000 } }"),
        ["table::warm-throughput"]
    );
    assert!(
        code("{ partition_key: id, warm_throughput: { read_units_per_second: 12000, write_units_per_second: 4000 } }")
            .is_empty()
    );
}

#[test]
fn an_expiry_that_never_comes_and_a_recovery_that_is_off_are_found() {
    assert_eq!(code("{ partition_key: id, time_to_live: id }"), ["table::time-to-live"]);
    assert!(code("{ partition_key: id, sort_key: { at: N }, time_to_live: at }").is_empty());
    assert!(code("{ partition_key: id, time_to_live: expires_at }").is_empty());
    let off = "{ partition_key: id, point_in_time_recovery: false, recovery_period_in_days: 7 }";
    assert_eq!(findings(off), [("table::recovery", "recovery_period_in_days".into())]);
}

#[test]
fn an_external_table_needs_its_name_alone() {
    assert!(code("{ name: legacy-orders, external: true }").is_empty());
    let lowered = document("{ name: legacy-orders, external: true, stream: NEW_IMAGE }", None).lower().0.resources;
    assert!(lowered.iter().all(|resource| resource.external) && lowered.len() == 2);
}

#[test]
fn the_key_of_aws_is_written_as_dynamodb_names_it() {
    assert_eq!(spec("{ partition_key: id, kms_master_key_id: alias/aws/dynamodb }")["kms_master_key_id"], AWS_KEY);
}
