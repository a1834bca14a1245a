variable "region" {
  description = "The region that everything is made in."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "public_subnet_ids" {
  description = "Subnets of the load balancer, in two zones."
  type        = list(string)
  validation {
    condition     = length(var.public_subnet_ids) >= 2
    error_message = "A load balancer takes at least two subnets."
  }
}

variable "private_subnet_ids" {
  description = "Subnets of the tasks, the database and the cache, in two zones, with a way out to the registry and SES."
  type        = list(string)
  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "The database takes at least two subnets."
  }
}

variable "trusted_proxies" {
  description = "The ranges of the load balancer's subnets: only their word about a client's address is taken."
  type        = list(string)
}

variable "certificate_arn" {
  description = "The certificate of public_url in ACM."
  type        = string
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
  description = "The sender of all mail, verified in SES."
  type        = string
}

variable "image" {
  description = "The image, with a digest or a fixed tag. deploy-ecs.sh rolls later ones out; a plan does not take them back."
  type        = string
  validation {
    condition     = can(regex("[:@][^/]+$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image names no version: give a digest, or a tag other than latest."
  }
}

variable "redis_user_group_id" {
  description = "The user group that create-elasticache.sh --users-only makes: so no password comes into the state."
  type        = string
  default     = "auth-api"
}

variable "db_ca_parameter" {
  description = "The parameter that create-rds.sh makes, with the authority of the database's certificate."
  type        = string
  default     = "/auth-api/db-ca"
}

variable "db_instance_class" {
  type    = string
  default = "db.t4g.medium"
}

variable "db_storage_gb" {
  type    = number
  default = 100
}

variable "db_backup_days" {
  type    = number
  default = 7
}

variable "cache_node_type" {
  type    = string
  default = "cache.t4g.small"
}

variable "min_tasks" {
  type    = number
  default = 3
}

variable "max_tasks" {
  type    = number
  default = 12
}

variable "deletion_protection" {
  description = "Keeps the database and the load balancer from being deleted by a plan."
  type        = bool
  default     = true
}
