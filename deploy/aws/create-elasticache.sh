#!/usr/bin/env bash
# Creates the Valkey 8 replication group of auth-api on ElastiCache.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: create-elasticache.sh [--users-only] [--dry-run]

Creates the user auth (password from the secret auth-api/redis-password, see secrets.sh), the user group auth-api and
the replication group auth-redis: Valkey 8, two nodes in two zones, TLS, encrypted, snapshots, nothing evicted.
--users-only stops after the user group: Terraform makes the rest.

Variables: AWS_REGION, SECURITY_GROUP_CACHE, and optionally
  CACHE_SUBNET_GROUP (auth-cache-subnet-group), CACHE_NODE_TYPE (cache.t4g.small)
TEXT
}

users_only=false
arguments=()
for word in "$@"; do
  if [[ $word == --users-only ]]; then users_only=true; else arguments+=("$word"); fi
done
read_options "${arguments[@]+"${arguments[@]}"}"
CACHE_SUBNET_GROUP=${CACHE_SUBNET_GROUP:-auth-cache-subnet-group}
CACHE_NODE_TYPE=${CACHE_NODE_TYPE:-cache.t4g.small}
require AWS_REGION '[a-z]{2}(-[a-z]+)+-[0-9]' 'a region such as eu-central-1'
if [[ $users_only == false ]]; then
  require SECURITY_GROUP_CACHE 'sg-[0-9a-f]+' 'a security group that lets only the tasks in, on 6379'
  require CACHE_SUBNET_GROUP '[a-zA-Z0-9-]+' 'the name of a cache subnet group with private subnets in two zones'
  require CACHE_NODE_TYPE 'cache\.[a-z0-9]+\.[a-z0-9]+' 'a type such as cache.t4g.small'
fi
settle
require_program aws 'see https://docs.aws.amazon.com/cli/'
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION AWS_PAGER=''

# The password goes from Secrets Manager through a file of this user into the request, never through an argument.
scratch_folder
input=$scratch/user.json
printf '{"UserId":"auth-api","UserName":"auth","Engine":"valkey",' >"$input"
# What the server needs and no more: no administration, nothing that empties or blocks the cache.
printf '"AccessString":"on ~* &* -@all +@read +@write +@connection +@pubsub +@scripting +@transaction -@dangerous","Passwords":["' >>"$input"
show aws secretsmanager get-secret-value --secret-id auth-api/redis-password --query SecretString --output text
if [[ $dry_run == false ]]; then
  aws secretsmanager get-secret-value --secret-id auth-api/redis-password --query SecretString --output text |
    tr -d '\r\n' >>"$input" || fail 69 'auth-api/redis-password cannot be read; run secrets.sh create first'
fi
printf '"]}\n' >>"$input"
run aws elasticache create-user --cli-input-json "file://$input" --query Status --output text
run aws elasticache create-user-group --user-group-id auth-api --engine valkey --user-ids auth-api \
  --query Status --output text
[[ $users_only == false ]] || exit 0

run aws elasticache create-cache-parameter-group --cache-parameter-group-name auth-valkey8 \
  --cache-parameter-group-family valkey8 --description 'auth-api: nothing is evicted' \
  --query CacheParameterGroup.CacheParameterGroupName --output text
run aws elasticache modify-cache-parameter-group --cache-parameter-group-name auth-valkey8 \
  --parameter-name-values ParameterName=maxmemory-policy,ParameterValue=noeviction \
  --query CacheParameterGroupName --output text
run aws elasticache create-replication-group \
  --replication-group-id auth-redis \
  --replication-group-description 'auth-api' \
  --engine valkey \
  --engine-version 8.0 \
  --cache-node-type "$CACHE_NODE_TYPE" \
  --num-cache-clusters 2 \
  --automatic-failover-enabled \
  --multi-az-enabled \
  --transit-encryption-enabled \
  --transit-encryption-mode required \
  --at-rest-encryption-enabled \
  --user-group-ids auth-api \
  --cache-parameter-group-name auth-valkey8 \
  --cache-subnet-group-name "$CACHE_SUBNET_GROUP" \
  --security-group-ids "$SECURITY_GROUP_CACHE" \
  --snapshot-retention-limit 3 \
  --auto-minor-version-upgrade \
  --tags Key=application,Value=auth-api \
  --query ReplicationGroup.Status --output text
run aws elasticache wait replication-group-available --replication-group-id auth-redis
endpoint=$(ask '<endpoint of auth-redis>' aws elasticache describe-replication-groups --replication-group-id auth-redis \
  --query 'ReplicationGroups[0].NodeGroups[0].PrimaryEndpoint.Address' --output text)
told "The cache is there: REDIS_HOST=$endpoint"
