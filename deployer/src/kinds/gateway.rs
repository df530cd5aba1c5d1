//! The facts and grants that the API Gateway kinds share.

use super::{Grant, OWN_STACK};
use crate::aws::apigateway::arn;
use crate::aws::{Place, tags};

/// Codes of a create that mean "exists already".
pub(super) const EXISTS: &[&str] = &["ConflictException"];

/// Allows requests that set tags if they send this stack's ownership tag and the API does not carry another stack's.
/// IAM is not documented to know the API's tags at that time; the condition on them only narrows the grant.
pub(super) fn put_tags(place: &Place) -> Grant {
    let put = Grant::new(&["apigateway:PUT"], arn(place, "/tags/*")).marking_own();
    put.only("StringEqualsIfExists", "aws:ResourceTag/deployer:stack", vec![OWN_STACK.to_owned()])
}

/// Works like [`put_tags`] for HTTP APIs, whose tags are sent with POST. IAM also checks PUT.
pub(super) fn post_tags(place: &Place) -> Grant {
    let post = Grant::new(&["apigateway:POST", "apigateway:PUT"], arn(place, "/tags/*")).marking_own();
    post.only("StringEqualsIfExists", "aws:ResourceTag/deployer:stack", vec![OWN_STACK.to_owned()])
}

/// Allows requests that remove tags, except the ownership tags.
pub(super) fn delete_tags(place: &Place) -> Grant {
    let ownership = vec![tags::STACK.to_owned(), tags::ADDRESS.to_owned()];
    Grant::new(&["apigateway:DELETE"], arn(place, "/tags/*")).only(
        "ForAllValues:StringNotEquals",
        "aws:TagKeys",
        ownership,
    )
}
