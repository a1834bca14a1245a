variable "project" {
  description = "The id of the project."
  type        = string
}

variable "region" {
  description = "The region that everything is made in."
  type        = string
}

variable "network" {
  description = "The network (self link), with private services access for the database and the cache."
  type        = string
}

variable "subnetwork" {
  description = "The subnetwork that Cloud Run sends into."
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
  description = "The sender of all mail."
  type        = string
}

variable "smtp_host" {
  type = string
}

variable "smtp_user" {
  type = string
}

variable "trusted_proxies" {
  description = "Where requests come from: Cloud Run's own front end, and the load balancer's reserved address."
  type        = list(string)
  default     = ["169.254.0.0/16"]
}

variable "image" {
  description = "The image, with a digest or a fixed tag. deploy.sh rolls later ones out; a plan does not take them back."
  type        = string
  validation {
    condition     = can(regex("[:@][^/]+$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image names no version: give a digest, or a tag other than latest."
  }
}

variable "secret_versions" {
  description = "Which version of each secret is used; secrets.sh makes them."
  type        = map(string)
  default     = {}
}

variable "db_tier" {
  type    = string
  default = "db-custom-2-7680"
}

variable "db_storage_gb" {
  type    = number
  default = 100
}

variable "min_instances" {
  type    = number
  default = 2
}

variable "max_instances" {
  type    = number
  default = 20
}

variable "deletion_protection" {
  description = "Keeps the database and the service from being deleted by a plan."
  type        = bool
  default     = true
}
