#!/usr/bin/env bash
# Creates the PostgreSQL 17 instance of auth-api on RDS.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: create-rds.sh [--dry-run]

Creates the parameter group auth-db-pg17, the instance auth-db (PostgreSQL 17, two zones, encrypted, TLS only,
point-in-time recovery) and the parameter /auth-api/db-ca with the authority that its certificate is verified by.
RDS makes the master password itself and keeps it in Secrets Manager: nobody types it.

Variables: AWS_REGION, SECURITY_GROUP_DB, and optionally
  DB_SUBNET_GROUP (auth-subnet-group), DB_INSTANCE_CLASS (db.t4g.medium), DB_STORAGE_GB (100),
  DB_BACKUP_DAYS (7), RDS_CA_FILE (a downloaded bundle; otherwise it is fetched from Amazon)
TEXT
}

read_options "$@"
DB_SUBNET_GROUP=${DB_SUBNET_GROUP:-auth-subnet-group}
DB_INSTANCE_CLASS=${DB_INSTANCE_CLASS:-db.t4g.medium}
DB_STORAGE_GB=${DB_STORAGE_GB:-100}
DB_BACKUP_DAYS=${DB_BACKUP_DAYS:-7}
require AWS_REGION '[a-z]{2}(-[a-z]+)+-[0-9]' 'a region such as eu-central-1'
require SECURITY_GROUP_DB 'sg-[0-9a-f]+' 'a security group such as sg-0123456789abcdef0 that lets only the tasks in, on 5432'
require DB_SUBNET_GROUP '[a-zA-Z0-9._-]+' 'the name of a subnet group with private subnets in two zones'
require DB_INSTANCE_CLASS 'db\.[a-z0-9]+\.[a-z0-9]+' 'a class such as db.t4g.medium'
require DB_STORAGE_GB '[0-9]{2,5}' 'gigabytes, 20 or more'
require DB_BACKUP_DAYS '[1-9]|[12][0-9]|3[0-5]' 'days from 1 to 35; 0 would switch point-in-time recovery off'
settle
require_program aws 'see https://docs.aws.amazon.com/cli/'
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION AWS_PAGER=''

scratch_folder
ca=${RDS_CA_FILE:-$scratch/rds-ca.pem}
if [[ -z ${RDS_CA_FILE:-} ]]; then
  run curl --fail --silent --show-error --proto =https --max-time 30 --output "$ca" \
    "https://truststore.pki.rds.amazonaws.com/$AWS_REGION/$AWS_REGION-bundle.pem" ||
    fail 69 'the certificates of RDS cannot be fetched; download the bundle of the region and set RDS_CA_FILE'
fi
run aws ssm put-parameter --name /auth-api/db-ca --type String --tier Advanced --overwrite \
  --value "file://$ca" --query Version --output text

run aws rds create-db-parameter-group \
  --db-parameter-group-name auth-db-pg17 \
  --db-parameter-group-family postgres17 \
  --description 'auth-api: TLS only, slow statements logged' \
  --query DBParameterGroup.DBParameterGroupName --output text
run aws rds modify-db-parameter-group \
  --db-parameter-group-name auth-db-pg17 \
  --parameters \
  ParameterName=rds.force_ssl,ParameterValue=1,ApplyMethod=immediate \
  ParameterName=log_min_duration_statement,ParameterValue=1000,ApplyMethod=immediate \
  ParameterName=log_lock_waits,ParameterValue=1,ApplyMethod=immediate \
  ParameterName=idle_in_transaction_session_timeout,ParameterValue=60000,ApplyMethod=immediate \
  --query DBParameterGroupName --output text

run aws rds create-db-instance \
  --db-instance-identifier auth-db \
  --db-name auth_db \
  --db-instance-class "$DB_INSTANCE_CLASS" \
  --engine postgres \
  --engine-version 17 \
  --master-username postgres \
  --manage-master-user-password \
  --allocated-storage "$DB_STORAGE_GB" \
  --max-allocated-storage "$((DB_STORAGE_GB * 4))" \
  --storage-type gp3 \
  --storage-encrypted \
  --db-parameter-group-name auth-db-pg17 \
  --vpc-security-group-ids "$SECURITY_GROUP_DB" \
  --db-subnet-group-name "$DB_SUBNET_GROUP" \
  --no-publicly-accessible \
  --multi-az \
  --backup-retention-period "$DB_BACKUP_DAYS" \
  --preferred-backup-window 02:00-03:00 \
  --preferred-maintenance-window sun:03:30-sun:04:30 \
  --copy-tags-to-snapshot \
  --deletion-protection \
  --auto-minor-version-upgrade \
  --ca-certificate-identifier rds-ca-rsa2048-g1 \
  --enable-performance-insights \
  --enable-cloudwatch-logs-exports '["postgresql"]' \
  --tags Key=application,Value=auth-api \
  --query DBInstance.DBInstanceStatus --output text
run aws rds wait db-instance-available --db-instance-identifier auth-db

endpoint=$(ask '<endpoint of auth-db>' aws rds describe-db-instances --db-instance-identifier auth-db \
  --query 'DBInstances[0].Endpoint.Address' --output text)
told "The database is there: DB_HOST=$endpoint"
told 'Next: make the roles auth_owner and auth_app in it (README.md, "Roles").'
