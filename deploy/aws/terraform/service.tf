data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.here.account_id]
    }
  }
}

# Starts the tasks: pulls the image, writes the log, reads exactly these secrets.
resource "aws_iam_role" "execution" {
  name               = "auth-api-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

data "aws_iam_policy_document" "execution" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.auth : secret.arn]
  }
  statement {
    actions   = ["ssm:GetParameters"]
    resources = [local.db_ca_arn]
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "secrets"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

# What the server itself may do: send mail from its own address.
resource "aws_iam_role" "task" {
  name               = "auth-api-task"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

data "aws_iam_policy_document" "task" {
  statement {
    actions   = ["ses:SendEmail", "ses:SendRawEmail"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "ses:FromAddress"
      values   = [regex("[^<\\s]+@[^>\\s]+", var.email_from)]
    }
  }
}

resource "aws_iam_role_policy" "task" {
  name   = "mail"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}

resource "aws_ecs_cluster" "auth" {
  name = "auth-api"
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "server" {
  family                   = local.server.family
  network_mode             = local.server.networkMode
  requires_compatibilities = local.server.requiresCompatibilities
  cpu                      = local.server.cpu
  memory                   = local.server.memory
  execution_role_arn       = local.server.executionRoleArn
  task_role_arn            = local.server.taskRoleArn
  container_definitions    = jsonencode(local.server.containerDefinitions)
  runtime_platform {
    cpu_architecture        = local.server.runtimePlatform.cpuArchitecture
    operating_system_family = local.server.runtimePlatform.operatingSystemFamily
  }
  volume {
    name = local.server.volumes[0].name
  }
}

resource "aws_ecs_task_definition" "migration" {
  family                   = local.migration.family
  network_mode             = local.migration.networkMode
  requires_compatibilities = local.migration.requiresCompatibilities
  cpu                      = local.migration.cpu
  memory                   = local.migration.memory
  execution_role_arn       = local.migration.executionRoleArn
  task_role_arn            = local.migration.taskRoleArn
  container_definitions    = jsonencode(local.migration.containerDefinitions)
  runtime_platform {
    cpu_architecture        = local.migration.runtimePlatform.cpuArchitecture
    operating_system_family = local.migration.runtimePlatform.operatingSystemFamily
  }
  volume {
    name = local.migration.volumes[0].name
  }
}

# Stands at 0 until deploy-ecs.sh has migrated; from then on that script and the autoscaler know the number and the image.
resource "aws_ecs_service" "auth" {
  name                               = "auth-api"
  cluster                            = aws_ecs_cluster.auth.id
  task_definition                    = aws_ecs_task_definition.server.arn
  desired_count                      = 0
  launch_type                        = "FARGATE"
  platform_version                   = "1.4.0"
  propagate_tags                     = "SERVICE"
  enable_ecs_managed_tags            = true
  availability_zone_rebalancing      = "ENABLED"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.auth.arn
    container_name   = "auth-api"
    container_port   = 3000
  }
  network_configuration {
    subnets          = var.private_subnet_ids
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = false
  }
  depends_on = [aws_lb_listener.https]
  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }
}

resource "aws_appautoscaling_target" "auth" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.auth.name}/${aws_ecs_service.auth.name}"
  min_capacity       = var.min_tasks
  max_capacity       = var.max_tasks
}

resource "aws_appautoscaling_policy" "auth" {
  name               = "auth-api-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.auth.service_namespace
  scalable_dimension = aws_appautoscaling_target.auth.scalable_dimension
  resource_id        = aws_appautoscaling_target.auth.resource_id
  target_tracking_scaling_policy_configuration {
    target_value       = 60
    scale_in_cooldown  = 300
    scale_out_cooldown = 30
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
