import type { Reading } from './reading.ts';
import type { Name } from './table.ts';
import { isLoopback } from './url-parsers.ts';

export interface PublicUrls {
  readonly publicUrl: string;
  readonly linkBase: string;
  readonly issuer: string;
  readonly audience: string;
}

/** Where people reach the server. What follows from PUBLIC_URL is judged only where it was set itself. */
export function readUrls(reading: Reading): PublicUrls {
  const { values, report, isProduction } = reading;
  const scheme = values.SSL_KEY_PATH !== null && values.SSL_CERT_PATH !== null ? 'https' : 'http';
  const publicUrl = values.PUBLIC_URL ?? `${scheme}://localhost:${values.PORT}`;
  if (isProduction && values.PUBLIC_URL === null && !report.blames('PUBLIC_URL'))
    report.fault('PUBLIC_URL', 'is missing; production requires it');
  for (const name of ['PUBLIC_URL', 'APP_LINK_BASE', 'OAUTH_REDIRECT_URL', 'JWT_ISSUER'] as const)
    refusePlainHttp(name, values[name], reading);
  for (const origin of values.CORS_ORIGIN ?? []) {
    if (origin === '*') judgeWildcard(reading);
    else if (isProduction && origin.startsWith('http:') && !isLoopback(origin))
      report.warn(`CORS_ORIGIN holds ${origin}, which is not https`);
  }
  return {
    publicUrl,
    linkBase: values.APP_LINK_BASE ?? publicUrl,
    issuer: values.JWT_ISSUER ?? publicUrl,
    audience: values.JWT_AUDIENCE ?? publicUrl,
  };
}

function refusePlainHttp(name: Name, url: string | null, { report, isProduction }: Reading): void {
  if (!isProduction || !url?.startsWith('http:') || isLoopback(url)) return;
  report.fault(
    name,
    'is plain http, where passwords and tokens can be read on the way',
    'an https URL (http only for localhost)',
  );
}

function judgeWildcard({ report, isProduction }: Reading): void {
  const problem = 'is *: every page on the web could call the API with the credentials of its visitors';
  if (isProduction) report.fault('CORS_ORIGIN', problem, 'the origins of your applications, separated by commas');
  else report.warn(`CORS_ORIGIN ${problem}; production refuses that`);
}
