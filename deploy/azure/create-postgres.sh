#!/usr/bin/env bash
# Creates the PostgreSQL 17 server of auth-api on Azure.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: create-postgres.sh [--dry-run]

Creates a flexible server (PostgreSQL 17, two zones, private network, TLS only, point-in-time recovery) and a lock
against its deletion. Its administrators are a group in Entra; the password that Azure makes besides is thrown away.

Variables: RESOURCE_GROUP, LOCATION, SERVER_NAME, DB_SUBNET_ID (delegated to
  Microsoft.DBforPostgreSQL/flexibleServers), DNS_ZONE_ID, ADMIN_GROUP_ID (object id), ADMIN_GROUP_NAME, and optionally
  SQL_SKU (Standard_D2ds_v5), SQL_STORAGE_GB (128), DB_BACKUP_DAYS (14)
TEXT
}

read_options "$@"
SQL_SKU=${SQL_SKU:-Standard_D2ds_v5}
SQL_STORAGE_GB=${SQL_STORAGE_GB:-128}
DB_BACKUP_DAYS=${DB_BACKUP_DAYS:-14}
resource='/subscriptions/[^[:space:]]+'
require RESOURCE_GROUP '[a-zA-Z0-9._()-]+' 'the name of a resource group'
require LOCATION '[a-z0-9]+' 'a location such as westeurope'
require SERVER_NAME '[a-z0-9][a-z0-9-]{1,61}[a-z0-9]' 'a name that nobody else has'
require DB_SUBNET_ID "$resource" 'the resource id of a subnet'
require DNS_ZONE_ID "$resource" 'the resource id of a private DNS zone that ends in .postgres.database.azure.com'
require ADMIN_GROUP_ID '[0-9a-f-]{36}' 'the object id of a group'
require ADMIN_GROUP_NAME '[^[:cntrl:]]+' 'the name of that group'
require SQL_SKU 'Standard_[A-Za-z0-9_]+' 'a size such as Standard_D2ds_v5'
require SQL_STORAGE_GB '[0-9]{2,5}' 'gigabytes, 32 or more'
require DB_BACKUP_DAYS '[7-9]|[12][0-9]|3[0-5]' 'days from 7 to 35'
settle
require_program az 'see https://learn.microsoft.com/cli/azure/install-azure-cli'
server=(--resource-group "$RESOURCE_GROUP" --server-name "$SERVER_NAME")

run az postgres flexible-server create \
  --resource-group "$RESOURCE_GROUP" \
  --name "$SERVER_NAME" \
  --location "$LOCATION" \
  --version 17 \
  --tier GeneralPurpose \
  --sku-name "$SQL_SKU" \
  --storage-size "$SQL_STORAGE_GB" \
  --storage-auto-grow Enabled \
  --high-availability ZoneRedundant \
  --backup-retention "$DB_BACKUP_DAYS" \
  --subnet "$DB_SUBNET_ID" \
  --private-dns-zone "$DNS_ZONE_ID" \
  --microsoft-entra-auth Enabled \
  --password-auth Enabled \
  --tags application=auth-api \
  --yes --query host --output tsv
run az postgres flexible-server microsoft-entra-admin create "${server[@]}" --object-id "$ADMIN_GROUP_ID" \
  --display-name "$ADMIN_GROUP_NAME" --type Group --query principalName --output tsv
for setting in require_secure_transport=ON azure.extensions=PG_STAT_STATEMENTS log_min_duration_statement=1000 \
  log_lock_waits=ON idle_in_transaction_session_timeout=60000; do
  run az postgres flexible-server parameter set "${server[@]}" --name "${setting%%=*}" --value "${setting#*=}" \
    --query value --output tsv
done
run az postgres flexible-server db create "${server[@]}" --database-name auth_db --query name --output tsv
run az lock create --name auth-api-keep --lock-type CanNotDelete --resource-group "$RESOURCE_GROUP" \
  --resource-name "$SERVER_NAME" --resource-type Microsoft.DBforPostgreSQL/flexibleServers --query name --output tsv
told "The database is there: DB_HOST=$SERVER_NAME.postgres.database.azure.com"
told 'Next: make the roles auth_owner and auth_app in it (README.md, "Roles").'
