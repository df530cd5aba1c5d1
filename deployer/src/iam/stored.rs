//! Permissions for reading the values of variables that AWS stores.

use crate::aws::Place;
use crate::aws::stored::{GET_PARAMETERS, GET_SECRET, Stored};
use crate::kinds::Grant;

/// Collects the calls that read values. The key of each is known to AWS alone, so decrypting is allowed with every key
/// of its account, but only through the service and for the value itself.
pub fn of_stored<'a>(stored: impl IntoIterator<Item = &'a Stored>, stack: &Place) -> Vec<Grant> {
    let mut grants = Vec::new();
    for stored in stored {
        let place = stored.place(stack);
        let (read, service, context, arns) = match stored {
            Stored::Parameter(parameter) => {
                (GET_PARAMETERS, "ssm", "kms:EncryptionContext:PARAMETER_ARN", vec![parameter.arn(stack)])
            }
            Stored::Secret(secret) => {
                (GET_SECRET, "secretsmanager", "kms:EncryptionContext:SecretARN", secret.arn(stack))
            }
        };
        let via = format!("{service}.{}.{}", place.region, place.suffix());
        let decrypt = Grant::new(&["kms:Decrypt"], place.arn("kms", "key/*"));
        grants.push(decrypt.only("StringEquals", "kms:ViaService", vec![via]).only(
            "StringLike",
            context,
            arns.clone(),
        ));
        grants.push(Grant::on(&[read], arns));
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::stored::{Parameter, Secret};

    #[test]
    fn a_value_may_be_read_and_decrypted_and_nothing_else() {
        let (account, region) = ("123456789012".to_owned(), "eu-west-1".to_owned());
        let stack = Place { account, region, partition: "aws".to_owned(), endpoint_url: None };
        let parameter = Stored::Parameter(Parameter::parse("/shop/key:3").expect("a name"));
        let id = "arn:aws:secretsmanager:us-east-1:999999999999:secret:stripe-AbCdEf".to_owned();
        let secret = Stored::Secret(Secret { id, version: None, key: None });
        let shown: Vec<String> = of_stored([&parameter, &secret], &stack)
            .iter()
            .map(|grant| {
                let conditions = grant.conditions.iter().map(|c| format!(" {} {} {:?}", c.operator, c.key, c.values));
                format!("{:?} {:?}{}", grant.actions, grant.resources, conditions.collect::<String>())
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
