import type { Config } from '../../config/config.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Feature } from '../feature.ts';
import { inboxRoutes } from './routes.ts';

/**
 * The development inbox: what EMAIL_SERVICE=inbox kept instead of sending it, as a page for people and as JSON for
 * scripts and tests. It shows every mail, and with it every token, to whoever asks; so there is none in production and
 * none beside a real transport. Writing the mails is platform/mail's.
 */
export function inbox({ db, config }: { db: Db; config: Pick<Config, 'NODE_ENV' | 'mail'> }): Feature {
  const isOpen = config.mail.kind === 'inbox' && config.NODE_ENV !== 'production';
  return {
    name: 'inbox',
    routes(app) {
      if (isOpen) inboxRoutes(app, db);
    },
  };
}
