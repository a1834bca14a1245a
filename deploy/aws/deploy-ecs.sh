#!/usr/bin/env bash
# Migrates the database with a one-off task, then rolls the service on ECS to the new image.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: deploy-ecs.sh [--dry-run]

1. registers both task definitions, filled from the variables
2. runs the migration as a one-off task and waits: anything but exit code 0 stops here, the old version goes on serving
3. creates or updates the service; ECS rolls back by itself where the new tasks do not become healthy
4. says 1 where ECS rolled back

Variables: AWS_REGION, IMAGE (with a digest or a fixed tag), PUBLIC_URL, EMAIL_FROM, TRUSTED_PROXIES (the subnets of
  the load balancer), DB_HOST, REDIS_HOST, EXECUTION_ROLE_ARN, TASK_ROLE_ARN, SUBNET_A, SUBNET_B, SECURITY_GROUP,
  TARGET_GROUP_ARN, and optionally CLUSTER (auth-api), MIN_TASKS (3), MAX_TASKS (12)

Exit codes: 0 done, 1 the migration or the new version failed, 64 wrong call, 69 AWS cannot be had, 78 wrong variables
TEXT
}

read_options "$@"
CLUSTER=${CLUSTER:-auth-api}
MIN_TASKS=${MIN_TASKS:-3}
MAX_TASKS=${MAX_TASKS:-12}
require AWS_REGION '[a-z]{2}(-[a-z]+)+-[0-9]' 'a region such as eu-central-1'
require_image IMAGE 'an image such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/auth-api@sha256:…'
require PUBLIC_URL 'https://[^/[:space:]]+' 'an origin such as https://auth.example.com'
require EMAIL_FROM '.+@.+' 'a sender such as Example <no-reply@example.com>'
require TRUSTED_PROXIES '[0-9a-f.:/, ]+' 'the ranges of the load balancer'\''s subnets, such as 10.0.0.0/24,10.0.1.0/24'
require DB_HOST '[a-zA-Z0-9.-]+' 'the endpoint that create-rds.sh printed'
require REDIS_HOST '[a-zA-Z0-9.-]+' 'the endpoint that create-elasticache.sh printed'
require EXECUTION_ROLE_ARN 'arn:aws[a-z-]*:iam::[0-9]{12}:role/.+' 'the role that may read the secrets and write logs'
require TASK_ROLE_ARN 'arn:aws[a-z-]*:iam::[0-9]{12}:role/.+' 'the role of the server itself (SES)'
require SUBNET_A 'subnet-[0-9a-f]+' 'a private subnet'
require SUBNET_B 'subnet-[0-9a-f]+' 'a private subnet in another zone'
require SECURITY_GROUP 'sg-[0-9a-f]+' 'the security group of the tasks'
require TARGET_GROUP_ARN 'arn:aws[a-z-]*:elasticloadbalancing:.+' 'a target group of type ip whose health check asks /ready'
require MIN_TASKS '[1-9][0-9]*' 'a number'
require MAX_TASKS '[1-9][0-9]*' 'a number'
settle
require_program aws 'see https://docs.aws.amazon.com/cli/'
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION AWS_PAGER=''
network="awsvpcConfiguration={subnets=[$SUBNET_A,$SUBNET_B],securityGroups=[$SECURITY_GROUP],assignPublicIp=DISABLED}"
readonly secret_names=(JWT_REFRESH_SECRET SESSION_SECRET CSRF_SECRET ENCRYPTION_KEY DB_OWNER_PASSWORD DB_APP_PASSWORD
  REDIS_PASSWORD)

