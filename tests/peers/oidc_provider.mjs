// A real OpenID provider for tests: npm's oidc-provider with one client, its own development
// sign-in pages, and keys that rotate when a test says so.
//
//   node oidc_provider.mjs <path of oidc-provider's main file> <client, as JSON>
//
// Prints {"issuer": ...} when it is ready. POST /-/rotate replaces the signing key.

import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";

const [main, client] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(main));

// One memory for all providers of this process, so that a sign-in survives a rotation.
const kept = new Map();

class Memory {
  constructor(model) {
    this.model = model;
  }
  key(id) {
    return `${this.model}:${id}`;
  }
  async upsert(id, payload) {
    kept.set(this.key(id), payload);
  }
  async find(id) {
    return kept.get(this.key(id));
  }
  async findByUid(uid) {
    return [...kept].find(([key, value]) => key.startsWith(this.key("")) && value.uid === uid)?.[1];
  }
  async findByUserCode() {
    return undefined;
  }
  async consume(id) {
    kept.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    kept.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const [key, value] of kept) if (value.grantId === grantId) kept.delete(key);
  }
}

function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" };
}

function providerAt(issuer, keys) {
  return new Provider(issuer, {
    clients: [JSON.parse(client)],
    adapter: Memory,
    jwks: { keys },
    cookies: { keys: ["only-for-tests"] },
    conformIdTokenClaims: false,
    claims: {
      openid: ["sub", "amr", "auth_time"],
      email: ["email", "email_verified"],
      profile: ["name"],
      groups: ["groups"],
    },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@example.com`,
        email_verified: id !== "unverified",
        name: `Test ${id}`,
        groups: ["testers", "everyone"],
      }),
    }),
  });
}

let handler;
const server = createServer((request, response) => handler(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  let answer = providerAt(issuer, [newKey()]).callback();
  handler = (request, response) => {
    if (request.method === "POST" && request.url === "/-/rotate") {
      answer = providerAt(issuer, [newKey()]).callback();
      response.writeHead(204).end();
    } else {
      answer(request, response);
    }
  };
  console.log(JSON.stringify({ issuer }));
});
