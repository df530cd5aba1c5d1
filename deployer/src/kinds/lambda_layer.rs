//! `lambda.layer`: a layer of functions, of which AWS keeps every version.
//!
//! **Guarantees**: a version never changes, so each change publishes another one, whose ARN functions get in the same
//! run. The newest ten versions are kept: versions of functions that use an older one go on running. A version whose
//! publication was not recorded is found again and not published twice.
//! **Assumptions**: the zip with the spec's `content.sha256` has been handed to [`Aws::put_code`].
//! **Caveats**: a layer has no tags. The description of a version names the stack that published it, so that versions of
//! others under the same name stay as they are.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Architecture, LayerVersionContentInput, LayerVersionsListItem as Version, Runtime};
use aws_smithy_types::retry::RetryConfig;
use futures::future::{join_all, try_join_all};
use serde::{Deserialize, Serialize};

use super::{
    About, ArtifactProperty, Changes, CreatedResource, Excess, Grant, Kind, NameProperty, ObservedResource, Op,
    Outputs, Person, Rule,
};
use crate::aws::service::LAMBDA;
use crate::aws::{Aws, AwsError, Place, Trust, once};

/// The layer kind.
pub struct LambdaLayer;

/// A layer, by its newest version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    pub layer_name: String,
    /// The stack whose versions count. Empty: all versions.
    pub owner: String,
    pub content: LayerZip,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_info: Option<String>,
    #[serde(default)]
    pub compatible_runtimes: Vec<String>,
    #[serde(default)]
    pub compatible_architectures: Vec<String>,
}

/// The zip of a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerZip {
    /// AWS's `CodeSha256`: SHA-256 of the zip, in base64.
    pub sha256: String,
    /// Bytes of the zip, for people. Only the hash is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

const ABSENT: &[&str] = &["ResourceNotFoundException"];
/// The number of versions that are kept, as of functions.
const KEPT: usize = 10;
/// The most characters of a description, with the owner.
const DESCRIPTION: usize = 256;
/// Precedes the owner at the end of a version's description.
const MARK: &str = "(deployer:stack=";
/// The properties of a version.
const ALL: &[&str] = &["content", "description", "license_info", "compatible_runtimes", "compatible_architectures"];

impl Kind for LambdaLayer {
    const ABOUT: About = About {
        outputs: &["name", "arn", "version"],
        identity: &["layer_name", "owner"],
        owner_property: Some("owner"),
        rules: &[
            ("layer_name", Rule::Replace("Lambda cannot rename a layer")),
            ("owner", Rule::Replace("the versions of a layer have the stack's name")),
            ("content.size", Rule::Unmanaged),
            ("compatible_runtimes", Rule::Unordered),
            ("compatible_architectures", Rule::Unordered),
        ],
        named: Some(NameProperty::of("layer_name", 140)),
        artifact: Some(ArtifactProperty {
            name: "content",
            digest: "sha256",
            size: "size",
            uploads: ALL,
            words: "the layer's content",
            joined: None,
        }),
        renewed: ALL,
        person: Person {
            moved: Some("functions outside this stack that use it need the ARN of its versions"),
            seconds: (1.0, 0.4),
            ..Person::DEFAULT
        },
        ..About::of("lambda.layer", &LAMBDA)
    };
    type Spec = Layer;

    fn limits(spec: &Layer) -> Vec<Excess> {
        let size = describe(spec).chars().count();
        let message = format!(
            "the description has {size} characters with the stack's name, which is added to it; AWS takes {DESCRIPTION}"
        );
        let excess = Excess {
            code: "layer::description",
            properties: &["description"],
            message,
            help: "shorten it",
            doubt: false,
        };
        if size > DESCRIPTION { vec![excess] } else { Vec::new() }
    }

    /// Predicts the name. AWS numbers the versions, so the ARN of one is known once it is published.
    fn predict(spec: &Layer, _: &Place) -> Outputs {
        Outputs::from([("name".into(), spec.layer_name.clone())])
    }

    fn iam(op: Op, spec: &Layer, place: &Place) -> Vec<Grant> {
        let layer = place.arn("lambda", &format!("layer:{}", spec.layer_name));
        let versions = format!("{layer}:*");
        let list = Grant::new(&["lambda:ListLayerVersions"], "*");
        let read = Grant::new(&["lambda:GetLayerVersion"], &versions);
        let publish = || Grant::new(&["lambda:PublishLayerVersion"], &layer);
        let delete = || Grant::new(&["lambda:DeleteLayerVersion"], &versions);
        match op {
            Op::Read => vec![list, read],
            Op::Present => vec![list],
            Op::Create => vec![list, read, publish()],
            Op::Update => vec![list, read, publish(), delete()],
            Op::Delete => vec![list, delete()],
        }
    }

