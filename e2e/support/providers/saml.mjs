// A real SAML identity provider (samlp): a page with a form, and whoever types a name is that.
import express from "express";
import samlp from "samlp";
import selfsigned from "selfsigned";

/** What the identity provider says of a person. */
const people = {
  ana: { mail: "ana@kino.example", name: "Ana Novak", groups: ["team", "heads"] },
  eva: { mail: "eva@kino.example", name: "Eva Kos", groups: ["guests"] },
  mallory: { mail: "owner@elsewhere.example", name: "Mallory", groups: ["heads"] },
};

/** Starts one on a free port of this machine. */
export async function start() {
  const { cert, private: key } = selfsigned.generate([{ name: "commonName", value: "idp" }], {
    keySize: 2048,
    algorithm: "sha256",
    days: 30,
  });
  const app = express();
  let url = "";
  const options = () => ({
    issuer: `${url}/metadata`,
    cert,
    key,
    signatureAlgorithm: "rsa-sha256",
    digestAlgorithm: "sha256",
    signResponse: true,
    signAssertion: true,
    redirectEndpointPath: "/sso",
    postEndpointPath: "/sso",
    includeAttributeNameFormat: true,
    nameIdentifierFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
  });
  app.get("/metadata", (request, response, next) => samlp.metadata(options())(request, response, next));
  // Whoever has not said who they are is asked; what the request says goes along.
  app.get("/sso", (request, response, next) => {
    const who = people[request.query.login];
    if (!who) {
      const hidden = ["SAMLRequest", "RelayState"].map(
        (name) => `<input type="hidden" name="${name}" value="${escape(request.query[name] ?? "")}">`,
      );
      response.send(`<!doctype html><html lang="en"><title>Company</title><form>${hidden.join("")}
        <label>Login <input name="login"></label><button>Sign in</button></form></html>`);
      return;
    }
    request.user = { id: request.query.login, displayName: who.name, emails: [{ value: who.mail }], ...who };
    samlp.parseRequest(request, (error, asked) => {
      if (error) return next(error);
      samlp.auth({
        ...options(),
        audience: asked.issuer,
        recipient: asked.assertionConsumerServiceURL,
        destination: asked.assertionConsumerServiceURL,
        inResponseTo: asked.id,
        profileMapper: Object.assign(
          (user) => ({
            getClaims: () => ({ mail: user.mail, displayName: user.displayName, groups: user.groups }),
            getNameIdentifier: () => ({ nameIdentifier: user.id }),
          }),
          { prototype: { metadata: [] } },
        ),
        getUserFromRequest: (r) => r.user,
        getPostURL: (audience, request_, r, done) => done(null, asked.assertionConsumerServiceURL),
      })(request, response, next);
    });
  });
  const server = await new Promise((done) => {
    const started = app.listen(0, "127.0.0.1", () => done(started));
  });
  url = `http://127.0.0.1:${server.address().port}`;
  return { url, cert, stop: () => server.close() };
}

function escape(text) {
  return String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}
