import { isUuid } from '../../lib/id.ts';
import type { FieldError } from '../../lib/refusal.ts';
import { declared } from './declared.ts';
import { type FlagSetting, type FlagValue, type Rule, typeOf } from './setting.ts';

/** A setting as it comes in; what is left out has its default. */
export interface FlagInput {
  readonly key: string;
  readonly description?: string;
  readonly enabled?: boolean;
  readonly default?: FlagValue;
  readonly rules?: readonly Rule[];
}

/** What one evaluation has to look through, and what one line of the audit log has to hold, stays small. */
export const LIMITS = { flags: 100, rules: 10, users: 100, roles: 20, text: 200, description: 500 } as const;
export const KEY_PATTERN = '^[a-z][a-z0-9.-]{0,62}$';
export const TEXT_PATTERN = '^[^\\u0000-\\u001f\\u007f]*$';
const KEY = new RegExp(KEY_PATTERN);
const TEXT = new RegExp(TEXT_PATTERN);

type Fault = (field: string, code: string, message: string) => void;

/** Every fault of every setting; fields are named as in the body `{flags: […]}`. */
export function faultsOf(inputs: readonly FlagInput[]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  inputs.forEach((input, at) => {
    const fault: Fault = (field, code, message) => errors.push({ field: `flags.${at}.${field}`, code, message });
    if (seen.has(input.key)) fault('key', 'duplicate', 'is named twice');
    seen.add(input.key);
    checkFlag(input, fault);
  });
  return errors;
}

function checkFlag(input: FlagInput, fault: Fault): void {
  const own = declared(input.key);
  if (!KEY.test(input.key))
    fault('key', 'pattern', 'is a lower-case letter, then letters, digits, dots and dashes, 63 in all');
  if (own !== undefined && input.description)
    fault('description', 'declared', 'is the server’s: this is one of its own flags');
  if (!isText(input.description ?? '', LIMITS.description))
    fault('description', 'text', `takes ${LIMITS.description} visible characters`);
  const { default: value = own?.default } = input;
  if (value === undefined) {
    fault('default', 'required', 'is missing');
    return;
  }
  if (own !== undefined && typeof value !== 'boolean') fault('default', 'type', 'is true or false');
  else checkValue(value, 'default', fault);
  const rules = input.rules ?? [];
  if (rules.length > LIMITS.rules) fault('rules', 'too_many', `holds more than ${LIMITS.rules}`);
  const type = own === undefined ? typeOf(value) : 'boolean';
  rules.forEach((rule, at) => {
    checkRule(rule, type, (field, code, message) => fault(`rules.${at}${field && `.${field}`}`, code, message));
  });
}

function checkRule({ users, roles, share, value }: Rule, type: 'boolean' | 'string', fault: Fault): void {
  if (users === undefined && roles === undefined && share === undefined)
    fault('', 'no_condition', 'names neither users nor roles nor a share; what holds for all is the default');
  if (users?.length === 0 || users?.some((id) => !isUuid(id))) fault('users', 'ids', 'are ids of users, at least one');
  if ((users?.length ?? 0) > LIMITS.users)
    fault('users', 'too_many', `holds more than ${LIMITS.users}; a role takes any number`);
  if (roles?.length === 0) fault('roles', 'empty', 'names no role');
  if ((roles?.length ?? 0) > LIMITS.roles) fault('roles', 'too_many', `holds more than ${LIMITS.roles}`);
  if (share !== undefined && !(share >= 0 && share <= 100)) fault('share', 'range', 'is a percentage from 0 to 100');
  if (typeOf(value) !== type) fault('value', 'type', `is a ${type}, as the default is`);
  else checkValue(value, 'value', fault);
}

function checkValue(value: FlagValue, field: string, fault: Fault): void {
  if (typeof value === 'string' && !isText(value, LIMITS.text))
    fault(field, 'text', `takes ${LIMITS.text} visible characters`);
}

function isText(text: string, length: number): boolean {
  return text.length <= length && TEXT.test(text);
}

/** In one form, so that two can be compared. */
export function settingOf(input: FlagInput): FlagSetting {
  return {
    key: input.key,
    description: input.description ?? '',
    enabled: input.enabled ?? true,
    default: input.default ?? declared(input.key)?.default ?? false,
    rules: (input.rules ?? []).map(({ users, roles, share, value }) => ({
      ...(users && { users: [...new Set(users)] }),
      ...(roles && { roles: [...new Set(roles)] }),
      ...(share !== undefined && { share }),
      value,
    })),
  };
}