    fn any_named(names: &str, _: &Place) -> Vec<Layer> {
        vec![Layer { layer_name: names.to_owned(), ..Layer::default() }]
    }

    /// Reads the newest version of the owner: ListLayerVersions, then GetLayerVersion for the hash of its zip.
    async fn read(aws: &Aws, spec: &Layer, _: Trust) -> Result<Option<ObservedResource<Layer>>, AwsError> {
        let Some(newest) = newest(aws, spec).await? else { return Ok(None) };
        let call = aws.clients.lambda.get_layer_version().layer_name(&spec.layer_name).version_number(newest.version);
        let found = aws.find("lambda:GetLayerVersion", ABSENT, call.send()).await?;
        // It was deleted between the two calls.
        let Some(content) = found.and_then(|found| found.content) else { return Ok(None) };
        let sha256 = content.code_sha256.unwrap_or_default();
        let content = LayerZip { sha256, size: u64::try_from(content.code_size).ok() };
        observe_version(spec, newest, content).map(Some)
    }

    /// Reads the newest version without its hash: ListLayerVersions.
    async fn present(aws: &Aws, spec: &Layer) -> Result<Option<ObservedResource<Layer>>, AwsError> {
        let Some(newest) = newest(aws, spec).await? else { return Ok(None) };
        observe_version(spec, newest, spec.content.clone()).map(Some)
    }

    async fn create(aws: &Aws, want: &Layer) -> Result<CreatedResource, AwsError> {
        let made = publish(aws, want).await?;
        Ok(CreatedResource { outputs: outputs(want, &made), physical_id: made.arn })
    }

    /// Publishes another version, and deletes the versions beyond the newest ten.
    async fn update(aws: &Aws, _: &ObservedResource<Layer>, want: &Layer, _: &Changes) -> Result<(), AwsError> {
        publish(aws, want).await?;
        prune(aws, want).await;
        Ok(())
    }

    /// Deletes all versions of the owner. Functions that use one go on running.
    async fn delete(aws: &Aws, live: &ObservedResource<Layer>) -> Result<(), AwsError> {
        let versions = list(aws, &live.spec, usize::MAX).await?;
        let deletions = versions.iter().map(|version| remove(aws, &live.spec.layer_name, version.version));
        try_join_all(deletions).await.map(drop)
    }
}

/// A version that was published.
struct PublishedVersion {
    number: i64,
    arn: String,
}

fn outputs(spec: &Layer, version: &PublishedVersion) -> Outputs {
    Outputs::from([
        ("name".into(), spec.layer_name.clone()),
        ("arn".into(), version.arn.clone()),
        ("version".into(), version.number.to_string()),
    ])
}

fn observe_version(spec: &Layer, version: Version, content: LayerZip) -> Result<ObservedResource<Layer>, AwsError> {
    let arn = version.layer_version_arn.ok_or_else(|| AwsError::missing(LIST, "LayerVersionArn"))?;
    let published = PublishedVersion { number: version.version, arn };
    let runtimes = version.compatible_runtimes.unwrap_or_default();
    let architectures = version.compatible_architectures.unwrap_or_default();
    let layer = Layer {
        layer_name: spec.layer_name.clone(),
        owner: spec.owner.clone(),
        content,
        description: split_description(version.description.as_deref().unwrap_or_default()).0,
        license_info: version.license_info.filter(|text| !text.is_empty()),
        compatible_runtimes: sort_names(runtimes.iter().map(Runtime::as_str)),
        compatible_architectures: sort_names(architectures.iter().map(Architecture::as_str)),
    };
    let outputs = outputs(spec, &published);
    Ok(ObservedResource::new(published.arn, layer, outputs))
}

fn sort_names<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut texts: Vec<String> = texts.map(str::to_owned).collect();
    texts.sort();
    texts
}

/// Returns the description as AWS keeps it: with the owner.
fn describe(spec: &Layer) -> String {
    let stated = spec.description.as_deref().unwrap_or_default();
    format!("{stated} {MARK}{})", spec.owner).trim_start().to_owned()
}

/// Splits a description in AWS into the user's text and the owner.
fn split_description(description: &str) -> (Option<String>, Option<&str>) {
    let marked = description.strip_suffix(')').and_then(|text| text.rsplit_once(MARK));
    let (text, owner) = marked.map_or((description, None), |(text, owner)| (text.trim_end(), Some(owner)));
    (Some(text.to_owned()).filter(|text| !text.is_empty()), owner)
}

