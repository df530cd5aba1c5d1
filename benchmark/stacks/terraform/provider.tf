terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
  # Bucket and region are given to `terraform init`.
  backend "s3" {
    key            = "terraform.tfstate"
    use_lockfile   = true
    use_path_style = true
  }
}

# Endpoint, region and credentials come from the environment; the provider's own checks stay on.
provider "aws" {
  s3_use_path_style = true
}

variable "memory" {
  type        = number
  description = "Memory in MB of the function that is changed"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}
