import { boolean, duration, host, list, oneOf, path, port, urlPath } from '../parsers.ts';
import { addressRange } from '../ranges.ts';
import { optional, setting } from '../setting.ts';
import { baseUrl, corsOrigins, origin } from '../url-parsers.ts';

export const server = {
  NODE_ENV: setting(oneOf('production', 'development', 'test'), {
    default: 'development',
    description: 'What the process is for. `production` refuses everything that is only fit for trying things out.',
    example: 'production',
  }),
  HOST: setting(host, {
    default: { production: '0.0.0.0', otherwise: '127.0.0.1' },
    description: 'The address that the server listens on. Outside production only this machine reaches it.',
    example: '0.0.0.0',
  }),
  PORT: setting(port(0), {
    default: '3000',
    description: 'The port that the server listens on.',
    example: '3000',
  }),
  API_PREFIX: setting(urlPath, {
    default: '/api/v1',
    description: 'What the paths of the API start with; `/` for nothing.',
    example: '/api/v1',
  }),
  PUBLIC_URL: optional(origin, {
    defaultNote: '`http://localhost:$PORT`; required in production',
    description:
      'The origin under which people and applications reach the server. Links in mails, cookies and the issuer come from it, never from a request. Must be https in production, except on this machine.',
    example: 'https://auth.example.com',
  }),
  APP_LINK_BASE: optional(baseUrl, {
    defaultNote: '`PUBLIC_URL`',
    description:
      "Where the links in mails lead: an application's own pages instead of the plain ones of the server. Must be https in production.",
    example: 'https://app.example.com/account',
  }),
  CORS_ORIGIN: optional(corsOrigins, {
    defaultNote: 'none: only the own origin',
    description: 'The origins whose pages may call the API with credentials. `*` is refused in production.',
    example: 'https://app.example.com,https://admin.example.com',
  }),
  TRUSTED_PROXIES: optional(list(addressRange, addressRange.expected), {
    defaultNote: 'none: nobody is believed',
    description:
      "The reverse proxies in front of the server: only their word about the client's address and scheme is taken, right to left.",
    example: '10.0.0.0/8,192.168.1.10',
  }),
  DATA_DIR: setting(path, {
    default: 'data',
    description: 'Where the embedded database, the development secrets and the control socket are kept.',
    example: '/var/lib/auth-api',
  }),
  SSL_KEY_PATH: optional(path, {
    description: 'The private key (PEM) with which the server itself speaks TLS. Read again on SIGHUP.',
    example: '/app/ssl/private.key',
  }),
  SSL_CERT_PATH: optional(path, {
    description:
      'The certificate (PEM, the own one first, then the chain) that belongs to `SSL_KEY_PATH`. Read again on SIGHUP.',
    example: '/app/ssl/certificate.crt',
  }),
  SSL_CA_PATH: optional(path, {
    description: 'Further certificates (PEM) of the chain.',
    example: '/app/ssl/ca.crt',
  }),
  SHUTDOWN_GRACE: setting(duration('1s', '10m'), {
    default: '9s',
    description: 'How long requests in flight may take to finish after SIGTERM before the process ends all the same.',
    example: '10s',
  }),
  SHUTDOWN_DELAY: setting(duration('0s', '5m'), {
    default: '0s',
    description:
      'How long after SIGTERM the server still accepts requests while it reports not ready, so that a load balancer notices. Part of `SHUTDOWN_GRACE`.',
    example: '4s',
  }),
  EMBEDDED_ACCEPT_POWER_LOSS: setting(boolean, {
    default: 'false',
    description: 'Accepts in production that the embedded database survives a killed process, but not a power cut.',
    example: 'false',
  }),
};
