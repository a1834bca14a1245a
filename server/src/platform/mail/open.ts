import type { Config } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import type { Sql } from '../db/db.ts';
import { openInbox } from './inbox.ts';
import type { MailTransport } from './mail.ts';
import { openSes } from './ses.ts';
import { openSmtp } from './smtp.ts';

/** The transport that EMAIL_SERVICE names. It connects to nothing before the first mail. */
export function openMailTransport(config: Pick<Config, 'mail'>, ground: { db: Sql; clock: Clock }): MailTransport {
  switch (config.mail.kind) {
    case 'smtp':
      return openSmtp(config.mail);
    case 'ses':
      return openSes(config.mail);
    case 'inbox':
      return openInbox(ground.db, ground.clock);
  }
}
