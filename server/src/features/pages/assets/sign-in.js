// The page of a sign-in link: it may take a second step, or turn out to be open in another browser than it was meant for.
(() => {
  const page = globalThis.authPage;
  const TRIES = 5;
  let mfaToken = null;
  let failures = 0;
  // Here the cookie is what it is about: it says that this browser asked, and keeps the session.
  page.credentials = 'same-origin';

  page.bodyOf = (form, token) => {
    if (form.dataset.step === 'show-code') return { token };
    if (form.dataset.step !== 'factor') return { token, session: 'cookie' };
    const shown = Object.fromEntries(new FormData(form));
    const body = { mfa_token: mfaToken, session: 'cookie', ...shown };
    return shown.factor === 'passkey' ? withPasskey(form, body) : body;
  };

  page.settle = (form, answer) => {
    const { status, body } = answer;
    if (form.dataset.step === 'show-code' && status === 200) showCode(body.code);
    else if (body.status === 'complete') goOn(body.return_to);
    else if (body.status === 'mfa_required') askForFactor(body);
    else if (body.status === 'mfa_enrollment_required') page.finish('enrol');
    else if (body.code === 'opened_elsewhere') page.finish('elsewhere');
    else if (body.code === 'mfa_invalid') refuseFactor(form);
    else page.settleCommon(form, answer);
  };

  /** The server has judged the address; that it is one of the web is checked once more, where it would do harm. */
  function goOn(returnTo) {
    const url = returnTo === undefined ? null : new URL(returnTo, location.origin);
    if (url !== null && /^https?:$/.test(url.protocol)) location.replace(url);
    else page.finish('done');
  }

  function showCode(code) {
    document.querySelector('[data-code]').textContent = `${code.slice(0, 3)} ${code.slice(3)}`;
    page.finish('code');
  }

  function askForFactor({ mfa_token: token, factors }) {
    mfaToken = token;
    failures = 0;
    const canUsePasskeys = typeof globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON === 'function';
    const choices = [...document.querySelectorAll('input[name=factor]')].filter((choice) => {
      const isOffered = factors.includes(choice.value) && (choice.value !== 'passkey' || canUsePasskeys);
      choice.closest('label').hidden = !isOffered;
      choice.onchange = () => choose(choice);
      return isOffered;
    });
    if (choices.length === 0) return page.finish('no-way');
    document.querySelector('fieldset').hidden = choices.length === 1;
    choices[0].checked = true;
    choose(choices[0]);
    page.finish('second-step');
  }

  /** One field for whatever is typed; what it is called and how it is filled in stands with the choice. */
  function choose({ dataset }) {
    const input = document.getElementById('code');
    const field = input.closest('.field');
    field.hidden = dataset.label === undefined;
    input.disabled = field.hidden;
    input.value = '';
    input.type = dataset.type ?? 'text';
    input.inputMode = dataset.mode ?? 'text';
    input.autocomplete = dataset.fill ?? 'off';
    field.querySelector('label').textContent = dataset.label ?? '';
  }

  function refuseFactor(form) {
    failures += 1;
    if (failures >= TRIES) return page.finish('dead-link');
    const input = document.getElementById('code');
    input.value = '';
    page.sayProblem(form, form.dataset.wrong);
    if (!input.disabled) input.focus();
  }

  async function withPasskey(form, body) {
    const { status, body: options } = await page.call(`${form.dataset.endpoint}/passkey-options`, {
      mfa_token: mfaToken,
    });
    try {
      if (status !== 200) throw new Error('no options');
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const credential = await navigator.credentials.get({ publicKey });
      return { ...body, credential: credential.toJSON() };
    } catch {
      page.sayProblem(form, form.dataset.noPasskey);
      return null;
    }
  }
})();
