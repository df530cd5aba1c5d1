//! Actions of other users in the account.

use deployer::aws::Aws;

/// Publishes the layer that `given.yaml` names.
pub async fn publish_layer(aws: &Aws, zip: Vec<u8>) {
    let content = aws_sdk_lambda::types::LayerVersionContentInput::builder().zip_file(zip.into()).build();
    let call = aws.clients.lambda.publish_layer_version().layer_name("fonts").content(content);
    call.send().await.expect("PublishLayerVersion");
}

/// Uses the resources of `given.yaml`: puts objects with older versions into its buckets, gives its roles to machines.
pub async fn use_it(aws: &Aws) {
    let (clients, account) = (&aws.clients, &aws.place.account);
    for bucket in ["archive", "passing"].map(|name| format!("{name}-{account}")) {
        for body in [b"1", b"2"] {
            let call = clients.s3.put_object().bucket(&bucket).key("tmp/a").body(body.to_vec().into());
            call.send().await.expect("PutObject");
        }
    }
    for role in ["faults-machine", "faults-passing"] {
        let call = clients.iam.create_instance_profile().instance_profile_name(role);
        call.send().await.expect("CreateInstanceProfile");
        let call = clients.iam.add_role_to_instance_profile().instance_profile_name(role).role_name(role);
        call.send().await.expect("AddRoleToInstanceProfile");
    }
}

/// Adds a method to the path of the account's API that ends with `part`.
pub async fn add_method(aws: &Aws, part: &str, method: &str) {
    let gateway = &aws.clients.apigateway;
    let apis = gateway.get_rest_apis().send().await.expect("GetRestApis");
    let id = apis.items()[0].id().expect("an id");
    let tree = gateway.get_resources().rest_api_id(id).send().await.expect("GetResources");
    let resource = tree.items().iter().find(|r| r.path_part() == Some(part)).and_then(|r| r.id()).expect("a path");
    let put = gateway.put_method().rest_api_id(id).resource_id(resource).http_method(method);
    put.authorization_type("NONE").send().await.expect("PutMethod");
}

/// Stores the values that `given.yaml` reads.
pub async fn store_values(aws: &Aws) {
    let put = aws.clients.ssm.put_parameter().name("/couch/main/key").value("a-key-of-somebody");
    put.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.expect("PutParameter");
    let value = "{\"token\": \"a-token-of-somebody\"}";
    let create = aws.clients.secretsmanager.create_secret().name("couch/token").secret_string(value);
    create.send().await.expect("CreateSecret");
}
