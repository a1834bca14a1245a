#!/usr/bin/env bash
# Creates the Azure Managed Redis of auth-api and puts its key into the key vault.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: create-redis.sh [--dry-run]

Creates an Azure Managed Redis (two zones, TLS, nothing evicted, snapshots every hour) and puts its key straight into
the key vault as redis-password. Clients speak to it as to one server (no cluster protocol), through a private endpoint.

Variables: RESOURCE_GROUP, LOCATION, REDIS_NAME, VAULT, ENDPOINT_SUBNET_ID, REDIS_DNS_ZONE_ID (the private zone
  privatelink.redis.azure.net), and optionally REDIS_SKU (Balanced_B1)
TEXT
}

read_options "$@"
REDIS_SKU=${REDIS_SKU:-Balanced_B1}
require RESOURCE_GROUP '[a-zA-Z0-9._()-]+' 'the name of a resource group'
require LOCATION '[a-z0-9]+' 'a location such as westeurope'
require REDIS_NAME '[a-z0-9][a-z0-9-]{1,58}[a-z0-9]' 'a name that nobody else has'
require VAULT '[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]' 'the name of a key vault'
require ENDPOINT_SUBNET_ID '/subscriptions/[^[:space:]]+' 'the resource id of the subnet of the private endpoint'
require REDIS_DNS_ZONE_ID '/subscriptions/[^[:space:]]+' 'the resource id of the private zone privatelink.redis.azure.net'
require REDIS_SKU '[A-Za-z]+_[A-Z]+[0-9]+' 'a size such as Balanced_B1'
settle
require_program az 'see https://learn.microsoft.com/cli/azure/install-azure-cli'
redis=(--resource-group "$RESOURCE_GROUP" --cluster-name "$REDIS_NAME")

run az redisenterprise create "${redis[@]}" \
  --location "$LOCATION" \
  --sku "$REDIS_SKU" \
  --high-availability Enabled \
  --public-network-access Disabled \
  --minimum-tls-version 1.2 \
  --client-protocol Encrypted \
  --clustering-policy EnterpriseCluster \
  --eviction-policy NoEviction \
  --port 10000 \
  --access-keys-auth Enabled \
  --persistence rdb-enabled=true rdb-frequency=1h \
  --tags application=auth-api \
  --query name --output tsv
id=$(ask '<id of the cache>' az redisenterprise show "${redis[@]}" --query id --output tsv)
run az network private-endpoint create --resource-group "$RESOURCE_GROUP" --name auth-redis --location "$LOCATION" \
  --subnet "$ENDPOINT_SUBNET_ID" --connection-name auth-redis --group-id redisEnterprise \
  --private-connection-resource-id "$id" --query name --output tsv
run az network private-endpoint dns-zone-group create --resource-group "$RESOURCE_GROUP" --endpoint-name auth-redis \
  --name default --zone-name redis --private-dns-zone "$REDIS_DNS_ZONE_ID" --query name --output tsv
show az redisenterprise database list-keys "${redis[@]}" --query primaryKey --output tsv
if [[ $dry_run == false ]]; then
  az redisenterprise database list-keys "${redis[@]}" --query primaryKey --output tsv | "$here/secrets.sh" put redis-password
fi
host=$(ask '<name of the cache>' az redisenterprise show "${redis[@]}" --query hostName --output tsv)
told "The cache is there: REDIS_HOST=$host"
