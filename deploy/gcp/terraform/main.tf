provider "google" {
  project        = var.project
  region         = var.region
  default_labels = { application = "auth-api" }
}

locals {
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
  secrets = toset(concat(
    values(local.server_secrets), values(local.migration_secrets), ["redis-ca", "db-readonly-password", "db-monitor-password"],
  ))
}

# Only the places: secrets.sh puts the values in, so that no state file holds one.
resource "google_secret_manager_secret" "auth" {
  for_each  = local.secrets
  secret_id = "auth-api-${each.key}"
  replication {
    auto {}
  }
}

resource "google_artifact_registry_repository" "auth" {
  repository_id = "auth-api"
  location      = var.region
  format        = "DOCKER"
  docker_config {
    immutable_tags = true
  }
}

# One identity for the server, another for the migration: only the latter reads the owner's password.
resource "google_service_account" "server" {
  account_id   = "auth-api"
  display_name = "auth-api, the server"
}

resource "google_service_account" "migration" {
  account_id   = "auth-api-migrate"
  display_name = "auth-api, the migration"
}

resource "google_project_iam_member" "database" {
  for_each = {
    server    = google_service_account.server.email
    migration = google_service_account.migration.email
  }
  project = var.project
  role    = "roles/cloudsql.client"
  member  = "serviceAccount:${each.value}"
}

resource "google_secret_manager_secret_iam_member" "server" {
  for_each  = toset(concat(values(local.server_secrets), ["redis-ca"]))
  secret_id = google_secret_manager_secret.auth[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.server.email}"
}

resource "google_secret_manager_secret_iam_member" "migration" {
  for_each  = toset(values(local.migration_secrets))
  secret_id = google_secret_manager_secret.auth[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.migration.email}"
}
