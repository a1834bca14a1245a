output "db_host" {
  value = local.db_host
}

output "db_master_secret_arn" {
  description = "Where RDS keeps the master password; only for making the roles."
  value       = local.db_master_secret_arn
}

output "redis_host" {
  value = local.redis_host
}

output "image_repository" {
  value = aws_ecr_repository.auth.repository_url
}

output "balancer_name" {
  description = "What the name in public_url points to."
  value       = aws_lb.auth.dns_name
}

# The variables of deploy-ecs.sh: eval "$(terraform output -raw deploy_environment)".
output "deploy_environment" {
  value = join("\n", [for name, value in {
    AWS_REGION         = var.region
    CLUSTER            = aws_ecs_cluster.auth.name
    PUBLIC_URL         = var.public_url
    EMAIL_FROM         = var.email_from
    TRUSTED_PROXIES    = join(",", var.trusted_proxies)
    DB_HOST            = local.db_host
    REDIS_HOST         = local.redis_host
    EXECUTION_ROLE_ARN = aws_iam_role.execution.arn
    TASK_ROLE_ARN      = aws_iam_role.task.arn
    SUBNET_A           = var.private_subnet_ids[0]
    SUBNET_B           = var.private_subnet_ids[1]
    SECURITY_GROUP     = aws_security_group.tasks.id
    TARGET_GROUP_ARN   = aws_lb_target_group.auth.arn
    MIN_TASKS          = var.min_tasks
    MAX_TASKS          = var.max_tasks
  } : "export ${name}='${value}'"])
}
