// Passkeys, which browsers offer to scripts only. A form with `data-passkey` is shown where the
// browser knows them; when it is sent, the person shows or makes a passkey first, and the browser's
// answer goes along in the form's hidden fields `ceremony` and `credential`.
//
//   data-passkey   "get" or "create"
//   data-begin     where the ceremony is begun, by POST
//   data-ticket    sent along with that: the sign-in that waits for a second factor
//
// The form's field `email`, if it has one that is filled in, is sent along, too.
"use strict";

const bytes = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};
const text = (buffer) =>
  buffer &&
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const named = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

const ceremonies = {
  async create({ publicKey }) {
    const made = await navigator.credentials.create({
      publicKey: {
        ...publicKey,
        challenge: bytes(publicKey.challenge),
        user: { ...publicKey.user, id: bytes(publicKey.user.id) },
        excludeCredentials: named(publicKey.excludeCredentials),
      },
    });
    return [made, { attestationObject: text(made.response.attestationObject) }];
  },
  async get({ publicKey }) {
    const shown = await navigator.credentials.get({
      publicKey: {
        ...publicKey,
        challenge: bytes(publicKey.challenge),
        allowCredentials: named(publicKey.allowCredentials),
      },
    });
    const { authenticatorData, signature, userHandle } = shown.response;
    return [
      shown,
      { authenticatorData: text(authenticatorData), signature: text(signature), userHandle: text(userHandle) },
    ];
  },
};

const begin = async (form) => {
  const wish = {};
  if (form.dataset.ticket) wish.ticket = form.dataset.ticket;
  if (form.elements.email?.value) wish.email = form.elements.email.value;
  const answer = await fetch(form.dataset.begin, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(wish),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
};

const reason = (error) => {
  if (error.name === "InvalidStateError") return "This device has a passkey for your account already.";
  // The person said no, or nothing for too long; browsers do not tell which.
  if (["NotAllowedError", "AbortError"].includes(error.name)) return "No passkey was used. You can try again.";
  return error.message || "That did not work. Please try again.";
};

if (!window.PublicKeyCredential) {
  for (const note of document.querySelectorAll("[data-no-passkeys]")) note.hidden = false;
}
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  const fault = form.querySelector("[data-fault]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    fault.textContent = "";
    try {
      const { ceremony, options } = await begin(form);
      const [credential, response] = await ceremonies[form.dataset.passkey](options);
      form.elements.ceremony.value = ceremony;
      form.elements.credential.value = JSON.stringify({
        id: credential.id,
        rawId: text(credential.rawId),
        type: credential.type,
        response: { clientDataJSON: text(credential.response.clientDataJSON), ...response },
        clientExtensionResults: {},
      });
      form.submit();
    } catch (error) {
      fault.textContent = reason(error);
      button.removeAttribute("aria-disabled");
    }
  });
}
