/**
 * What the rest of the house sees of the settings: read once, validated, frozen. A plain setting keeps the name of its
 * environment variable, so that one search finds the documentation, the reading and every use. Durations are seconds
 * unless a comment says otherwise.
 */
export interface Config {
  readonly NODE_ENV: 'production' | 'development' | 'test';
  readonly HOST: string;
  readonly PORT: number;
  readonly API_PREFIX: string;
  /** An origin, without a trailing slash. */
  readonly PUBLIC_URL: string;
  readonly APP_LINK_BASE: string;
  readonly DATA_DIR: string;
  readonly TRUSTED_PROXIES: readonly string[];
  readonly CORS_ORIGIN: readonly string[];

  readonly database: EmbeddedDatabase | PostgresDatabase;
  readonly MIGRATE_ON_START: boolean;
  readonly redis: RedisSettings | null;

  readonly JWT_ISSUER: string;
  readonly JWT_AUDIENCE: string;
  readonly JWT_EXPIRES_IN: number;
  readonly JWT_REFRESH_EXPIRES_IN: number;
  readonly JWT_ALG: 'EdDSA' | 'ES256' | 'RS256' | 'HS256' | null;
  /** Where access tokens are signed with: the operator's key pair, a shared secret, or keys that the server makes. */
  readonly jwtKeys:
    | { readonly kind: 'files'; readonly privatePem: string; readonly publicPem: string }
    | { readonly kind: 'secret'; readonly secrets: readonly string[] }
    | { readonly kind: 'managed' };
  readonly JWT_REFRESH_SECRET: readonly string[];
  readonly SESSION_SECRET: readonly string[];
  readonly CSRF_SECRET: readonly string[];
  /** 32 bytes each; the first encrypts. */
  readonly ENCRYPTION_KEY: readonly Buffer[];
  readonly SESSION_MAX_AGE: number;
  readonly REFRESH_GRACE_SECONDS: number;
  readonly REAUTH_WITHIN: number;

  readonly EMAIL_VERIFICATION: 'required' | 'optional';
  readonly EMAIL_FROM: string;
  readonly mail:
    | { readonly kind: 'inbox' }
    | {
        readonly kind: 'smtp';
        readonly host: string;
        readonly port: number;
        readonly secure: boolean;
        readonly user?: string;
        readonly password?: string;
        readonly requireTls: boolean;
      }
    | {
        readonly kind: 'ses';
        readonly region: string;
        readonly accessKeyId?: string;
        readonly secretAccessKey?: string;
        readonly sessionToken?: string;
        readonly endpoint?: string;
      };

  readonly PASSWORD_HASH: 'argon2id' | 'bcrypt';
  readonly BCRYPT_SALT_ROUNDS: number;
  readonly PASSWORD_MIN_LENGTH: number;
  readonly PASSWORD_BREACH_CHECK: boolean;
  /** How many passwords are hashed at once: at least 1, whatever was set. */
  readonly HASH_CONCURRENCY: number;
  readonly HASH_QUEUE: number;

  /** What people know the service as. */
  readonly SERVICE_NAME: string;
  readonly REQUIRE_MFA: 'nobody' | 'everyone' | readonly string[];
  readonly REQUIRE_MFA_GRACE: number;
  readonly MFA_EMAIL_CODE: boolean;
  readonly MFA_RESET_DELAY: number;
  readonly TRUSTED_DEVICE_AGE: number;
  readonly PASSKEY_AS_FACTOR: boolean;
  readonly SIGN_UP_BY_MAIL: boolean;
  readonly webauthn: {
    readonly rpId: string;
    readonly origins: readonly string[];
    /** Root certificates (PEM); null: any authenticator. */
    readonly attestationRoots: readonly string[] | null;
  };

  /** Per address: `max` requests per `seconds` that carry no valid session. */
  readonly rateLimitAddress: RateLimit;
  readonly RATE_LIMIT_LOGIN: RateLimit;
  readonly RATE_LIMIT_USER: RateLimit;

  readonly tls: { readonly keyPath: string; readonly certPath: string; readonly caPath?: string } | null;

  readonly LOG_LEVEL: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  readonly LOG_FORMAT: 'json' | 'pretty';
  readonly LOG_FILE: string | null;
  /** Bytes. */
  readonly LOG_MAX_SIZE: number;
  readonly LOG_MAX_FILES: number;
  readonly AUDIT_RETENTION_DAYS: number;

  readonly ENABLE_METRICS: boolean;
  readonly METRICS_PORT: number;
  readonly HEALTH_CHECK_PATH: string;
  readonly READY_CHECK_PATH: string;

  /** From SIGTERM to the end, at most. */
  readonly SHUTDOWN_GRACE: number;
  /** Its first part, in which requests are still accepted. */
  readonly SHUTDOWN_DELAY: number;
  readonly EMBEDDED_ACCEPT_POWER_LOSS: boolean;

  /** Where providers send people back to; the id of the provider is put behind it. */
  readonly OAUTH_REDIRECT_URL: string;
  readonly providers: readonly ProviderSettings[];
}

/** Somebody else's accounts that people may sign in with, as its preset and its entry say together. */
export interface ProviderSettings {
  readonly id: string;
  readonly preset: string | null;
  readonly name: string;
  readonly protocol: 'oidc' | 'oauth';
  /** May hold `{tenantid}`. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientAuth:
    | { readonly kind: 'post' | 'basic'; readonly secret: string }
    | { readonly kind: 'apple'; readonly teamId: string; readonly keyId: string; readonly privateKey: string };
  readonly scopes: string;
  readonly responseMode: 'query' | 'form_post';
  readonly parameters: Readonly<Record<string, string>>;
  /** Whether its `email_verified: true` counts at all. */
  readonly verifiesAddresses: boolean;
  /** Where its word is as good as the mailbox; `*`: everywhere. */
  readonly authoritativeDomains: readonly string[];
  readonly hostedDomainClaim: string | null;
  readonly storesTokens: boolean;
  /** Other hosts than the issuer's that the server may call. */
  readonly hosts: readonly string[];
}

export interface RateLimit {
  readonly max: number;
  readonly seconds: number;
}

export interface EmbeddedDatabase {
  readonly kind: 'embedded';
  readonly directory: string;
}

export interface PostgresDatabase {
  readonly kind: 'postgres';
  readonly connection: PostgresConnection;
  /** Past any pooler: for migrations and listening. The same as `connection` unless DATABASE_DIRECT_URL is set. */
  readonly direct: PostgresConnection;
  readonly poolMin: number;
  readonly poolMax: number;
}

export interface PostgresConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly tls:
    | false
    | { readonly rejectUnauthorized: boolean; readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export interface RedisSettings {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
  readonly tls: boolean;
  /** PEM; instead of the public authorities. */
  readonly ca?: string;
}
