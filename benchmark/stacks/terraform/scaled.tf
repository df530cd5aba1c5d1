variable "copies" {
  type = number
}

resource "aws_iam_role" "worker" {
  count              = var.copies
  name               = "scaled-${count.index}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "worker" {
  count = var.copies
  name  = "permissions"
  role  = aws_iam_role.worker[count.index].name
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "*" },
    {
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = aws_sqs_queue.requests[count.index].arn
    },
  ] })
}

resource "aws_sqs_queue" "requests" {
  count                      = var.copies
  name                       = "scaled-${count.index}"
  visibility_timeout_seconds = 150
}

resource "aws_lambda_function" "worker" {
  count            = var.copies
  function_name    = "scaled-${count.index}"
  role             = aws_iam_role.worker[count.index].arn
  runtime          = "python3.12"
  handler          = "index.handler"
  filename         = "fn.zip"
  source_code_hash = filebase64sha256("fn.zip")
  memory_size      = count.index == 0 ? var.memory : 512
  timeout          = 25
}

resource "aws_lambda_event_source_mapping" "worker" {
  count            = var.copies
  event_source_arn = aws_sqs_queue.requests[count.index].arn
  function_name    = aws_lambda_function.worker[count.index].arn
  batch_size       = 5
  depends_on       = [aws_iam_role_policy.worker]
}

resource "aws_cloudwatch_metric_alarm" "oldest" {
  count               = var.copies
  alarm_name          = "scaled-${count.index}"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.requests[count.index].name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 30
  period              = 60
  evaluation_periods  = 1
}
