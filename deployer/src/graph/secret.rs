//! Reports secrets in places where they cannot stay secret: in resource identities and in the stack's outputs.

use super::resolve::{self, KnownOutputs};
use super::{Graph, Node};
use crate::aws::stored::Stored;
#[cfg(doc)]
use crate::kinds::About;
use crate::spec::document::Document;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::head::StateLocation;

/// Reports secrets in identities. An identity occurs in addresses, ARNs, tags and the state, where it must be readable:
/// AWS cannot find a resource by the fingerprint of its name. The properties in [`About::may_be_secret`] are allowed:
/// the address then names the variable.
pub fn check(graph: &Graph, document: &Document, findings: &mut Findings) {
    let secrets = document.secrets();
    let before = findings.0.len();
    for (path, text, what) in head(document) {
        if secrets.touches(text) {
            refuse(document, path, text, what, findings);
        }
    }
    // The stack's name is part of nearly every other name, so those would only repeat the finding.
    if findings.0.len() == before {
        graph.nodes().for_each(|node| resource(node, document, findings));
    }
    for (name, text) in graph.outputs() {
        if secrets.touches(text) {
            findings
                .warning(
                    "stack::secret-output",
                    DocPath::of(["outputs", name]),
                    format!("the output `{name}` holds a secret: it is shown as `(sensitive)` and not kept"),
                )
                .help("hand the secret on by other means, or drop the output");
        }
    }
}

/// Lists the texts at the top level that identify the stack or its state.
fn head(document: &Document) -> Vec<(DocPath, &str, &'static str)> {
    let mut all = vec![
        (DocPath::of(["stack"]), document.stack(), "the stack's name"),
        (DocPath::of(["region"]), document.region(), "the stack's region"),
    ];
    all.extend(document.account().map(|account| (DocPath::of(["account"]), account, "the stack's account")));
    match document.state() {
        Some(StateLocation::S3(s3)) => {
            all.push((DocPath::of(["state", "bucket"]), &s3.bucket, "the state's place"));
            all.push((DocPath::of(["state", "key"]), &s3.key, "the state's place"));
            let key = s3.encryption.as_ref().and_then(|encryption| encryption.kms_master_key_id.as_deref());
            let path = DocPath::of(["state", "encryption", "kms_master_key_id"]);
            all.extend(key.map(|key| (path, key, "the state's place")));
        }
        Some(StateLocation::Directory(directory)) => {
            all.push((DocPath::of(["state", "path"]), &directory.path, "the state's place"));
        }
        None => {}
    }
    all
}

fn resource(node: &Node, document: &Document, findings: &mut Findings) {
    // Considers only the resource's own texts. A resource that it refers to is checked itself.
    let place = resolve::nowhere();
    let spec = resolve::value(&node.spec, &KnownOutputs::new(), &place);
    let mut shown = vec![node.address.clone(), node.kind.identify_in_clear(&spec)];
    // A property besides the name may be part of the ARN, such as a role's path.
    shown.extend(node.kind.predict(&spec, &place).unwrap_or_default().into_values());
    let Some(text) = shown.into_iter().find(|text| document.secrets().touches(text)) else { return };
    let path = document.find_secret(&node.element, &text);
    refuse(document, path, &text, &format!("what identifies `{}`", node.address), findings);
}

/// Returns how the variable would stop being a secret, if it can.
fn otherwise(document: &Document, name: &str) -> String {
    match document.stored().get(name) {
        None => format!(", or drop `secret: true` from `vars.{name}`"),
        Some(Stored::Parameter(_)) => {
            format!(", or write `secret: false` in `vars.{name}`, if the parameter is no SecureString")
        }
        Some(Stored::Secret(_)) => "; a value of Secrets Manager is always a secret".to_owned(),
    }
}

fn refuse(document: &Document, path: DocPath, text: &str, what: &str, findings: &mut Findings) {
    let (secret, help) = match document.secrets().variable_in(text) {
        Some(name) => (format!("the secret `{name}`"), format!("use another value here{}", otherwise(document, name))),
        None => ("a secret".to_owned(), "use another value here".to_owned()),
    };
    findings
        .error(
            "stack::secret-identity",
            path,
            format!("{secret} is a part of {what}, which AWS and the state show to all"),
        )
        .help(help);
}
