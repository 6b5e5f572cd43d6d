// Whole lives of deals through the service, as bench-engine does it with escrow: all messages of a phase lie in Kafka before
// the clock starts, with the first message that is handled, and a phase ends when everything that it leads to is published.
// Prints messages a second.
//
// usage: node peer.mjs --deals N        with HOLDFAST_TEST_DATABASE_URL and HOLDFAST_TEST_KAFKA

import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { Kafka, logLevel } from "kafkajs";
import pg from "pg";

const PARTITIONS = 12;
const SEND_MAX = 2000;
const WARM_UP_DEALS = 100; // what is new and not compiled yet is no matter of the peer
// The messages of a deal in their order, and how many records each leads to.
const PHASES = [
  ["CreateEscrow", 2], ["PaymentIntentCreated", 2], ["PaymentSucceeded", 4], ["MarkDelivered", 3], ["ReleaseFunds", 3],
  ["TransferSucceeded", 1], ["PaymentSucceeded", 2], ["RefundSucceeded", 1], ["PaymentSucceeded", 2], ["RefundSucceeded", 1],
];
const TERMS = {
  currency: 1, price_minor: 2500, funding_seconds: 259200, delivery_seconds: 172800, inspection_seconds: 604800,
  seller_account: "acct_1BenchSeller", description: "One sword of the north",
};

const { values: options } = parseArgs({ options: { deals: { type: "string" } } });
const prefix = `peer-${randomUUID().slice(0, 8)}`;
const schema = prefix.replace("-", "_");
const databaseUrl = new URL(process.env.HOLDFAST_TEST_DATABASE_URL);
const brokers = process.env.HOLDFAST_TEST_KAFKA;
const kafka = new Kafka({ clientId: "peer-load", brokers: [brokers], logLevel: logLevel.ERROR });
const TOPICS = ["messages", "escrow.events", "payments.commands", "oracle.commands"].map((name) => `${prefix}.${name}`);

async function prepare(admin, client) {
  await client.query(`CREATE SCHEMA ${schema}; SET search_path = ${schema};`);
  await client.query(await readFile(new URL("schema.sql", import.meta.url), "utf8"));
  await admin.createTopics({ topics: TOPICS.map((topic) => ({ topic, numPartitions: PARTITIONS })), waitForLeaders: true });
}

function startService() {
  databaseUrl.searchParams.set("options", `-c search_path=${schema}`);
  const child = fork(new URL("service.mjs", import.meta.url), {
    env: { ...process.env, PEER_PREFIX: prefix, PEER_DATABASE_URL: databaseUrl.href, PEER_BROKERS: brokers },
  });
  const service = { child, published: 0, waiting: null, began: 0n };
  service.ended = new Promise((resolve) => child.once("exit", resolve));
  service.ready = new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the service ended with ${code}`)));
    child.on("message", (told) => {
      if (told.ready) resolve();
      if (told.began) service.began = BigInt(told.began);
      if (told.published) service.published = told.published;
      if (service.waiting && service.published >= service.waiting.count) service.waiting.resolve();
    });
  });
  return service;
}

function untilPublished(service, count) {
  return new Promise((resolve) => {
    service.waiting = { count, resolve };
    if (service.published >= count) resolve();
  });
}

function newDeals(count) {
  return Array.from({ length: count }, () => ({
    id: randomUUID(), leg_id: randomUUID(), marketplace_id: randomUUID(), buyer_id: randomUUID(), seller_id: randomUUID(),
  }));
}

function messageOf(deal, type, phase) {
  if (type === "PaymentSucceeded" && phase > 2) deal.leg_id = randomUUID(); // paid once more
  const message = {
    id: randomUUID(), type, escrow_id: deal.id, actor_id: deal.buyer_id, leg_id: deal.leg_id, at: new Date().toISOString(),
  };
  if (type === "CreateEscrow") {
    const { marketplace_id, buyer_id, seller_id } = deal;
    message.terms = { ...TERMS, marketplace_id, buyer_id, seller_id };
  }
  return { key: deal.id, value: JSON.stringify(message) };
}

/** All phases; the time in ns that passed while the service worked. */
async function run(service, producer, deals) {
  let took = 0n;
  let expected = service.published;
  for (const [phase, [type, records]] of PHASES.entries()) {
    service.child.send("pause");
    const messages = deals.map((deal) => messageOf(deal, type, phase));
    for (let at = 0; at < messages.length; at += SEND_MAX) {
      await producer.send({ topic: TOPICS[0], acks: -1, messages: messages.slice(at, at + SEND_MAX) });
    }
    expected += deals.length * records;
    service.child.send("go");
    await untilPublished(service, expected);
    took += process.hrtime.bigint() - service.began; // kafkajs may take seconds to see that it is no longer paused
  }
  return took;
}

const admin = kafka.admin();
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
const client = new pg.Client({ connectionString: process.env.HOLDFAST_TEST_DATABASE_URL });
await Promise.all([admin.connect(), producer.connect(), client.connect()]);
await prepare(admin, client);
const service = startService();
await service.ready;
await run(service, producer, newDeals(WARM_UP_DEALS));
const deals = newDeals(Number(options.deals));
const took = await run(service, producer, deals);
service.child.send("stop");
await service.ended;
await client.query(`SET client_min_messages = warning; DROP SCHEMA ${schema} CASCADE`);
await admin.deleteTopics({ topics: TOPICS });
await Promise.all([admin.disconnect(), producer.disconnect(), client.end()]);
console.log(String((BigInt(deals.length * PHASES.length) * 1_000_000_000n) / took));
