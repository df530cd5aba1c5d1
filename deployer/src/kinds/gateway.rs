//! What the API Gateway kinds may call, as far as they share it.

use super::{Grant, OWN_STACK};
use crate::aws::apigateway::arn;
use crate::aws::{Place, tags};

/// Tags are put on by requests that send this stack's, and never on what carries another stack's. IAM is not documented
/// to know the tags that the API carries by then: that part only ever narrows.
pub(super) fn put_tags(place: &Place) -> Grant {
    let put = Grant::new(&["apigateway:PUT"], arn(place, "/tags/*")).marking_own();
    put.only("StringEqualsIfExists", "aws:ResourceTag/deployer:stack", vec![OWN_STACK.to_owned()])
}

/// Tags are taken off, the ownership tags excepted.
pub(super) fn delete_tags(place: &Place) -> Grant {
    let ownership = vec![tags::STACK.to_owned(), tags::ADDRESS.to_owned()];
    Grant::new(&["apigateway:DELETE"], arn(place, "/tags/*")).only(
        "ForAllValues:StringNotEquals",
        "aws:TagKeys",
        ownership,
    )
}
