// A real OpenID provider (oidc-provider) with its own pages for signing in and consent.
import { createServer } from "node:http";
import Provider from "oidc-provider";

/** What the provider says of whoever types a name. */
const people = {
  ana: { email: "ana@example.com", email_verified: true, name: "Ana Novak" },
  eva: { email: "eva@example.com", email_verified: false, name: "Eva Kos" },
  tea: { email: "tea@kino.example", email_verified: true, name: "Tea Zupan", groups: ["team"] },
};

/** Starts one on a free port of this machine, for a client that comes back to these addresses. */
export async function start(redirectUris) {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(url, {
    clients: [
      {
        client_id: "bilten",
        client_secret: "a secret of the tests, of no use elsewhere",
        redirect_uris: redirectUris,
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub", "groups"], email: ["email", "email_verified"], profile: ["name"] },
    cookies: { keys: ["of the tests"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...people[id] }),
    }),
  });
  server.on("request", provider.callback());
  return { url, stop: () => server.close() };
}
