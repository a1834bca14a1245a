import {
  type Client,
  ErrorCode,
  type EvaluationContext,
  NOOP_PROVIDER,
  OpenFeature,
  type Provider,
  type ResolutionDetails,
} from '@openfeature/server-sdk';
import { randomToken } from '../../lib/random.ts';
import { decide, type Who } from './decide.ts';
import type { FlagSet } from './reading.ts';
import type { FlagValue } from './setting.ts';

interface Deps {
  latest(): FlagSet;
  onEvaluated(flag: string, variant: string): void;
}

/**
 * This server as a provider of OpenFeature, and the client through which it asks itself: whoever sets another provider
 * for the domain, or a hook, reaches every evaluation. The SDK knows one registry per process; each app has its domain.
 */
export function openClient(deps: Deps): { client: Client; close(): void } {
  const domain = randomToken('auth-api', 12);
  OpenFeature.setProvider(domain, createProvider(deps));
  const client = OpenFeature.getClient(domain);
  // A flag that is unknown or of another type is an answer here, with its error code, and nothing to print.
  client.setLogger({ error: ignore, warn: ignore, info: ignore, debug: ignore });
  return { client, close: () => void OpenFeature.setProvider(domain, NOOP_PROVIDER) };
}

function ignore(): void {}

function createProvider({ latest, onEvaluated }: Deps): Provider {
  const resolve = async <T extends FlagValue>(
    key: string,
    otherwise: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> => {
    const flag = latest().get(key);
    if (flag === undefined) return failed(otherwise, ErrorCode.FLAG_NOT_FOUND, 'there is no such flag');
    const { value, variant, reason } = decide(flag, whoIn(context));
    if (typeof value !== typeof otherwise) return failed(otherwise, ErrorCode.TYPE_MISMATCH, `is a ${flag.type}`);
    onEvaluated(key, variant);
    return { value: value as T, variant, reason };
  };
  const refuse = async <T>(_key: string, otherwise: T): Promise<ResolutionDetails<T>> =>
    failed(otherwise, ErrorCode.TYPE_MISMATCH, 'flags are booleans and strings');
  return {
    metadata: { name: 'auth-api' },
    runsOn: 'server',
    resolveBooleanEvaluation: resolve,
    resolveStringEvaluation: resolve,
    resolveNumberEvaluation: refuse,
    resolveObjectEvaluation: refuse,
  };
}

function failed<T>(value: T, errorCode: ErrorCode, errorMessage: string): ResolutionDetails<T> {
  return { value, reason: 'ERROR', errorCode, errorMessage };
}

/** `targetingKey` is what shares go by; `user` is set where it is a user's id. */
export function contextOf({ id, roles, key }: Who): EvaluationContext {
  const targetingKey = id ?? key;
  return {
    ...(targetingKey !== undefined && { targetingKey }),
    ...(id !== undefined && { user: id }),
    ...(roles !== undefined && { roles: [...roles] }),
  };
}

function whoIn({ targetingKey, user, roles }: EvaluationContext): Who {
  return {
    ...(typeof user === 'string' && { id: user }),
    ...(targetingKey !== undefined && { key: targetingKey }),
    ...(Array.isArray(roles) && { roles: roles.filter((role) => typeof role === 'string') }),
  };
}
