import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant: boolean;
  readonly datasource: { readonly type: string; readonly uid: string };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: { readonly list: readonly Readonly<Record<string, unknown>>[] };
}

export const readYaml = (deploy: string, file: string): unknown => parse(readFileSync(join(deploy, file), 'utf8'));

export function readRules(deploy: string): Rule[] {
  const file = readYaml(deploy, 'prometheus/alerts.yml') as { groups: { rules: Rule[] }[] };
  return file.groups.flatMap(({ rules }) => rules);
}

export const readDashboard = (deploy: string): Dashboard =>
  JSON.parse(readFileSync(join(deploy, 'dashboard.json'), 'utf8')) as Dashboard;

/** As Grafana fills it in: every server, and the window that four scrapes fit in. */
export const filled = (expr: string, window: string): string =>
  expr.replaceAll('$instance', '.+').replaceAll('$__rate_interval', window);
