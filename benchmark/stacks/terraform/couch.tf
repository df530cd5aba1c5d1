locals {
  logs     = { Effect = "Allow", Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], Resource = "*" }
  pictures = { Effect = "Allow", Action = "s3:PutObject", Resource = "arn:aws:s3:::couch-pictures/*" }
  model = {
    Effect   = "Allow"
    Action   = "bedrock:InvokeModel"
    Resource = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-image-generator-v1"
  }
  variables = { BUCKET = "couch-pictures", CANDIDATE = "32" }
}

# An API before a function.

resource "aws_iam_role" "api" {
  name               = "couch-api"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "api" {
  name   = "permissions"
  role   = aws_iam_role.api.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [local.logs, local.pictures, local.model] })
}

resource "aws_lambda_function" "api" {
  function_name    = "couch-api"
  role             = aws_iam_role.api.arn
  runtime          = "python3.12"
  handler          = "index.handler"
  filename         = "fn.zip"
  source_code_hash = filebase64sha256("fn.zip")
  memory_size      = var.memory
  timeout          = 30
  environment { variables = local.variables }
}

resource "aws_api_gateway_rest_api" "couch" {
  name = "couch"
}

resource "aws_api_gateway_resource" "generate" {
  rest_api_id = aws_api_gateway_rest_api.couch.id
  parent_id   = aws_api_gateway_rest_api.couch.root_resource_id
  path_part   = "generate-image"
}

resource "aws_api_gateway_method" "generate" {
  rest_api_id   = aws_api_gateway_rest_api.couch.id
  resource_id   = aws_api_gateway_resource.generate.id
  http_method   = "POST"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "generate" {
  rest_api_id             = aws_api_gateway_rest_api.couch.id
  resource_id             = aws_api_gateway_resource.generate.id
  http_method             = aws_api_gateway_method.generate.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.api.invoke_arn
}

resource "aws_api_gateway_deployment" "couch" {
  rest_api_id = aws_api_gateway_rest_api.couch.id
  depends_on  = [aws_api_gateway_integration.generate]
}

resource "aws_api_gateway_stage" "couch" {
  rest_api_id   = aws_api_gateway_rest_api.couch.id
  deployment_id = aws_api_gateway_deployment.couch.id
  stage_name    = "Prod"
}

resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.api.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.couch.execution_arn}/*/POST/generate-image"
}

# A function behind a queue, and somebody who hears of it when messages are left lying.

resource "aws_sqs_queue" "requests" {
  name                       = "couch-worker"
  visibility_timeout_seconds = 150
}

resource "aws_iam_role" "worker" {
  name               = "couch-worker"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "worker" {
  name = "permissions"
  role = aws_iam_role.worker.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [local.logs, local.pictures, local.model, {
    Effect   = "Allow"
    Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    Resource = aws_sqs_queue.requests.arn
  }] })
}

resource "aws_lambda_function" "worker" {
  function_name    = "couch-worker"
  role             = aws_iam_role.worker.arn
  runtime          = "python3.12"
  handler          = "index.handler"
  filename         = "fn.zip"
  source_code_hash = filebase64sha256("fn.zip")
  memory_size      = 512
  timeout          = 25
  environment { variables = local.variables }
}

resource "aws_lambda_event_source_mapping" "worker" {
  event_source_arn = aws_sqs_queue.requests.arn
  function_name    = aws_lambda_function.worker.arn
  batch_size       = 5
  depends_on       = [aws_iam_role_policy.worker]
}

resource "aws_sns_topic" "alarms" {
  name = "couch-alarm"
}

resource "aws_sns_topic_subscription" "mail" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = "someone@example.com"
}

resource "aws_cloudwatch_metric_alarm" "oldest" {
  alarm_name          = "couch-worker"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.requests.name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 30
  period              = 60
  evaluation_periods  = 1
  alarm_actions       = [aws_sns_topic.alarms.arn]
}