const LIST: &str = "lambda:ListLayerVersions";

async fn newest(aws: &Aws, spec: &Layer) -> Result<Option<Version>, AwsError> {
    Ok(list(aws, spec, 1).await?.into_iter().next())
}

/// Lists the versions of the owner, the newest first, at least `wanted` of them if there are so many.
async fn list(aws: &Aws, spec: &Layer, wanted: usize) -> Result<Vec<Version>, AwsError> {
    let (mut found, mut marker) = (Vec::new(), None);
    let is_own = |version: &Version| {
        spec.owner.is_empty()
            || split_description(version.description().unwrap_or_default()).1 == Some(spec.owner.as_str())
    };
    loop {
        let call = aws.clients.lambda.list_layer_versions().layer_name(&spec.layer_name).set_marker(marker).send();
        let Some(page) = aws.find(LIST, ABSENT, call).await? else { break };
        found.extend(page.layer_versions.unwrap_or_default().into_iter().filter(is_own));
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() || found.len() >= wanted {
            break;
        }
    }
    found.sort_by_key(|version| std::cmp::Reverse(version.version));
    Ok(found)
}

/// Publishes a version. If the answer is lost, the newest version tells whether the call took effect.
async fn publish(aws: &Aws, want: &Layer) -> Result<PublishedVersion, AwsError> {
    let look = || async {
        let live = LambdaLayer::read(aws, want, Trust::Resource).await?.filter(|live| is_same(&live.spec, want));
        let made = live.and_then(|live| {
            let number = live.outputs.get("version")?.parse().ok()?;
            Some(PublishedVersion { number, arn: live.physical_id })
        });
        Ok(made)
    };
    once(|| send(aws, want), look).await
}

fn is_same(live: &Layer, want: &Layer) -> bool {
    let content = LayerZip { size: None, ..live.content.clone() };
    Layer { content, ..live.clone() }
        == Layer { content: LayerZip { size: None, ..want.content.clone() }, ..want.clone() }
}

/// Sends PublishLayerVersion once: each call that arrives makes a version.
async fn send(aws: &Aws, want: &Layer) -> Result<PublishedVersion, AwsError> {
    const OPERATION: &str = "lambda:PublishLayerVersion";
    let runtimes = want.compatible_runtimes.iter().map(|name| Runtime::from(name.as_str())).collect();
    let architectures = want.compatible_architectures.iter().map(|name| Architecture::from(name.as_str())).collect();
    let call = aws
        .clients
        .lambda
        .publish_layer_version()
        .layer_name(&want.layer_name)
        .description(describe(want))
        .set_license_info(want.license_info.clone())
        .set_compatible_runtimes(Some(runtimes))
        .set_compatible_architectures(Some(architectures));
    let made = aws
        .upload(&want.content.sha256, |zip| {
            let content = LayerVersionContentInput::builder().zip_file(Blob::new(zip)).build();
            let unrepeated = aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled());
            aws.call(OPERATION, call.content(content).customize().config_override(unrepeated).send())
        })
        .await?;
    let arn = made.layer_version_arn.ok_or_else(|| AwsError::missing(OPERATION, "LayerVersionArn"))?;
    Ok(PublishedVersion { number: made.version, arn })
}

/// Deletes the versions beyond the newest ten. A failure here never fails the update.
async fn prune(aws: &Aws, spec: &Layer) {
    match list(aws, spec, usize::MAX).await {
        Ok(versions) => {
            let old = versions.into_iter().skip(KEPT);
            let deletions = old.map(|version| remove(aws, &spec.layer_name, version.version));
            for error in join_all(deletions).await.into_iter().filter_map(Result::err) {
                tracing::debug!(%error, name = spec.layer_name, "an old version stays");
            }
        }
        Err(error) => tracing::debug!(%error, name = spec.layer_name, "the versions could not be listed"),
    }
}

async fn remove(aws: &Aws, name: &str, number: i64) -> Result<(), AwsError> {
    let call = aws.clients.lambda.delete_layer_version().layer_name(name).version_number(number).send();
    aws.find("lambda:DeleteLayerVersion", ABSENT, call).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_names_the_owner_and_reads_as_the_users_text() {
        for text in [None, Some("Fonts (all of them)")] {
            let layer = Layer { owner: "shop@pr-1".into(), description: text.map(str::to_owned), ..Layer::default() };
            assert_eq!(split_description(&describe(&layer)), (layer.description, Some("shop@pr-1")));
        }
        assert_eq!(split_description("Fonts (all)"), (Some("Fonts (all)".into()), None));
        assert_eq!(split_description(""), (None, None));
    }
}
