output "db_instance" {
  value = google_sql_database_instance.auth.connection_name
}

output "redis_host" {
  value = data.google_redis_instance.auth.host
}

output "service_account" {
  value = google_service_account.server.email
}

output "service_uri" {
  value = google_cloud_run_v2_service.auth.uri
}
