import type { AnnotationQuery, Dashboard, DataQuery } from '@grafana/schema';

/** Grafana's schema with the words of its enumerations, as they stand in a JSON file, and our own kind of query. */
type Written<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends DataQuery[]
      ? PrometheusQuery[]
      : T extends AnnotationQuery[]
        ? (Written<AnnotationQuery> & { expr: string; titleFormat: string; step: string })[]
        : T extends readonly (infer U)[]
          ? Written<U>[]
          : T extends object
            ? { [K in keyof T]: Written<T[K]> }
            : T;

interface PrometheusQuery {
  refId: string;
  datasource: { type: string; uid: string };
  editorMode: 'code';
  expr: string;
  legendFormat: string;
  range: boolean;
  instant: boolean;
}

export type Provisioned = Written<Dashboard>;
