import { text } from '../parsers.ts';
import { credential } from '../secret-parsers.ts';
import { optional, setting } from '../setting.ts';
import { baseUrl } from '../url-parsers.ts';

export const secretStores = {
  AWS_SECRETS_ENDPOINT: optional(baseUrl, {
    defaultNote: "AWS's own",
    description: 'Another address of AWS Secrets Manager for `aws-sm://`, such as a VPC endpoint or a stand-in.',
    example: 'http://127.0.0.1:4566',
  }),
  VAULT_ADDR: optional(baseUrl, {
    description: 'The address of HashiCorp Vault or OpenBao. Required for `vault://`.',
    example: 'https://vault.example.com:8200',
  }),
  VAULT_TOKEN: optional(credential, {
    isSecret: true,
    description: 'The token for Vault. Required for `vault://`; `VAULT_TOKEN_FILE` reads what the Vault agent writes.',
    example: 'TOKEN',
  }),
  VAULT_NAMESPACE: optional(text('a path', /^[\w./-]{1,200}$/), {
    description: 'The namespace in Vault.',
    example: 'platform/auth',
  }),
  GCP_SM_ENDPOINT: setting(baseUrl, {
    default: 'https://secretmanager.googleapis.com',
    description: "The address of Google's Secret Manager for `gcp-sm://`.",
    example: 'https://secretmanager.googleapis.com',
  }),
  GCE_METADATA_HOST: setting(text('a host, with or without a port', /^[\w.[\]:-]{1,255}$/), {
    default: 'metadata.google.internal',
    description: "Google's metadata server, which gives the token of the machine's service account.",
    example: 'metadata.google.internal',
  }),
  AZURE_KV_ENDPOINT: optional(baseUrl, {
    defaultNote: '`https://{vault-name}.vault.azure.net`',
    description: 'Another address of Azure Key Vault for `azure-kv://`, such as a national cloud or a stand-in.',
    example: 'http://127.0.0.1:4577',
  }),
  AZURE_IMDS_ENDPOINT: setting(baseUrl, {
    default: 'http://169.254.169.254',
    description: "Azure's instance metadata service, which gives the token of the managed identity.",
    example: 'http://169.254.169.254',
  }),
  AZURE_CLIENT_ID: optional(text('the client id of an identity', /^[\w-]{1,100}$/), {
    description: 'Which user-assigned managed identity is meant, where there are several.',
    example: '00000000-0000-0000-0000-000000000000',
  }),
};
