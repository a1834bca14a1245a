import { type Html, html } from '../../lib/html.ts';
import { state } from './state.ts';

interface FactorChoice {
  readonly factor: string;
  readonly name: string;
  /** Of the field that it is typed into; a passkey has none. */
  readonly label?: string;
  readonly type?: 'password';
  readonly mode?: 'numeric';
  readonly fill?: string;
}

const FACTORS: readonly FactorChoice[] = [
  { factor: 'passkey', name: 'Passkey or security key' },
  {
    factor: 'totp',
    name: 'Authenticator app',
    label: 'Code from your authenticator app',
    mode: 'numeric',
    fill: 'one-time-code',
  },
  { factor: 'recovery_code', name: 'Recovery code', label: 'One of your recovery codes' },
  { factor: 'password', name: 'Password', label: 'Your password', type: 'password', fill: 'current-password' },
];

/** What a sign-in by a link may lead to beside the end: a second step, or the wish to go on in another browser. */
export function signInStates(prefix: string): Html[] {
  return [
    state(
      'second-step',
      'One more step',
      ['Your account asks for a second proof that it is you.'],
      factorForm(`${prefix}/auth/mfa`),
    ),
    state('enrol', 'Your account needs a second factor', [
      'Sign in in the application: it leads you through setting one up.',
    ]),
    state('no-way', 'Go on in the application', [
      'Your account asks for a second proof that this page cannot take. Sign in in the application instead.',
    ]),
    state(
      'elsewhere',
      'This link was asked for somewhere else',
      [
        'It signs in only where it was asked for. If you asked for it yourself, in another browser or an app, let this',
        ' page show a code, and type that code there. If somebody else asked for it, or wants the code, close this page.',
      ],
      html`
<form method="post" novalidate data-step="show-code" data-endpoint="${prefix}/auth/magic-link/code" data-busy="Asking for the code…">
<p class="problem" tabindex="-1" hidden></p>
<button class="main">Show the code</button>
</form>`,
    ),
    state(
      'code',
      'Your code',
      [
        'Type it where you asked for the link. It works once, within ten minutes of asking, and only there.',
        ' Tell it to nobody.',
      ],
      html`
<p class="code"><output data-code></output></p>`,
    ),
  ];
}

function factorForm(endpoint: string): Html {
  return html`
<form method="post" novalidate data-step="factor" data-endpoint="${endpoint}" data-busy="Checking…"
  data-wrong="That is not right, or it took too long. Try again, or ask for a new link where you sign in."
  data-no-passkey="The passkey was not used. Try again, or choose another way.">
<p class="problem" tabindex="-1" hidden></p>
<fieldset>
<legend>How do you want to prove it?</legend>
${FACTORS.map(choice)}
</fieldset>
<div class="field">
<label for="code">Code</label>
<input id="code" name="code" autocomplete="off" autocapitalize="none" spellcheck="false" required maxlength="1024" aria-describedby="code-error">
<p class="field-error" id="code-error" data-empty="Fill in this field."></p>
</div>
<button class="main">Sign in</button>
</form>`;
}

function choice({ factor, name, label, type, mode, fill }: FactorChoice): Html {
  const data = [
    label !== undefined && html` data-label="${label}"`,
    type !== undefined && html` data-type="${type}"`,
    mode !== undefined && html` data-mode="${mode}"`,
    fill !== undefined && html` data-fill="${fill}"`,
  ];
  return html`<label class="choice"><input type="radio" name="factor" value="${factor}"${data}> ${name}</label>
`;
}
