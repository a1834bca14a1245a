# Made for one call and kept nowhere, the state included.
ephemeral "random_password" "unused" {
  length = 40
}

resource "azurerm_postgresql_flexible_server" "auth" {
  name                          = "${var.name}-db"
  resource_group_name           = data.azurerm_resource_group.here.name
  location                      = data.azurerm_resource_group.here.location
  version                       = "17"
  sku_name                      = var.db_sku
  storage_mb                    = var.db_storage_mb
  auto_grow_enabled             = true
  backup_retention_days         = var.db_backup_days
  delegated_subnet_id           = var.db_subnet_id
  private_dns_zone_id           = var.db_dns_zone_id
  public_network_access_enabled = false
  tags                          = local.tags
  high_availability {
    mode = "ZoneRedundant"
  }
  # The administrators are people of a group; the roles auth_owner and auth_app sign in with passwords from the vault.
  authentication {
    active_directory_auth_enabled = true
    password_auth_enabled         = true
    tenant_id                     = data.azurerm_client_config.here.tenant_id
  }
  # Never known to anyone: members of the group sign in with their own identity.
  administrator_login               = "unused"
  administrator_password_wo         = ephemeral.random_password.unused.result
  administrator_password_wo_version = 1
  lifecycle {
    prevent_destroy = true
    ignore_changes  = [zone, high_availability[0].standby_availability_zone]
  }
}

resource "azurerm_postgresql_flexible_server_active_directory_administrator" "auth" {
  server_name         = azurerm_postgresql_flexible_server.auth.name
  resource_group_name = data.azurerm_resource_group.here.name
  tenant_id           = data.azurerm_client_config.here.tenant_id
  object_id           = var.db_admin_group.object_id
  principal_name      = var.db_admin_group.name
  principal_type      = "Group"
}

resource "azurerm_postgresql_flexible_server_configuration" "auth" {
  for_each = {
    "require_secure_transport"            = "ON"
    "azure.extensions"                    = "PG_STAT_STATEMENTS"
    "log_min_duration_statement"          = "1000"
    "log_lock_waits"                      = "ON"
    "idle_in_transaction_session_timeout" = "60000"
  }
  server_id = azurerm_postgresql_flexible_server.auth.id
  name      = each.key
  value     = each.value
}

resource "azurerm_postgresql_flexible_server_database" "auth" {
  server_id = azurerm_postgresql_flexible_server.auth.id
  name      = "auth_db"
  lifecycle {
    prevent_destroy = true
  }
}
