import { fromBase64url } from '../../lib/bytes.ts';

/** What a browser answers to `navigator.credentials.get` and `.create`, as JSON (WebAuthn Level 3, section 5.1). */
export type BrowserResponse = Record<string, unknown>;

/** What both kinds of response have: the credential, and what the browser signed for the page. */
interface Common {
  readonly id: string;
  readonly credentialId: Buffer;
  readonly challenge: string;
  readonly clientDataJSON: string;
}

export interface AssertionResponse extends Common {
  readonly authenticatorData: string;
  readonly signature: string;
  readonly userHandle: Buffer | null;
}

export interface CreationResponse extends Common {
  readonly attestationObject: Buffer;
  readonly transports: string[];
}

/** A response that is not worth a look at its signature, with the challenge that it names, if it names one. */
export interface Unreadable {
  readonly fault: string;
  readonly challenge: string | null;
}

const ID_BYTES = 1023; // WebAuthn Level 3, section 7.1, step 25
const CLIENT_DATA_BYTES = 4096;
const ATTESTATION_BYTES = 32 * 1024;
const TRANSPORTS = new Set(['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']);

/** Nothing that a client sends is trusted to have the shape that browsers give it. */
export function readAssertion(body: BrowserResponse, origins: readonly string[]): AssertionResponse | Unreadable {
  const common = readCommon(body, 'webauthn.get', origins);
  if ('fault' in common) return common;
  const { authenticatorData, signature, userHandle } = body.response as Record<string, unknown>;
  const handle = userHandle == null ? null : bytesOf(userHandle, 64);
  if (bytesOf(authenticatorData, 4096) === undefined || bytesOf(signature, 1024) === undefined || handle === undefined)
    return { fault: 'malformed', challenge: common.challenge };
  return {
    ...common,
    authenticatorData: authenticatorData as string,
    signature: signature as string,
    userHandle: handle,
  };
}

export function readCreation(body: BrowserResponse, origins: readonly string[]): CreationResponse | Unreadable {
  const common = readCommon(body, 'webauthn.create', origins);
  if ('fault' in common) return common;
  const { attestationObject, transports } = body.response as Record<string, unknown>;
  const attestation = bytesOf(attestationObject, ATTESTATION_BYTES);
  if (attestation === undefined) return { fault: 'malformed', challenge: common.challenge };
  const named = Array.isArray(transports) ? transports : [];
  return {
    ...common,
    attestationObject: attestation,
    transports: [...TRANSPORTS].filter((one) => named.includes(one)),
  };
}

function readCommon(
  { id, rawId, type, response }: BrowserResponse,
  action: 'webauthn.get' | 'webauthn.create',
  origins: readonly string[],
): Common | Unreadable {
  const isObject = typeof response === 'object' && response !== null;
  const text = isObject ? (response as Record<string, unknown>).clientDataJSON : undefined;
  const clientData = readClientData(text);
  if (clientData === null) return { fault: 'malformed', challenge: null };
  const { challenge } = clientData;
  const credentialId = bytesOf(id, ID_BYTES);
  if (credentialId === undefined || credentialId.length === 0 || rawId !== id || type !== 'public-key')
    return { fault: 'malformed', challenge };
  if (clientData.type !== action) return { fault: 'type', challenge };
  // The whole origin, byte for byte: a suffix is somebody else's (I-075). What a frame of another site asked for is not
  // what its person saw.
  if (!origins.includes(clientData.origin)) return { fault: 'origin', challenge };
  if (clientData.isCrossOrigin) return { fault: 'cross_origin', challenge };
  return { id: id as string, credentialId, challenge, clientDataJSON: text as string };
}

function readClientData(
  text: unknown,
): { type: string; challenge: string; origin: string; isCrossOrigin: boolean } | null {
  const bytes = bytesOf(text, CLIENT_DATA_BYTES);
  if (bytes === undefined) return null;
  let data: unknown;
  try {
    data = JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
  if (typeof data !== 'object' || data === null) return null;
  const { type, challenge, origin, crossOrigin, topOrigin } = data as Record<string, unknown>;
  if (typeof type !== 'string' || typeof challenge !== 'string' || typeof origin !== 'string') return null;
  const isCrossOrigin = (crossOrigin !== undefined && crossOrigin !== false) || topOrigin !== undefined;
  return { type, challenge, origin, isCrossOrigin };
}

function bytesOf(value: unknown, most: number): Buffer | undefined {
  if (typeof value !== 'string' || value.length > Math.ceil((most * 4) / 3)) return undefined;
  return fromBase64url(value) ?? undefined;
}
