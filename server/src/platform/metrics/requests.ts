import type { Metric, MetricValueWithName, Registry } from 'prom-client';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

type Value = Omit<MetricValueWithName<string>, 'metricName'> & { metricName?: string };

interface Series {
  readonly labels: { method: string; route: string; status: string };
  /** How many took no longer than the bound of that index, and more than the one before. */
  readonly within: number[];
  count: number;
  sum: number;
}

/**
 * `http_requests_total` and `http_request_duration_seconds`, counted in plain numbers and written out when somebody
 * reads them: this runs on every request.
 */
export function requestRecorder(
  registry: Registry,
  bounds: readonly number[],
): (method: string, route: string | undefined, status: number, seconds: number) => void {
  const routes = new Map<string, Map<string, Series>>();
  const all: Series[] = [];

  const begin = (ofRoute: Map<string, Series>, key: string, labels: Series['labels']): Series => {
    const series = { labels, within: bounds.map(() => 0), count: 0, sum: 0 };
    ofRoute.set(key, series);
    all.push(series);
    return series;
  };

  const counter = 'http_requests_total';
  register(registry, counter, 'Requests answered.', 'counter', () =>
    all.map(({ labels, count }) => ({ labels, value: count })),
  );
  const histogram = 'http_request_duration_seconds';
  register(registry, histogram, 'Time from request to answer.', 'histogram', () =>
    all.flatMap((series) => histogramValues(histogram, bounds, series)),
  );

  return (method, route = 'unmatched', status, seconds) => {
    const ofRoute = routes.get(route) ?? new Map<string, Series>();
    if (ofRoute.size === 0) routes.set(route, ofRoute);
    const known = METHODS.has(method) ? method : 'OTHER';
    const key = known + status;
    const series = ofRoute.get(key) ?? begin(ofRoute, key, { method: known, route, status: String(status) });
    series.count += 1;
    series.sum += seconds;
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] as number)) at += 1;
    if (at < bounds.length) series.within[at] = (series.within[at] as number) + 1;
  };
}

function histogramValues(name: string, bounds: readonly number[], series: Series): Value[] {
  let upTo = 0;
  const buckets = bounds.map((le, at) => {
    upTo += series.within[at] as number;
    return { labels: { le, ...series.labels }, value: upTo, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { labels: { le: '+Inf', ...series.labels }, value: series.count, metricName: `${name}_bucket` },
    { labels: series.labels, value: series.sum, metricName: `${name}_sum` },
    { labels: series.labels, value: series.count, metricName: `${name}_count` },
  ];
}

/** A metric whose figures are kept here and not by prom-client, which asks for them. */
function register(
  registry: Registry,
  name: string,
  help: string,
  type: 'counter' | 'histogram',
  values: () => Value[],
): void {
  const metric = { name, help, get: async () => ({ name, help, type, values: values(), aggregator: 'sum' }) };
  registry.registerMetric(metric as unknown as Metric);
}
