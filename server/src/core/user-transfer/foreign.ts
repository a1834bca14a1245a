type Fields = Readonly<Record<string, unknown>>;

/** What Firebase shows once per project, beside its export: without it none of its hashes can be verified. */
export interface FirebaseParameters {
  /** `base64_signer_key` */
  readonly signerKey: string;
  /** `base64_salt_separator` */
  readonly saltSeparator: string;
  readonly rounds: number;
  /** `mem_cost` */
  readonly memCost: number;
}

/**
 * Lines as other systems export them, in our fields. What we have no place for (logins, phone numbers, claims) is left
 * out; a hash that only its own system can verify becomes a text that the check of hashes refuses with its reason.
 */
export function translate(fields: Fields, firebase: FirebaseParameters | undefined): Fields {
  if ('localId' in fields) return fromFirebase(fields, firebase);
  if ('credentials' in fields || 'createdTimestamp' in fields) return fromKeycloak(fields);
  if ('_id' in fields || 'user_id' in fields || 'custom_password_hash' in fields || 'passwordHash' in fields)
    return fromAuth0(fields);
  return fields;
}

function fromFirebase(user: Fields, firebase: FirebaseParameters | undefined): Fields {
  const { passwordHash, salt } = user;
  return given({
    email: user.email,
    email_verified: user.emailVerified,
    name: user.displayName,
    picture: httpsOnly(user.photoUrl),
    disabled: user.disabled,
    created_at: milliseconds(user.createdAt),
    password_hash: passwordHash === undefined ? undefined : firebaseHash(passwordHash, salt, firebase),
  });
}

function firebaseHash(hash: unknown, salt: unknown, firebase: FirebaseParameters | undefined): string {
  if (firebase === undefined) return 'firebase-scrypt without the parameters of its project';
  const { memCost, rounds, saltSeparator, signerKey } = firebase;
  const head = `ln=${memCost},r=${rounds},ss=${standard(saltSeparator)},sk=${standard(signerKey)}`;
  return `$firebase-scrypt$${head}$${standard(salt)}$${standard(hash)}`;
}

function fromKeycloak(user: Fields): Fields {
  const names = [user.firstName, user.lastName].filter((part) => typeof part === 'string' && part.trim() !== '');
  const credential = (Array.isArray(user.credentials) ? user.credentials : []).find(
    (one) => (one as Fields | null)?.type === 'password',
  );
  return given({
    email: user.email,
    email_verified: user.emailVerified,
    name: names.length === 0 ? undefined : names.join(' '),
    roles: user.roles,
    disabled: typeof user.enabled === 'boolean' ? !user.enabled : undefined,
    created_at: milliseconds(user.createdTimestamp),
    password_hash: credential === undefined ? undefined : keycloakHash(credential as Fields),
  });
}

function keycloakHash(credential: Fields): string {
  const secret = object(credential.secretData);
  const how = object(credential.credentialData);
  const algorithm = String(how.algorithm ?? '');
  if (algorithm === 'argon2') {
    const more = Object.fromEntries(
      Object.entries(object(how.additionalParameters)).map(([name, value]) => [
        name,
        Array.isArray(value) ? value[0] : value,
      ]),
    );
    const version = String(more.version ?? '1.3') === '1.0' ? 16 : 19;
    const cost = `m=${more.memory},t=${how.hashIterations},p=${more.parallelism}`;
    return `$argon2${more.type ?? 'id'}$v=${version}$${cost}$${unpadded(secret.salt)}$${unpadded(secret.value)}`;
  }
  const digest = algorithm === 'pbkdf2' ? 'sha1' : /^pbkdf2-(sha256|sha512)$/.exec(algorithm)?.[1];
  if (digest === undefined) return `keycloak's ${algorithm || 'unnamed algorithm'}`;
  return `$pbkdf2-${digest}$i=${how.hashIterations}$${standard(secret.salt)}$${standard(secret.value)}`;
}

function fromAuth0(user: Fields): Fields {
  const custom = object(user.custom_password_hash);
  const value = object(custom.hash).value;
  const isText = ['bcrypt', 'argon2'].includes(String(custom.algorithm));
  const foreign =
    custom.algorithm === undefined ? user.passwordHash : isText ? value : `auth0's ${String(custom.algorithm)}`;
  return given({
    email: user.email,
    email_verified: user.email_verified,
    name: user.name,
    picture: httpsOnly(user.picture),
    disabled: user.blocked,
    created_at: user.created_at,
    password_hash: user.password_hash ?? foreign,
  });
}

function given(fields: Record<string, unknown>): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );
}

/** An object, also where it comes as JSON in a text, as Keycloak writes it. */
function object(value: unknown): Fields {
  let read = value;
  if (typeof value === 'string') {
    try {
      read = JSON.parse(value);
    } catch {
      return {};
    }
  }
  return typeof read === 'object' && read !== null && !Array.isArray(read) ? (read as Fields) : {};
}

function standard(text: unknown): string {
  return String(text ?? '')
    .replaceAll('-', '+')
    .replaceAll('_', '/');
}

function unpadded(text: unknown): string {
  return standard(text).replace(/=+$/, '');
}

function milliseconds(value: unknown): unknown {
  return typeof value === 'string' && /^\d{10,14}$/.test(value) ? Number(value) : value;
}

// Pictures elsewhere are often plain http; they are not worth losing a user for.
function httpsOnly(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith('https://') ? value : undefined;
}
