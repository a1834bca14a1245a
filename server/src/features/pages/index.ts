import type { Config } from '../../config/config.ts';
import type { Feature } from '../feature.ts';
import { loadAssets } from './assets.ts';
import { pageRoutes } from './routes.ts';

export interface PagesDeps {
  readonly config: Pick<Config, 'API_PREFIX' | 'PUBLIC_URL' | 'PASSWORD_MIN_LENGTH'>;
}

/**
 * The plain pages behind the links in mails, for installations without pages of their own. A link carries its token in
 * the fragment, which no server, log, proxy or referrer sees; the page's script takes it out of the address bar and
 * sends it to the API only when the person presses the button, because mail scanners open links and run scripts but
 * press nothing. The pages hold no rules: what a token is worth is decided by the features whose operations they call.
 */
export function pages({ config }: PagesDeps): Feature {
  const assets = loadAssets();
  return { name: 'pages', routes: (app) => pageRoutes(app, config, assets) };
}
