output "vault" {
  value = azurerm_key_vault.auth.name
}

output "registry" {
  value = azurerm_container_registry.auth.login_server
}

output "db_host" {
  value = azurerm_postgresql_flexible_server.auth.fqdn
}

output "identity_id" {
  value = azurerm_user_assigned_identity.auth.id
}

output "environment_id" {
  value = azurerm_container_app_environment.auth.id
}

output "app_host" {
  value = azurerm_container_app.auth.ingress[0].fqdn
}
