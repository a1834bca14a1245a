/**
 * A request that is refused for a reason its sender may know. Every refusal carries a stable `code` from the one
 * catalogue below; `platform/http` renders it as RFC 9457 `application/problem+json`, and
 * `docs/reference/errors.md` is generated from the catalogue. Anything thrown that is not a Refusal is a bug and a 500.
 */
const catalogue = {
  // 400
  validation_failed: [
    400,
    'The request is not valid',
    'A field is missing, unknown or of the wrong form; `errors` names each.',
  ],
  malformed_request: [
    400,
    'The request cannot be read',
    'Broken JSON, duplicate keys, forbidden keys or characters, or conflicting credentials.',
  ],
  token_invalid: [
    400,
    'The link or code is not valid',
    'Unknown, used, expired, replaced, or made for another purpose: one answer for all.',
  ],
  password_rejected: [
    400,
    'The password cannot be used',
    'Too short, too long, common, breached, or made of the account’s own name or address; `errors` says which.',
  ],
  state_invalid: [
    400,
    'This sign-in cannot be finished here',
    'The state is unknown, used, expired, of another browser or another provider: begin again at `/oauth/{provider}/start`.',
  ],
  provider_denied: [
    400,
    'The provider did not sign the person in',
    'Consent was denied or cancelled there, or the provider refused the request; `detail` has its error code.',
  ],
  provider_answer_invalid: [
    400,
    'The answer of the provider is not valid',
    'Its tokens do not prove who signed in; nothing was changed. The log says what was wrong.',
  ],
  return_to_not_allowed: [
    400,
    'The address to return to is not allowed',
    'Take a path of this server, or an address at an origin of CORS_ORIGIN with a `code_challenge`.',
  ],
  passkey_rejected: [
    400,
    'The passkey cannot be registered',
    'Its answer does not fit the challenge, the origin or the policy, or it is registered already.',
  ],
  // 401
  invalid_credentials: [
    401,
    'The credentials are not valid',
    'One answer for unknown, wrong, locked, disabled and passwordless accounts.',
  ],
  unauthenticated: [401, 'Authentication is required', 'No credential was sent, or it is not valid.'],
  token_expired: [401, 'The access token has expired', 'Get a new one with the refresh token.'],
  refresh_token_invalid: [401, 'The refresh token is not valid', 'Malformed, forged or unknown.'],
  refresh_token_reused: [
    401,
    'The refresh token was used before',
    'The session was ended because an old refresh token came back (RFC 9700, section 4.14).',
  ],
  session_revoked: [401, 'The session has ended', 'Signed out, revoked, or the account changed.'],
  session_expired: [401, 'The session has expired', 'Idle for too long, or past its absolute lifetime.'],
  passkey_invalid: [
    401,
    'The passkey is not valid',
    'Unknown, of another site, without user verification, or for a challenge that is used or over: one answer for all.',
  ],
  mfa_invalid: [401, 'The second factor is not valid', 'Wrong, used or expired.'],
  // 403
  forbidden: [403, 'Not allowed', 'The signed-in user lacks the permission this takes.'],
  csrf_invalid: [403, 'The CSRF token is missing or wrong', 'Cookie sessions send `X-CSRF-Token` on unsafe methods.'],
  origin_not_allowed: [
    403,
    'The origin is not allowed',
    'The request comes from a site that is neither this server nor in CORS_ORIGIN.',
  ],
  email_not_verified: [
    403,
    'The address is not verified',
    'Follow the link in the verification mail first; it can be sent again.',
  ],
  reauthentication_required: [
    403,
    'Recent authentication is required',
    'Call `POST /auth/reauthenticate`, then try again; `factors`, if there are any, says which proof it takes.',
  ],
  mfa_enrollment_required: [
    403,
    'This account needs a second factor',
    'REQUIRE_MFA wants one: enrol it under `/me/mfa` or `/me/passkeys`; until then the session is good for nothing else.',
  ],
  registration_closed: [
    403,
    'Registration is closed',
    'The feature flag `registration` is off, for this address at least: one answer for free and taken ones.',
  ],
  feature_disabled: [403, 'This is switched off', 'A feature flag of the server is off; `detail` names it.'],
  setup_closed: [403, 'The set-up is closed', 'There is an administrator already.'],
  // 404 …
  provider_unknown: [404, 'No such provider', 'It is not configured on this server.'],
  not_found: [404, 'Not found', 'No such thing, or not yours to see.'],
  method_not_allowed: [405, 'The method is not allowed here', 'The `Allow` header names the methods of this path.'],
  request_timeout: [408, 'The request took too long to arrive', 'Send the whole request at once.'],
  email_taken: [
    409,
    'The address is taken',
    'Where EMAIL_VERIFICATION=optional, and when an administrator creates an account.',
  ],
  conflict: [
    409,
    'The change conflicts with the present state',
    'For example the last administrator, or a name that exists.',
  ],
  opened_elsewhere: [
    409,
    'The link was opened in another place than it was asked for',
    'Call `POST /auth/magic-link/code` with it, and type the code that it gives where the link was asked for.',
  ],
  link_required: [
    409,
    'There is an account with this address',
    'Sign in to it in another way, then link the provider with `POST /me/identities`.',
  ],
  identity_taken: [409, 'The account at the provider is linked already', 'To this account, or to another.'],
  last_sign_in_method: [
    409,
    'This is the last way into the account',
    'Add a password, a passkey or another provider first.',
  ],
  factor_exists: [409, 'The account has this second factor already', 'Remove it first, then enrol it anew.'],
  version_stale: [
    412,
    'The object has changed since it was read',
    'Read it again and send its new ETag in `If-Match`.',
  ],
  body_too_large: [413, 'The body is too large', 'See the limit in `detail`.'],
  unsupported_media_type: [415, 'The content type is not supported', 'Send `application/json` in UTF-8.'],
  idempotency_key_reused: [
    422,
    'The idempotency key was used with another request',
    'Use a new key for a new request.',
  ],
  version_required: [428, 'If-Match is required', 'Send the ETag of what you read.'],
  rate_limited: [
    429,
    'Too many requests',
    '`policy` names the limit, `retry_after` says in how many seconds it refills.',
  ],
  headers_too_large: [431, 'The headers are too large', 'Shorten the credentials or cookies.'],
  // 5xx, declared
  provider_unavailable: [
    503,
    'The provider cannot be reached',
    'It is down, slow, or answers nonsense; other ways to sign in go on. `retry_after` says when to try again.',
  ],
  internal_error: [500, 'Something went wrong', 'The fault was logged under this request id.'],
  busy: [503, 'The server is busy', 'Try again after `Retry-After` seconds.'],
  unavailable: [503, 'A dependency is not available', 'Try again after `Retry-After` seconds.'],
} as const satisfies Record<string, readonly [status: number, title: string, description: string]>;

export type RefusalCode = keyof typeof catalogue;

export interface FieldError {
  field: string;
  code: string;
  message: string;
}

export interface RefusalOptions {
  detail?: string;
  errors?: FieldError[];
  /** Seconds until a retry makes sense; becomes `retry_after` and `Retry-After`. */
  retryAfter?: number;
  policy?: string;
  /** Links the account at the provider, once the local account is proven. */
  linkToken?: string;
  /** The second factors that would do. */
  factors?: readonly string[];
  headers?: Record<string, string>;
  cause?: unknown;
}

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  readonly status: number;
  readonly title: string;
  readonly options: RefusalOptions;

  constructor(code: RefusalCode, options: RefusalOptions = {}) {
    const [status, title] = catalogue[code];
    super(options.detail ?? title, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = status;
    this.title = title;
    this.options = options;
  }
}

/** The whole catalogue, for the generated reference and the contract. */
export function refusalCatalogue(): { code: RefusalCode; status: number; title: string; description: string }[] {
  return Object.entries(catalogue).map(([code, [status, title, description]]) => ({
    code: code as RefusalCode,
    status,
    title,
    description,
  }));
}
