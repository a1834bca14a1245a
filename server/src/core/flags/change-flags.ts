import { sha256 } from '../../lib/bytes.ts';
import { type FieldError, Refusal } from '../../lib/refusal.ts';
import type { Sql, Tx } from '../../platform/db/index.ts';
import type { Unit } from '../effects/index.ts';
import { type Administrator, administer, findRoles, lineOf, requireVersion } from '../roles/index.ts';
import { type FlagInput, faultsOf, LIMITS, settingOf } from './check.ts';
import { FLAGS } from './reading.ts';
import { allFlags, type Flag, type FlagRow, type FlagSetting } from './setting.ts';
import { deleteFlag, listRows, upsertFlag } from './store.ts';

export interface FlagList {
  readonly flags: Flag[];
  /** Of what is set: the ETag. */
  readonly version: number;
}

export async function listFlags(sql: Sql): Promise<FlagList> {
  return listOf(await listRows(sql));
}

function listOf(rows: readonly FlagRow[]): FlagList {
  const text = JSON.stringify(rows.map((row) => [settingOf(row), row.updatedAt.getTime()]));
  return { flags: allFlags(rows), version: sha256(text).readUIntBE(0, 6) };
}

interface Next {
  readonly all: readonly FlagInput[];
  /** Those of them that are new. */
  readonly given: readonly FlagInput[];
}

/** These settings and no others: a declared flag that is not named has its default again, another one is gone. */
export async function replaceFlags(
  unit: Unit,
  by: Administrator,
  inputs: readonly FlagInput[],
  accepted: readonly number[],
): Promise<FlagList> {
  return change(unit, by, (rows) => {
    requireVersion(listOf(rows).version, accepted);
    return { all: inputs, given: inputs };
  });
}

/** One flag, whatever becomes of the others meanwhile: for the command line. */
export async function setFlag(unit: Unit, by: Administrator, input: FlagInput): Promise<FlagList> {
  return change(unit, by, (rows) => ({ all: [...rows.filter(({ key }) => key !== input.key), input], given: [input] }));
}

/** Whether there was anything to take back. */
export async function unsetFlag(unit: Unit, by: Administrator, key: string): Promise<boolean> {
  let wasSet = false;
  await change(unit, by, (rows) => {
    wasSet = rows.some((row) => row.key === key);
    return { all: rows.filter((row) => row.key !== key), given: [] };
  });
  return wasSet;
}

// All administrative changes run one after another, so that what is read here is what is changed.
async function change(unit: Unit, by: Administrator, next: (rows: readonly FlagRow[]) => Next): Promise<FlagList> {
  return administer(unit, by, 'flags:write', async (tx, record) => {
    const rows = await listRows(tx);
    const { all, given } = next(rows);
    const before = new Map(rows.map((row) => [row.key, settingOf(row)]));
    const errors = [...tooMany(all), ...faultsOf(given), ...(await unknownRoles(tx, given, before))];
    if (errors.length > 0) throw new Refusal('validation_failed', { errors });
    const after = new Map(all.map((input) => [input.key, settingOf(input)]));
    const audit = [];
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      const [from, to] = [before.get(key), after.get(key)];
      if (JSON.stringify(from) === JSON.stringify(to)) continue;
      if (to === undefined) await deleteFlag(tx, key);
      else await upsertFlag(tx, to, new Date(by.origin.now));
      audit.push(lineOf(by, 'flags.updated', { detail: { flag: key, from: said(from), to: said(to) } }));
    }
    if (audit.length > 0) await record({ audit, changed: [FLAGS] });
    return listOf(await listRows(tx));
  });
}

function tooMany(all: readonly unknown[]): FieldError[] {
  if (all.length <= LIMITS.flags) return [];
  return [{ field: 'flags', code: 'too_many', message: `holds more than ${LIMITS.flags}` }];
}

function said(setting: FlagSetting | undefined): Omit<FlagSetting, 'key'> | null {
  if (setting === undefined) return null;
  const { key: _, ...rest } = setting;
  return rest;
}

/** A role that a flag named before may have been deleted since, and is in nobody's way; a new name has to exist. */
async function unknownRoles(
  tx: Tx,
  inputs: readonly FlagInput[],
  before: ReadonlyMap<string, FlagSetting>,
): Promise<FieldError[]> {
  const rolesOf = (flag: Pick<FlagInput, 'rules'> | undefined) =>
    flag?.rules?.flatMap(({ roles }) => roles ?? []) ?? [];
  const found = new Set((await findRoles(tx, inputs.flatMap(rolesOf))).map(({ name }) => name));
  return inputs.flatMap((input, at) => {
    const known = new Set([...found, ...rolesOf(before.get(input.key))]);
    return (input.rules ?? []).flatMap((rule, place) =>
      rule.roles?.some((role) => !known.has(role))
        ? [
            {
              field: `flags.${at}.rules.${place}.roles`,
              code: 'unknown_role',
              message: 'names a role that does not exist',
            },
          ]
        : [],
    );
  });
}
