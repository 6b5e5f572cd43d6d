// Signs events with npm's `stripe` and sends them to our webhook; its own constructEvent says what each is worth.
// usage: node judge_webhook.mjs NODE_MODULES_PARENT URL SECRET EVENTS.json
// Prints one line a case, "ok NAME" or "FAILED NAME: why", and exits with 1 when one failed.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [parent, url, secret, eventsFile] = process.argv.slice(2);
const Stripe = createRequire(`${parent}/judge.cjs`)("stripe");
const stripe = new Stripe("sk_test_judge");
const now = Math.floor(Date.now() / 1000);
let failed = 0;

function verdict(name, good, why) {
  console.log(good ? `ok ${name}` : `FAILED ${name}: ${why}`);
  failed += good ? 0 : 1;
}

function sign(payload, { key = secret, timestamp = now } = {}) {
  return stripe.webhooks.generateTestHeaderString({ payload, secret: key, timestamp });
}

async function post(payload, header) {
  const headers = { "content-type": "application/json", ...(header && { "stripe-signature": header }) };
  const answer = await fetch(url, { method: "POST", headers, body: payload });
  await answer.arrayBuffer();
  return answer.status;
}

function officially(payload, header) {
  try {
    stripe.webhooks.constructEvent(payload, header ?? "", secret);
    return 200;
  } catch {
    return 400;
  }
}

const events = JSON.parse(readFileSync(eventsFile, "utf8"));
const payload = JSON.stringify(events[0]);
const good = sign(payload);
const wrong = sign(payload, { key: "whsec_somebody_else" });
const cases = {
  good: [payload, good, 200],
  stale: [payload, sign(payload, { timestamp: now - 600 }), 400],
  tamper: [payload.replace("evt_", "evt-"), good, 400],
  nosig: [payload, undefined, 400],
  badsecret: [payload, wrong, 400],
  twosigs: [payload, `${wrong},${good.slice(good.indexOf("v1="))}`, 200],
};
for (const [name, [body, header, wanted]] of Object.entries(cases)) {
  const official = officially(body, header);
  const ours = await post(body, header);
  verdict(`webhook ${name}`, ours === wanted && official === wanted, `wanted ${wanted}, npm stripe ${official}, ours ${ours}`);
}
for (const event of events) {
  const body = JSON.stringify(event);
  const ours = await post(body, sign(body));
  verdict(`webhook takes ${event.type}`, ours === 200, `answered ${ours}`);
}
process.exit(failed === 0 ? 0 : 1);
