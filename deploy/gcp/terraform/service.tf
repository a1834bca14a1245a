resource "google_cloud_run_v2_service" "auth" {
  name                = "auth-api"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  deletion_protection = var.deletion_protection
  template {
    service_account                  = google_service_account.server.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = 80
    timeout                          = "60s"
    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }
    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = var.network
        subnetwork = var.subnetwork
      }
    }
    volumes {
      name = "cloudsql"
      cloud_sql_instance {
        instances = [google_sql_database_instance.auth.connection_name]
      }
    }
    volumes {
      name = "redis-ca"
      secret {
        secret = google_secret_manager_secret.auth["redis-ca"].secret_id
        items {
          path    = "ca.pem"
          version = lookup(var.secret_versions, "redis-ca", "1")
        }
      }
    }
    containers {
      name  = "auth-api"
      image = var.image
      args  = ["serve"]
      ports {
        container_port = 3000
      }
      resources {
        limits            = { cpu = "1", memory = "1Gi" }
        cpu_idle          = false
        startup_cpu_boost = true
      }
      volume_mounts {
        name       = "cloudsql"
        mount_path = "/cloudsql"
      }
      volume_mounts {
        name       = "redis-ca"
        mount_path = "/run/redis-ca"
      }
      dynamic "env" {
        for_each = {
          NODE_ENV          = "production"
          METRICS_PORT      = "9464"
          PUBLIC_URL        = var.public_url
          TRUSTED_PROXIES   = join(",", var.trusted_proxies)
          MIGRATE_ON_START  = "false"
          SHUTDOWN_DELAY    = "0s"
          SHUTDOWN_GRACE    = "9s"
          DB_HOST           = "/cloudsql/${google_sql_database_instance.auth.connection_name}"
          DB_NAME           = google_sql_database.auth.name
          DB_USER           = "auth_app"
          REDIS_HOST        = data.google_redis_instance.auth.host
          REDIS_PORT        = "6378"
          REDIS_TLS         = "true"
          REDIS_TLS_CA_PATH = "/run/redis-ca/ca.pem"
          EMAIL_SERVICE     = "smtp"
          EMAIL_FROM        = var.email_from
          SMTP_HOST         = var.smtp_host
          SMTP_USER         = var.smtp_user
          LOG_LEVEL         = "info"
          LOG_FORMAT        = "json"
        }
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = local.server_secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.auth[env.value].secret_id
              version = lookup(var.secret_versions, env.value, "1")
            }
          }
        }
      }
      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 30
        http_get {
          path = "/ready"
          port = 3000
        }
      }
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 3
        failure_threshold = 3
        http_get {
          path = "/health"
          port = 3000
        }
      }
    }
  }
  # deploy.sh changes these with every release.
  lifecycle {
    ignore_changes = [client, client_version, template[0].containers[0].image, template[0].revision]
  }
  depends_on = [google_secret_manager_secret_iam_member.server, google_project_iam_member.database]
}

# An authentication server is spoken to by people who are not signed in.
resource "google_cloud_run_v2_service_iam_member" "everybody" {
  name     = google_cloud_run_v2_service.auth.name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_job" "migration" {
  name                = "auth-api-migrate"
  location            = var.region
  deletion_protection = false
  template {
    template {
      service_account = google_service_account.migration.email
      max_retries     = 0
      timeout         = "600s"
      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = var.network
          subnetwork = var.subnetwork
        }
      }
      volumes {
        name = "cloudsql"
        cloud_sql_instance {
          instances = [google_sql_database_instance.auth.connection_name]
        }
      }
      containers {
        name  = "migrate"
        image = var.image
        args  = ["migrate", "up"]
        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }
        volume_mounts {
          name       = "cloudsql"
          mount_path = "/cloudsql"
        }
        dynamic "env" {
          for_each = {
            NODE_ENV      = "production"
            PUBLIC_URL    = var.public_url
            DB_HOST       = "/cloudsql/${google_sql_database_instance.auth.connection_name}"
            DB_NAME       = google_sql_database.auth.name
            DB_USER       = "auth_owner"
            EMAIL_SERVICE = "smtp"
            EMAIL_FROM    = var.email_from
            SMTP_HOST     = var.smtp_host
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
            name = env.key
            value_source {
              secret_key_ref {
                secret  = google_secret_manager_secret.auth[env.value].secret_id
                version = lookup(var.secret_versions, env.value, "1")
              }
            }
          }
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [client, client_version, template[0].template[0].containers[0].image]
  }
  depends_on = [google_secret_manager_secret_iam_member.migration, google_project_iam_member.database]
}
