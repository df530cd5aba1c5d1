// The stack of the benchmark in Alchemy: node run.mjs COPIES MEMORY [--destroy]; 0 copies stand for Couch.
import alchemy from "alchemy";
import { Function, Queue, Role } from "alchemy/aws";
import AWS from "alchemy/aws/control";

const [copies, memory] = process.argv.slice(2, 4).map(Number);
const destroying = process.argv.includes("--destroy");
const app = await alchemy("bench", { phase: destroying ? "destroy" : "up", stage: "bench", quiet: true });

const document = (...statements) => ({ Version: "2012-10-17", Statement: statements });
const allow = (Action, Resource) => ({ Effect: "Allow", Action, Resource });
const trust = document({ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } });
const logs = allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*");
const code = { content: "export const handler = async () => ({ statusCode: 200 });\n", format: "esm", path: "index.mjs", hash: "1" };

async function worker(name, memorySize, alarmActions) {
  const queue = await Queue(`${name}-queue`, { queueName: name, visibilityTimeout: 150 });
  const reading = allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue.arn);
  const mapping = code_of(name, memorySize, reading).then((lambda) =>
    AWS.Lambda.EventSourceMapping(`${name}-mapping`, { EventSourceArn: queue.arn, FunctionName: lambda.arn, BatchSize: 5 }));
  const alarm = AWS.CloudWatch.Alarm(`${name}-alarm`, {
    AlarmName: name, Namespace: "AWS/SQS", MetricName: "ApproximateAgeOfOldestMessage", Statistic: "Maximum", Period: 60,
    Dimensions: [{ Name: "QueueName", Value: name }], ComparisonOperator: "GreaterThanThreshold", Threshold: 30,
    EvaluationPeriods: 1, AlarmActions: alarmActions,
  });
  await Promise.all([mapping, alarm]);
}

async function code_of(name, memorySize, ...statements) {
  const policies = [{ policyName: "permissions", policyDocument: document(logs, ...statements) }];
  const role = await Role(`${name}-role`, { roleName: name, assumeRolePolicy: trust, policies });
  return Function(`${name}-function`, {
    functionName: name, roleArn: role.arn, bundle: code, handler: "index.handler", runtime: "nodejs20.x", memorySize, timeout: 25,
  });
}

async function alarmed() {
  const topic = await AWS.SNS.Topic("topic", { TopicName: "couch-alarm" });
  const mail = AWS.SNS.Subscription("mail", { TopicArn: topic.id, Protocol: "email", Endpoint: "someone@example.com" });
  await Promise.all([mail, worker("couch-worker", 512, [topic.id])]);
}

async function served() {
  const gateway = AWS.ApiGateway;
  const path = gateway.RestApi("api", { Name: "couch" }).then(async (api) =>
    [api, await gateway.Resource("path", { RestApiId: api.id, ParentId: "root", PathPart: "generate-image" })]);
  const lambda = await code_of("couch-api", memory, allow("s3:PutObject", "arn:aws:s3:::couch-pictures/*"));
  const permission = AWS.Lambda.Permission("permission", {
    FunctionName: "couch-api", Action: "lambda:InvokeFunction", Principal: "apigateway.amazonaws.com",
  });
  const [api, { id: ResourceId }] = await path;
  const Uri = `arn:aws:apigateway:${process.env.AWS_REGION}:lambda:path/2015-03-31/functions/${lambda.arn}/invocations`;
  const method = await gateway.Method("method", {
    RestApiId: api.id, ResourceId, HttpMethod: "POST", AuthorizationType: "NONE",
    Integration: { Type: "AWS_PROXY", IntegrationHttpMethod: "POST", Uri },
  });
  const deployment = await gateway.Deployment("deployment", { RestApiId: api.id, Description: method.id });
  await gateway.Stage("stage", { RestApiId: api.id, DeploymentId: deployment.id, StageName: "Prod" });
  await permission;
}

if (!destroying) {
  const names = Array.from({ length: copies }, (_, i) => `scaled-${i}`);
  await (copies ? Promise.all(names.map((name, i) => worker(name, i ? 512 : memory, []))) : Promise.all([alarmed(), served()]));
}
await app.finalize();
