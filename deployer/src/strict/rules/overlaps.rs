//! Requests that overlap with another one for the same resource.

use futures::future::{BoxFuture, FutureExt, ready};

use super::super::{About, Call, Place, Refusal, Rule};
use super::bucket_names::aborted;
use super::in_flight::InFlight;

/// Refuses a change of a resource while another one is under way.
pub struct Overlaps {
    of: &'static Changes,
    under_way: InFlight,
}

/// The changes of one kind of resource.
struct Changes {
    about: About,
    /// Returns the name of the resource that a request changes. None for any other request.
    resource: fn(&Call) -> Option<String>,
    /// Tells whether a change is refused, and does not only stand in the way of others.
    is_refused: fn(&Call) -> bool,
    refusal: fn() -> Refusal,
}

static ALL: &[Changes] = &[
    Changes {
        about: About {
            name: "api-overlaps",
            summary: "of two changes of one API at the same time, the second is refused",
            source: "hashicorp/terraform-provider-aws#776, #16439, #40575: ConflictException \"Unable to complete operation \
                     due to concurrent modification\"",
        },
        resource: |call| {
            let api = match call.service {
                "API Gateway" => call.text("restApiId"),
                "ApiGatewayV2" => call.text("ApiId"),
                _ => "",
            };
            Some(api.to_owned()).filter(|api| !call.operation.starts_with("Get") && !api.is_empty())
        },
        is_refused: |_| true,
        refusal: || {
            let message = "Unable to complete operation due to concurrent modification. Please try again later.";
            Refusal::with_status(409, "ConflictException", message)
        },
    },
    Changes {
        about: About {
            name: "bucket-overlaps",
            summary: "of two changes of one bucket's settings at the same time, the second is refused",
            source: "S3 API Reference, \"Error responses\": OperationAborted",
        },
        resource: |call| {
            let changes = ["Put", "Delete"].iter().any(|verb| call.operation.starts_with(verb));
            let of_objects = ["PutObject", "DeleteObject", "DeleteObjects"].contains(&call.operation);
            (call.service == "S3" && changes && !of_objects).then(|| call.text("Bucket").to_owned())
        },
        is_refused: |_| true,
        refusal: aborted,
    },
    Changes {
        about: About {
            name: "object-overlaps",
            summary: "a conditional write of an object is refused while another write of it is under way",
            source: "S3 User Guide, \"How to prevent object overwrites with conditional writes\": 409 Conflict",
        },
        resource: |call| {
            let object = || format!("{}/{}", call.text("Bucket"), call.text("Key"));
            call.is("S3", &["PutObject", "DeleteObject"]).then(object)
        },
        is_refused: |call| ["IfMatch", "IfNoneMatch"].iter().any(|condition| !call.text(condition).is_empty()),
        refusal: || {
            let message =
                "The conditional request cannot succeed due to a conflicting operation against this resource.";
            Refusal::with_status(409, "ConditionalRequestConflict", message)
        },
    },
    Changes {
        about: About {
            name: "log-group-overlaps",
            summary: "of two changes of one log group at the same time, the second is refused",
            source: "CloudWatch Logs' model, OperationAbortedException: \"Multiple concurrent requests to update the \
                     same resource were in conflict\"",
        },
        resource: |call| {
            let changes = ["Create", "Put", "Delete"].iter().any(|verb| call.operation.starts_with(verb));
            let group = ["logGroupName", "logGroupIdentifier"].iter().map(|member| call.text(member));
            let mut group = group.filter(|group| changes && !group.is_empty());
            if call.service == "CloudWatch Logs" { group.next().map(str::to_owned) } else { None }
        },
        is_refused: |_| true,
        refusal: || {
            let message = "A conflicting operation is currently in progress against this resource. Please try again.";
            Refusal::invalid("OperationAbortedException", message)
        },
    },
];

/// One rule for each kind of resource.
pub fn all() -> Vec<Box<dyn Rule>> {
    ALL.iter().map(|of| Box::new(Overlaps { of, under_way: InFlight::default() }) as Box<dyn Rule>).collect()
}

impl Rule for Overlaps {
    fn about(&self) -> About {
        self.of.about
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        ready(self.refusal(call, place)).boxed()
    }
}

impl Overlaps {
    fn refusal(&self, call: &Call, place: Place<'_>) -> Option<Refusal> {
        let resource = (self.of.resource)(call)?;
        let (change, is_second) = self.under_way.start(place.key(&resource));
        place.kept.until_the_end(change);
        (is_second && (self.of.is_refused)(call)).then(self.of.refusal)
    }
}
