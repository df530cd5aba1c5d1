//! `buses:` — event buses of EventBridge.

mod uncovered;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::about::{About, Arrow, Draw, KeyProperty, PictureStyle, Refusals, Shape, Suffix, Usage, longest_name};
use super::fifo::{fifo_of, target_name};
use super::permission::{Of, check_document};
use super::scheduling::target_arn;
use super::{LoweredStack, Resource, Resources, Scope, Section};
use crate::kinds::Kind;
use crate::kinds::event_bus::{DEFAULT_BUS, DeadLetterConfig, EventBus, EventBusKind, LogConfig};
use crate::spec::document::Document;
use crate::spec::finding::Findings;

/// Longest name of a bus, in characters.
const NAME_LENGTH: usize = longest_name::<EventBusKind>();

/// The buses section.
pub struct Buses;

/// An event bus. The account's own bus needs no element: rules name it `default`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BusElement {
    /// The bus's name in AWS. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[/._A-Za-z0-9-]+$"))]
    pub name: Option<String>,
    /// The purpose of the bus.
    #[schemars(length(max = 512))]
    pub description: Option<String>,
    /// A resource policy: an IAM policy document that lets other accounts send.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub policy: Option<Value>,
    /// The queue that receives events which EventBridge cannot deliver or decrypt: its name in this stack, or its ARN.
    #[schemars(length(min = 1))]
    pub dead_letter: Option<String>,
    /// The KMS key for the events on the bus. Its policy has to let EventBridge use it.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_/:-]*$"))]
    pub kms_key_identifier: Option<String>,
    /// What EventBridge logs about the bus.
    #[serde(default)]
    pub log_level: LogLevel,
    /// Whether logs include the events themselves.
    #[serde(default)]
    pub log_detail: bool,
}

/// The lowest level of the lines that EventBridge logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    #[default]
    Off,
    Error,
    Info,
    Trace,
}

impl LogLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Error => "ERROR",
            Self::Info => "INFO",
            Self::Trace => "TRACE",
        }
    }
}

impl Section for Buses {
    const ABOUT: &'static About = &About {
        name: "buses",
        singular: "event bus",
        example: include_str!("examples/buses.yaml"),
        synonyms: &[
            ("eventbusname", "name"),
            ("busname", "name"),
            ("deadletterconfig", "dead_letter"),
            ("eventbus", "buses"),
            ("eventbuses", "buses"),
            ("kmskey", "kms_key_identifier"),
            ("kmskeyid", "kms_key_identifier"),
        ],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M3 12 H21 M7 12 V6 M12 12 V18 M17 12 V6 M5.5 6 H8.5 M10.5 18 H13.5 M15.5 6 H18.5",
            shape: Shape::Hexagon,
            arrows: &[Arrow { from: EventBusKind::NAME, to: None, draw: Draw::To("dead letters") }],
        },
        one_of: &[],
        key: Some(KeyProperty { kind: EventBusKind::NAME, pointer: "/kms_key_identifier", service: "events" }),
        usage: Some(Usage { kind: EventBusKind::NAME, allow: &["events:PutEvents"], on: "" }),
        refusals: Refusals {
            operations: &[("events:PutPermission", &["policy"])],
            codes: &[("PolicyLengthExceededException", &["policy"]), ("ResourceAlreadyExistsException", &["name"])],
            words: &[
                ("dead_letter_config", &["dead_letter"]),
                ("kms_key", &["kms_key_identifier"]),
                ("log_config", &["log_level"]),
                ("policy_document", &["policy"]),
            ],
            parts: &[],
        },
    };
    type Element = BusElement;

    fn check(bus: &BusElement, at: &Scope<'_>, findings: &mut Findings) {
        let name = bus.name.as_deref().unwrap_or_default();
        if !at.common.external && name == DEFAULT_BUS {
            findings
                .error(
                    "bus::default",
                    at.path(["name"]),
                    "every account has the bus `default`, and no stack creates it",
                )
                .help("remove the element: rules name it with `bus: default`. To refer to it, add `external: true`");
        } else if !at.common.external && name.contains('/') {
            findings
                .error(
                    "bus::partner",
                    at.path(["name"]),
                    "only a partner's bus has a `/` in its name, and the partner creates it",
                )
                .help("write a name without `/`, or add `external: true`");
        }
        if let Some(policy) = &bus.policy {
            check_document(policy, Of::Resource("events"), &at.path(["policy"]), findings);
        }
        if bus.log_detail && bus.log_level == LogLevel::Off {
            findings
                .warning(
                    "bus::log-detail",
                    at.path(["log_detail"]),
                    "nothing is logged, so nothing is logged in detail",
                )
                .at_key()
                .help("add `log_level: ERROR`, or remove this property");
        }
    }

    fn lower(element: BusElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let detail = if element.log_detail { "FULL" } else { "NONE" };
        let bus = EventBus {
            name: element.name.unwrap_or_else(|| at.name_within(NAME_LENGTH)),
            description: element.description.filter(|text| !text.is_empty()),
            policy: element.policy.map(|document| document.to_string()),
            kms_key_identifier: element.kms_key_identifier.filter(|key| !key.is_empty()),
            dead_letter_config: element.dead_letter.map(|queue| DeadLetterConfig { arn: target_arn("queues", &queue) }),
            log_config: LogConfig { include_detail: detail.to_owned(), level: element.log_level.name().to_owned() },
            tags: at.tags(&at.element()),
        };
        out.add::<EventBusKind>(at, at.element(), &bus);
    }

    fn lint(document: &Document, all: &Resources<'_>, bus: &Resource, findings: &mut Findings) {
        let queue = &bus.spec["dead_letter_config"]["arn"];
        if fifo_of(all, queue) == Some(true) {
            let name = target_name(all, queue);
            let message = format!("`{name}` is FIFO, and EventBridge sends what it cannot deliver to standard queues");
            findings
                .error("bus::dead-letter-type", document.locate(&bus.element).then("dead_letter"), message)
                .help("name a standard queue");
        }
    }
}