# Each secret's whole ARN, with the six characters that AWS appends: ECS asks for exactly that one.
find_secrets() {
  local name lower arn
  for name in "${secret_names[@]}"; do
    lower=${name,,}
    lower=auth-api/${lower//_/-}
    arn=$(ask "arn:aws:secretsmanager:$AWS_REGION:123456789012:secret:$lower-AbCdEf" \
      aws secretsmanager describe-secret --secret-id "$lower" --query ARN --output text) ||
      fail 69 "the secret $lower cannot be found; run secrets.sh create. Nothing was changed"
    printf -v "${name}_ARN" '%s' "$arn"
  done
  DB_CA_ARN=$(ask "arn:aws:ssm:$AWS_REGION:123456789012:parameter/auth-api/db-ca" \
    aws ssm get-parameter --name /auth-api/db-ca --query Parameter.ARN --output text) ||
    fail 69 'the parameter /auth-api/db-ca cannot be found; create-rds.sh makes it. Nothing was changed'
  export DB_CA_ARN
}

register() {
  fill "$here/$1" IMAGE AWS_REGION PUBLIC_URL EMAIL_FROM TRUSTED_PROXIES DB_HOST REDIS_HOST EXECUTION_ROLE_ARN \
    TASK_ROLE_ARN DB_CA_ARN "${secret_names[@]/%/_ARN}" >"$scratch/$1"
  ask "arn:aws:ecs:$AWS_REGION:123456789012:task-definition/$2:1" aws ecs register-task-definition \
    --cli-input-json "file://$scratch/$1" --query taskDefinition.taskDefinitionArn --output text ||
    fail 69 "ECS did not take $1; nothing was changed"
}

migrate() {
  local task status
  task=$(ask '<migration task>' aws ecs run-task --cluster "$CLUSTER" --launch-type FARGATE --task-definition "$1" \
    --network-configuration "$network" --started-by deploy-ecs --query 'tasks[0].taskArn' --output text) ||
    fail 69 'the migration could not be started; nothing was changed'
  [[ $task != None ]] || fail 69 'ECS had no room for the migration; nothing was changed'
  run aws ecs wait tasks-stopped --cluster "$CLUSTER" --tasks "$task" ||
    fail 1 "the migration does not end; look at $task in the log group /ecs/auth-api. The old version goes on serving"
  status=$(ask 0 aws ecs describe-tasks --cluster "$CLUSTER" --tasks "$task" \
    --query "tasks[0].containers[?name=='migrate'].exitCode | [0]" --output text)
  [[ $status == 0 ]] || fail 1 "the migration ended with exit code $status (None: it never started). See $task in the \
log group /ecs/auth-api, stream prefix migrate. The old version goes on serving"
  told 'The schema is up to date.'
}

release() {
  local state
  TASK_DEFINITION_ARN=$1
  state=$(ask ACTIVE aws ecs describe-services --cluster "$CLUSTER" --services auth-api \
    --query 'services[0].status' --output text) || fail 69 "the cluster $CLUSTER cannot be asked"
  if [[ $state == ACTIVE ]]; then
    # A service that Terraform made stands at 0 until its schema is there.
    run aws ecs update-service --cluster "$CLUSTER" --service auth-api --task-definition "$TASK_DEFINITION_ARN" \
      --desired-count "$(wanted)" \
      --deployment-configuration 'deploymentCircuitBreaker={enable=true,rollback=true},minimumHealthyPercent=100,maximumPercent=200' \
      --query service.status --output text
  else
    fill "$here/ecs-service.json" CLUSTER TASK_DEFINITION_ARN TARGET_GROUP_ARN SUBNET_A SUBNET_B SECURITY_GROUP \
      >"$scratch/ecs-service.json"
    run aws ecs create-service --cli-input-json "file://$scratch/ecs-service.json" --query service.status --output text
  fi
  run aws ecs wait services-stable --cluster "$CLUSTER" --services auth-api ||
    fail 1 'the service did not settle within ten minutes; ECS rolls back by itself where new tasks fail'
  check_release
}

# As many as run now, at least MIN_TASKS: an update must not undo what the autoscaler did.
wanted() {
  local now
  now=$(ask "$MIN_TASKS" aws ecs describe-services --cluster "$CLUSTER" --services auth-api \
    --query 'services[0].desiredCount' --output text)
  printf '%s' "$((now > MIN_TASKS ? now : MIN_TASKS))"
}

check_release() {
  local running
  running=$(ask "$TASK_DEFINITION_ARN" aws ecs describe-services --cluster "$CLUSTER" --services auth-api \
    --query "services[0].deployments[?status=='PRIMARY'].taskDefinition | [0]" --output text)
  [[ $running == "$TASK_DEFINITION_ARN" ]] ||
    fail 1 "ECS rolled back to $running: the new tasks did not become healthy. See their logs in /ecs/auth-api"
  told "The service runs $running."
}

scale() {
  run aws application-autoscaling register-scalable-target --service-namespace ecs \
    --scalable-dimension ecs:service:DesiredCount --resource-id "service/$CLUSTER/auth-api" \
    --min-capacity "$MIN_TASKS" --max-capacity "$MAX_TASKS"
  run aws application-autoscaling put-scaling-policy --service-namespace ecs \
    --scalable-dimension ecs:service:DesiredCount --resource-id "service/$CLUSTER/auth-api" \
    --policy-name auth-api-cpu --policy-type TargetTrackingScaling --target-tracking-scaling-policy-configuration \
    'TargetValue=60,PredefinedMetricSpecification={PredefinedMetricType=ECSServiceAverageCPUUtilization},ScaleInCooldown=300,ScaleOutCooldown=30' \
    --query PolicyARN --output text
}

scratch_folder
find_secrets
migration=$(register ecs-migrate-task-definition.json auth-api-migrate)
server=$(register ecs-task-definition.json auth-api)
migrate "$migration"
release "$server"
scale
