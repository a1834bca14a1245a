variable "subscription_id" {
  type = string
}

variable "resource_group" {
  description = "The resource group that everything is made in; it exists already."
  type        = string
}

variable "name" {
  description = "What the names of registry, vault, database and cache start with: nobody else may have them."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,15}$", var.name))
    error_message = "name is 3 to 16 small letters and digits, a letter first."
  }
}

variable "app_subnet_id" {
  description = "The subnet of the Container Apps environment, delegated to Microsoft.App/environments."
  type        = string
}

variable "db_subnet_id" {
  description = "The subnet of the database, delegated to Microsoft.DBforPostgreSQL/flexibleServers."
  type        = string
}

variable "db_dns_zone_id" {
  description = "The private DNS zone of the database, linked to the network."
  type        = string
}

variable "db_admin_group" {
  description = "The group in Entra whose members administer the database."
  type        = object({ object_id = string, name = string })
}

variable "redis_host" {
  description = "The name that create-redis.sh printed. Made here, its key would stand in the state."
  type        = string
}

variable "trusted_proxies" {
  description = "The ranges that the environment's gateway speaks from: the subnet's own and 100.100.0.0/16."
  type        = list(string)
}

variable "public_url" {
  description = "The origin under which people reach the server."
  type        = string
  validation {
    condition     = can(regex("^https://[^/]+$", var.public_url))
    error_message = "public_url is an https origin without a path, such as https://auth.example.com."
  }
}

variable "email_from" {
  description = "The sender of all mail."
  type        = string
}

variable "smtp_host" {
  type = string
}

variable "smtp_user" {
  type = string
}

variable "image" {
  description = "The image, with a digest or a fixed tag. deploy.sh rolls later ones out; a plan does not take them back."
  type        = string
  validation {
    condition     = can(regex("[:@][^/]+$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image names no version: give a digest, or a tag other than latest."
  }
}

variable "db_sku" {
  type    = string
  default = "GP_Standard_D2ds_v5"
}

variable "db_storage_mb" {
  type    = number
  default = 131072
}

variable "db_backup_days" {
  type    = number
  default = 14
}

variable "min_replicas" {
  type    = number
  default = 3
}

variable "max_replicas" {
  type    = number
  default = 12
}
