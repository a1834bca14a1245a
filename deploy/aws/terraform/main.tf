provider "aws" {
  region = var.region
  default_tags {
    tags = { application = "auth-api" }
  }
}

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}

locals {
  lists     = ["jwt-refresh-secret", "session-secret", "csrf-secret", "encryption-key"]
  passwords = ["db-owner-password", "db-app-password", "db-readonly-password", "db-monitor-password", "redis-password"]
  db_ca_arn = "arn:${data.aws_partition.here.partition}:ssm:${var.region}:${data.aws_caller_identity.here.account_id}:parameter${var.db_ca_parameter}"

  # The same files that deploy-ecs.sh fills: one truth about a task.
  filled = merge(
    {
      IMAGE              = var.image
      AWS_REGION         = var.region
      PUBLIC_URL         = var.public_url
      EMAIL_FROM         = var.email_from
      TRUSTED_PROXIES    = join(",", var.trusted_proxies)
      DB_HOST            = local.db_host
      REDIS_HOST         = local.redis_host
      EXECUTION_ROLE_ARN = aws_iam_role.execution.arn
      TASK_ROLE_ARN      = aws_iam_role.task.arn
      DB_CA_ARN          = local.db_ca_arn
    },
    { for name, secret in aws_secretsmanager_secret.auth : "${upper(replace(name, "-", "_"))}_ARN" => secret.arn },
  )
  server    = jsondecode(templatefile("${path.module}/../ecs-task-definition.json", local.filled))
  migration = jsondecode(templatefile("${path.module}/../ecs-migrate-task-definition.json", local.filled))
}

# Only the places: secrets.sh puts the values in, so that no state file holds one.
resource "aws_secretsmanager_secret" "auth" {
  for_each                = toset(concat(local.lists, local.passwords))
  name                    = "auth-api/${each.key}"
  recovery_window_in_days = 30
}

resource "aws_ecr_repository" "auth" {
  name                 = "auth-api"
  image_tag_mutability = "IMMUTABLE"
  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_cloudwatch_log_group" "auth" {
  name              = "/ecs/auth-api"
  retention_in_days = 90
}
