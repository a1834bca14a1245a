provider "azurerm" {
  subscription_id = var.subscription_id
  features {
    key_vault {
      purge_soft_delete_on_destroy = false
    }
  }
}

data "azurerm_client_config" "here" {}

data "azurerm_resource_group" "here" {
  name = var.resource_group
}

locals {
  tags = { application = "auth-api" }
  server_secrets = {
    DB_PASSWORD        = "db-app-password"
    REDIS_PASSWORD     = "redis-password"
    SMTP_PASSWORD      = "smtp-password"
    JWT_REFRESH_SECRET = "jwt-refresh-secret"
    SESSION_SECRET     = "session-secret"
    CSRF_SECRET        = "csrf-secret"
    ENCRYPTION_KEY     = "encryption-key"
  }
  migration_secrets = {
    DB_PASSWORD        = "db-owner-password"
    JWT_REFRESH_SECRET = "jwt-refresh-secret"
    SESSION_SECRET     = "session-secret"
    CSRF_SECRET        = "csrf-secret"
    ENCRYPTION_KEY     = "encryption-key"
  }
}

# The values are put in by secrets.sh, so that no state file holds one.
resource "azurerm_key_vault" "auth" {
  name                       = "${var.name}-kv"
  resource_group_name        = data.azurerm_resource_group.here.name
  location                   = data.azurerm_resource_group.here.location
  tenant_id                  = data.azurerm_client_config.here.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  purge_protection_enabled   = true
  soft_delete_retention_days = 90
  tags                       = local.tags
}

resource "azurerm_container_registry" "auth" {
  name                = var.name
  resource_group_name = data.azurerm_resource_group.here.name
  location            = data.azurerm_resource_group.here.location
  sku                 = "Standard"
  admin_enabled       = false
  tags                = local.tags
}

resource "azurerm_user_assigned_identity" "auth" {
  name                = "auth-api"
  resource_group_name = data.azurerm_resource_group.here.name
  location            = data.azurerm_resource_group.here.location
  tags                = local.tags
}

resource "azurerm_role_assignment" "secrets" {
  scope                = azurerm_key_vault.auth.id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.auth.principal_id
}

resource "azurerm_role_assignment" "image" {
  scope                = azurerm_container_registry.auth.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.auth.principal_id
}

resource "azurerm_log_analytics_workspace" "auth" {
  name                = "auth-api"
  resource_group_name = data.azurerm_resource_group.here.name
  location            = data.azurerm_resource_group.here.location
  sku                 = "PerGB2018"
  retention_in_days   = 90
  tags                = local.tags
}
