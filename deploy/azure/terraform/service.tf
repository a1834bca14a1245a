resource "azurerm_container_app_environment" "auth" {
  name                       = "auth-api"
  resource_group_name        = data.azurerm_resource_group.here.name
  location                   = data.azurerm_resource_group.here.location
  infrastructure_subnet_id   = var.app_subnet_id
  zone_redundancy_enabled    = true
  logs_destination           = "log-analytics"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.auth.id
  tags                       = local.tags
  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }
}

resource "azurerm_container_app" "auth" {
  name                         = "auth-api"
  resource_group_name          = data.azurerm_resource_group.here.name
  container_app_environment_id = azurerm_container_app_environment.auth.id
  revision_mode                = "Single"
  workload_profile_name        = "Consumption"
  max_inactive_revisions       = 10
  tags                         = local.tags
  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.auth.id]
  }
  registry {
    server   = azurerm_container_registry.auth.login_server
    identity = azurerm_user_assigned_identity.auth.id
  }
  dynamic "secret" {
    for_each = toset(values(local.server_secrets))
    content {
      name                = secret.key
      key_vault_secret_id = "${azurerm_key_vault.auth.vault_uri}secrets/${secret.key}"
      identity            = azurerm_user_assigned_identity.auth.id
    }
  }
  ingress {
    external_enabled           = true
    allow_insecure_connections = false
    target_port                = 3000
    transport                  = "http"
    traffic_weight {
      latest_revision = true
      percentage      = 100
    }
  }
  template {
    min_replicas                     = var.min_replicas
    max_replicas                     = var.max_replicas
    termination_grace_period_seconds = 30
    container {
      name   = "auth-api"
      image  = var.image
      args   = ["serve"]
      cpu    = 1
      memory = "2Gi"
      dynamic "env" {
        for_each = {
          NODE_ENV         = "production"
          PORT             = "3000"
          METRICS_PORT     = "9464"
          PUBLIC_URL       = var.public_url
          TRUSTED_PROXIES  = join(",", var.trusted_proxies)
          MIGRATE_ON_START = "false"
          SHUTDOWN_DELAY   = "5s"
          SHUTDOWN_GRACE   = "25s"
          DB_HOST          = azurerm_postgresql_flexible_server.auth.fqdn
          DB_PORT          = "5432"
          DB_NAME          = azurerm_postgresql_flexible_server_database.auth.name
          DB_USER          = "auth_app"
          DB_SSL           = "true"
          REDIS_HOST       = var.redis_host
          REDIS_PORT       = "10000"
          REDIS_TLS        = "true"
          EMAIL_SERVICE    = "smtp"
          EMAIL_FROM       = var.email_from
          SMTP_HOST        = var.smtp_host
          SMTP_USER        = var.smtp_user
          LOG_LEVEL        = "info"
          LOG_FORMAT       = "json"
        }
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = local.server_secrets
        content {
          name        = env.key
          secret_name = env.value
        }
      }
      startup_probe {
        transport               = "HTTP"
        path                    = "/ready"
        port                    = 3000
        interval_seconds        = 2
        timeout                 = 3
        failure_count_threshold = 30
      }
      readiness_probe {
        transport               = "HTTP"
        path                    = "/ready"
        port                    = 3000
        interval_seconds        = 5
        timeout                 = 3
        failure_count_threshold = 2
      }
      liveness_probe {
        transport               = "HTTP"
        path                    = "/health"
        port                    = 3000
        interval_seconds        = 10
        timeout                 = 3
        failure_count_threshold = 3
      }
    }
    http_scale_rule {
      name                = "http"
      concurrent_requests = "50"
    }
  }
  lifecycle {
    ignore_changes = [template[0].container[0].image, template[0].revision_suffix]
  }
  depends_on = [azurerm_role_assignment.secrets, azurerm_role_assignment.image]
}

resource "azurerm_container_app_job" "migration" {
  name                         = "auth-api-migrate"
  resource_group_name          = data.azurerm_resource_group.here.name
  location                     = data.azurerm_resource_group.here.location
  container_app_environment_id = azurerm_container_app_environment.auth.id
  workload_profile_name        = "Consumption"
  replica_timeout_in_seconds   = 600
  replica_retry_limit          = 0
  tags                         = local.tags
  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.auth.id]
  }
  registry {
    server   = azurerm_container_registry.auth.login_server
    identity = azurerm_user_assigned_identity.auth.id
  }
  dynamic "secret" {
    for_each = toset(values(local.migration_secrets))
    content {
      name                = secret.key
      key_vault_secret_id = "${azurerm_key_vault.auth.vault_uri}secrets/${secret.key}"
      identity            = azurerm_user_assigned_identity.auth.id
    }
  }
  manual_trigger_config {
    parallelism              = 1
    replica_completion_count = 1
  }
  template {
    container {
      name   = "migrate"
      image  = var.image
      args   = ["migrate", "up"]
      cpu    = 0.5
      memory = "1Gi"
      dynamic "env" {
        for_each = {
          NODE_ENV      = "production"
          PUBLIC_URL    = var.public_url
          DB_HOST       = azurerm_postgresql_flexible_server.auth.fqdn
          DB_PORT       = "5432"
          DB_NAME       = azurerm_postgresql_flexible_server_database.auth.name
          DB_USER       = "auth_owner"
          DB_SSL        = "true"
          EMAIL_SERVICE = "smtp"
          EMAIL_FROM    = var.email_from
          SMTP_HOST     = var.smtp_host
          LOG_LEVEL     = "info"
          LOG_FORMAT    = "json"
        }
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = local.migration_secrets
        content {
          name        = env.key
          secret_name = env.value
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [template[0].container[0].image]
  }
  depends_on = [azurerm_role_assignment.secrets, azurerm_role_assignment.image]
}
