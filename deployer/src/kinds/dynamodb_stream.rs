//! `dynamodb.stream`: the stream of a table's changes.
//!
//! **Guarantees**: a stream is a resource of its own, since each new one of a table has another ARN: whatever reads it
//! is planned anew with it. Changes of a table and its stream run one after another.
//! **Assumptions**: a table has at most one stream that is switched on.
//! **Caveats**: DynamoDB cannot change what a stream holds. It ends the stream and begins another: the old one keeps its
//! changes for 24 hours, but its readers of this stack have moved on by then.

use aws_sdk_dynamodb::types::{StreamSpecification, StreamViewType, TableDescription};
use serde::{Deserialize, Serialize};

use super::{
    About, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Person, References,
    Rule,
};
use crate::aws::dynamodb::{self, ABSENT, changeable, describe_along};
use crate::aws::service::DYNAMODB;
use crate::aws::{Aws, AwsError, Place, Trust};

/// The stream kind.
pub struct DynamodbStream;

/// The stream of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    pub table_name: String,
    /// `NEW_IMAGE`, `OLD_IMAGE`, `NEW_AND_OLD_IMAGES` or `KEYS_ONLY`.
    pub stream_view_type: String,
}

impl Kind for DynamodbStream {
    const ABOUT: About = About {
        outputs: &["arn"],
        identity: &["table_name"],
        rules: &[
            ("table_name", Rule::Replace("a stream belongs to its table")),
            ("stream_view_type", Rule::Replace("DynamoDB ends a stream and begins another, with another ARN")),
        ],
        parent: Some(Parent { kind: "dynamodb.table", owns: true, deletes: true }),
        references: References::DEFAULT,
        calls: Calls::DEFAULT,
        person: Person {
            lost: Some("the changes in it that no function has received yet"),
            gap: Some("changes of these seconds are in no stream"),
            moved: Some("readers outside this stack need its new ARN"),
            seconds: (2.0, 2.0),
            accompanies: false,
        },
        ..About::of("dynamodb.stream", &DYNAMODB)
    };
    type Spec = Stream;

    /// Returns nothing: AWS writes the moment of its creation into the ARN.
    fn predict(_: &Stream, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn iam(op: Op, spec: &Stream, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read | Op::Present => &["dynamodb:DescribeTable"],
            Op::Create | Op::Update | Op::Delete => &["dynamodb:UpdateTable", "dynamodb:DescribeTable"],
        };
        vec![Grant::new(actions, place.arn("dynamodb", &format!("table/{}", spec.table_name)))]
    }

    fn any_named(names: &str, _: &Place) -> Vec<Stream> {
        vec![Stream { table_name: names.to_owned(), ..Stream::default() }]
    }

    /// DescribeTable, shared with the table itself.
    async fn read(aws: &Aws, spec: &Stream, _: Trust) -> Result<Option<ObservedResource<Stream>>, AwsError> {
        let Some(table) = describe_along(aws, &spec.table_name).await? else { return Ok(None) };
        let Some((arn, stream_view_type)) = stream_of(&table) else { return Ok(None) };
        let stream = Stream { table_name: spec.table_name.clone(), stream_view_type };
        Ok(Some(ObservedResource::new(arn.clone(), stream, outputs(arn))))
    }

    async fn create(aws: &Aws, want: &Stream) -> Result<CreatedResource, AwsError> {
        let name = &want.table_name;
        let _turn = aws.run.turn(&dynamodb::turn(name)).await;
        let found = changeable(aws, name).await?;
        let table = match stream_of(&found) {
            // An earlier attempt took effect, and its answer was lost.
            Some((_, view)) if view == want.stream_view_type => found,
            _ => {
                let view = StreamViewType::from(want.stream_view_type.as_str());
                send(aws, name, StreamSpecification::builder().stream_enabled(true).stream_view_type(view)).await?;
                changeable(aws, name).await?
            }
        };
        let (arn, _) =
            stream_of(&table).ok_or_else(|| AwsError::missing("dynamodb:DescribeTable", "LatestStreamArn"))?;
        Ok(CreatedResource { physical_id: arn.clone(), outputs: outputs(arn) })
    }

    /// Makes no call: no property changes in place.
    async fn update(_: &Aws, _: &ObservedResource<Stream>, _: &Stream, _: &Changes) -> Result<(), AwsError> {
        Ok(())
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Stream>) -> Result<(), AwsError> {
        let name = &live.spec.table_name;
        let _turn = aws.run.turn(&dynamodb::turn(name)).await;
        let found = match changeable(aws, name).await {
            Err(error) if error.is(ABSENT) => return Ok(()),
            found => found?,
        };
        // Another stream may be the table's by now.
        if stream_of(&found).is_none_or(|(arn, _)| arn != live.physical_id) {
            return Ok(());
        }
        send(aws, name, StreamSpecification::builder().stream_enabled(false)).await?;
        changeable(aws, name).await.map(drop)
    }
}

type Specification = aws_sdk_dynamodb::types::builders::StreamSpecificationBuilder;

/// Switches a table's stream: UpdateTable.
async fn send(aws: &Aws, table: &str, stream: Specification) -> Result<(), AwsError> {
    let shape = |error: aws_sdk_dynamodb::error::BuildError| AwsError::Shape {
        what: "a stream".to_owned(),
        message: error.to_string(),
    };
    let call = aws.clients.dynamodb.update_table().table_name(table);
    let call = call.stream_specification(stream.build().map_err(shape)?);
    aws.call("dynamodb:UpdateTable", call.send()).await.map(drop)
}

fn outputs(arn: String) -> Outputs {
    Outputs::from([("arn".into(), arn)])
}

/// Returns the ARN and the view of the stream that a table has switched on. DynamoDB still reports the ARN of one that
/// was switched off.
fn stream_of(table: &TableDescription) -> Option<(String, String)> {
    let stream = table.stream_specification().filter(|stream| stream.stream_enabled())?;
    let view = stream.stream_view_type()?.as_str().to_owned();
    Some((table.latest_stream_arn()?.to_owned(), view))
}
