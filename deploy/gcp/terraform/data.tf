resource "google_sql_database_instance" "auth" {
  name                = "auth-db"
  region              = var.region
  database_version    = "POSTGRES_17"
  deletion_protection = var.deletion_protection
  settings {
    edition                     = "ENTERPRISE"
    tier                        = var.db_tier
    availability_type           = "REGIONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.db_storage_gb
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection
    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "ENCRYPTED_ONLY"
    }
    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7
      backup_retention_settings {
        retained_backups = 7
      }
    }
    maintenance_window {
      day  = 7
      hour = 3
    }
    insights_config {
      query_insights_enabled = true
    }
    dynamic "database_flags" {
      for_each = {
        log_min_duration_statement          = "1000"
        log_lock_waits                      = "on"
        idle_in_transaction_session_timeout = "60000"
      }
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }
}

resource "google_sql_database" "auth" {
  name     = "auth_db"
  instance = google_sql_database_instance.auth.name
}

# create-redis.sh makes the cache and carries its password into Secret Manager. Made here, the password would stand in
# the state; so the script runs first, and this only looks the cache up.
data "google_redis_instance" "auth" {
  name   = "auth-redis"
  region = var.region
}
