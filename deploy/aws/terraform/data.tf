# What the rest of the module knows of the database and the cache.
locals {
  db_host              = aws_db_instance.auth.address
  db_master_secret_arn = aws_db_instance.auth.master_user_secret[0].secret_arn
  redis_host           = aws_elasticache_replication_group.auth.primary_endpoint_address
}

resource "aws_db_subnet_group" "auth" {
  name       = "auth-subnet-group"
  subnet_ids = var.private_subnet_ids
}

resource "aws_db_parameter_group" "auth" {
  name        = "auth-db-pg17"
  family      = "postgres17"
  description = "auth-api: TLS only, slow statements logged"
  dynamic "parameter" {
    for_each = {
      "rds.force_ssl"                       = "1"
      "log_min_duration_statement"          = "1000"
      "log_lock_waits"                      = "1"
      "idle_in_transaction_session_timeout" = "60000"
    }
    content {
      name  = parameter.key
      value = parameter.value
    }
  }
}

resource "aws_db_instance" "auth" {
  identifier                      = "auth-db"
  db_name                         = "auth_db"
  instance_class                  = var.db_instance_class
  engine                          = "postgres"
  engine_version                  = "17"
  username                        = "postgres"
  manage_master_user_password     = true
  allocated_storage               = var.db_storage_gb
  max_allocated_storage           = var.db_storage_gb * 4
  storage_type                    = "gp3"
  storage_encrypted               = true
  parameter_group_name            = aws_db_parameter_group.auth.name
  vpc_security_group_ids          = [aws_security_group.data.id]
  db_subnet_group_name            = aws_db_subnet_group.auth.name
  publicly_accessible             = false
  multi_az                        = true
  backup_retention_period         = var.db_backup_days
  backup_window                   = "02:00-03:00"
  maintenance_window              = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot           = true
  deletion_protection             = var.deletion_protection
  auto_minor_version_upgrade      = true
  ca_cert_identifier              = "rds-ca-rsa2048-g1"
  performance_insights_enabled    = true
  enabled_cloudwatch_logs_exports = ["postgresql"]
  skip_final_snapshot             = false
  final_snapshot_identifier       = "auth-db-final"
}

resource "aws_elasticache_subnet_group" "auth" {
  name       = "auth-cache-subnet-group"
  subnet_ids = var.private_subnet_ids
}

resource "aws_elasticache_replication_group" "auth" {
  replication_group_id       = "auth-redis"
  description                = "auth-api"
  engine                     = "valkey"
  engine_version             = "8.0"
  node_type                  = var.cache_node_type
  num_cache_clusters         = 2
  port                       = 6379
  automatic_failover_enabled = true
  multi_az_enabled           = true
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  user_group_ids             = [var.redis_user_group_id]
  parameter_group_name       = aws_elasticache_parameter_group.auth.name
  subnet_group_name          = aws_elasticache_subnet_group.auth.name
  security_group_ids         = [aws_security_group.data.id]
  snapshot_retention_limit   = 3
  auto_minor_version_upgrade = true
}

# Nothing that matters may be evicted.
resource "aws_elasticache_parameter_group" "auth" {
  name        = "auth-valkey8"
  family      = "valkey8"
  description = "auth-api: nothing is evicted"
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}
