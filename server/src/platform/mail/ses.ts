import type { SESv2Client } from '@aws-sdk/client-sesv2';
import type { Config } from '../../config/config.ts';
import { assertSendable, MailFailure, type MailTransport } from './mail.ts';

type SesSettings = Extract<Config['mail'], { kind: 'ses' }>;

/**
 * Amazon SES, version 2. The client is large and loaded at the first mail. SES gives every mail a Message-ID of its
 * own; ours travels as X-Entity-Ref-ID.
 */
export function openSes(settings: SesSettings): MailTransport {
  let loading: Promise<Loaded> | null = null;
  const loaded = (): Promise<Loaded> => {
    loading ??= load(settings);
    return loading;
  };
  return {
    async send(mail, signal) {
      assertSendable(mail);
      const { client, sdk } = await loaded();
      const name = mail.from.name && `=?UTF-8?B?${Buffer.from(mail.from.name).toString('base64')}?= `;
      const command = new sdk.SendEmailCommand({
        FromEmailAddress: name ? `${name}<${mail.from.address}>` : mail.from.address,
        Destination: { ToAddresses: [mail.to] },
        Content: {
          Simple: {
            Subject: { Data: mail.subject, Charset: 'UTF-8' },
            Body: { Text: { Data: mail.text, Charset: 'UTF-8' }, Html: { Data: mail.html, Charset: 'UTF-8' } },
            Headers: [
              { Name: 'Auto-Submitted', Value: 'auto-generated' },
              { Name: 'X-Entity-Ref-ID', Value: mail.id },
            ],
          },
        },
      });
      await client.send(command, { abortSignal: signal }).catch((error: unknown) => {
        throw failure(error);
      });
    },
    async check() {
      const { client, sdk } = await loaded();
      const account = await client
        .send(new sdk.GetAccountCommand({}), { abortSignal: AbortSignal.timeout(15_000) })
        .catch((error: unknown) => {
          // Who may only send may not read the account, which is no fault: it was reached, and knew us.
          if ((error as Error).name === 'AccessDeniedException') return null;
          throw failure(error);
        });
      if (account?.SendingEnabled === false) throw new MailFailure('unreachable', 'SendingPaused');
    },
    async close() {
      if (loading) (await loading).client.destroy();
    },
  };
}

interface Loaded {
  client: SESv2Client;
  sdk: typeof import('@aws-sdk/client-sesv2');
}

async function load(settings: SesSettings): Promise<Loaded> {
  const sdk = await import('@aws-sdk/client-sesv2');
  const { accessKeyId, secretAccessKey, sessionToken } = settings;
  const client = new sdk.SESv2Client({
    region: settings.region,
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    // Without these, the client's own chain: the instance's or the container's role.
    ...(accessKeyId && secretAccessKey
      ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } }
      : {}),
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 10_000 },
  });
  return { client, sdk };
}

/** Of these the reply speaks about the mail; anything else is about the account or the road to it. */
const KINDS: Record<string, 'rejected' | 'deferred'> = {
  MessageRejected: 'rejected',
  BadRequestException: 'rejected',
  TooManyRequestsException: 'deferred',
  ThrottlingException: 'deferred',
  LimitExceededException: 'deferred',
  MailFromDomainNotVerifiedException: 'deferred',
};

function failure(thrown: unknown): MailFailure {
  const { name = 'Error', $metadata } = thrown as { name?: string; $metadata?: { httpStatusCode?: number } };
  const codes = [/^\w{1,60}$/.test(name) ? name : 'Error', $metadata?.httpStatusCode ?? ''].join(' ').trim();
  return new MailFailure(KINDS[name] ?? 'unreachable', `SES ${codes}`);
}
