// The service: a message at a time for each partition, one transaction for each message, and a poller that publishes.

import { setTimeout as sleep } from "node:timers/promises";
import { Kafka, logLevel } from "kafkajs";
import pg from "pg";
import { decide } from "./decide.mjs";

const PARTITIONS = 12;
const POLL_MS = 100; // when there was nothing to publish
const PUBLISH_MAX = 500; // rows at a time
const SERVICE = process.env.PEER_PREFIX;

pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const pool = new pg.Pool({ connectionString: process.env.PEER_DATABASE_URL, max: PARTITIONS + 2 });
const kafka = new Kafka({ clientId: "peer", brokers: [process.env.PEER_BROKERS], logLevel: logLevel.ERROR });
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
const consumer = kafka.consumer({ groupId: SERVICE });
let stopping = false;
let published = 0;
let fresh = true; // nothing was handled since it was told to go

// ---- SQL: named, so that each connection prepares it once ----

const ESCROW = [
  "id", "currency", "price_minor", "marketplace_id", "buyer_id", "seller_id", "funding_seconds", "delivery_seconds",
  "inspection_seconds", "created_at", "seller_account", "description", "version", "seq", "state", "received_minor",
  "held_minor", "suspense_minor", "due_seller_minor", "due_buyer_minor", "paid_out_minor", "refunded_minor", "deadline_at",
  "updated_at", "chain_head",
];
const CHANGING = ESCROW.slice(ESCROW.indexOf("version"));
const TRANSITION = ["escrow_id", "seq", "event", "from_state", "to_state", "cause_id", "actor_id", "at", "prev_hash", "hash"];
const TRANSFER = ["escrow_id", "seq", "ordinal", "debit", "credit", "currency", "amount_minor", "leg_id"];
const OUTBOX = ["message_id", "topic", "key", "type", "payload"];

/** An INSERT of so many rows at once. */
function insert(table, columns, rows) {
  const places = rows.map((_, row) => `(${columns.map((_, column) => `$${row * columns.length + column + 1}`).join(",")})`);
  return {
    name: `${table}-${rows.length}`,
    text: `INSERT INTO ${table} (${columns.join(",")}) VALUES ${places.join(",")}`,
    values: rows.flatMap((row) => columns.map((column) => row[column])),
  };
}

function update(escrow) {
  const sets = CHANGING.map((column, at) => `${column} = $${at + 3}`).join(", ");
  return {
    name: "escrow-update",
    text: `UPDATE escrow SET ${sets} WHERE id = $1 AND version = $2`,
    values: [escrow.id, escrow.version - 1, ...CHANGING.map((column) => escrow[column])],
  };
}

function suspenseOf(made) {
  const { leg_id, state, amount_minor } = made.suspense;
  if (state === "REFUNDED") {
    return { name: "suspense-update", text: "UPDATE suspense SET state = $2, updated_at = now() WHERE leg_id = $1",
      values: [leg_id, state] };
  }
  return {
    name: "suspense-insert",
    text: "INSERT INTO suspense (leg_id, escrow_id, state, currency, amount_minor, created_at, updated_at)"
      + " VALUES ($1, $2, $3, 'USD', $4, now(), now())",
    values: [leg_id, made.escrow.id, state, amount_minor],
  };
}

// ---- A message ----

async function write(client, made) {
  const saved = await client.query(made.isNew ? insert("escrow", ESCROW, [made.escrow]) : update(made.escrow));
  if (saved.rowCount !== 1) throw new Error(`escrow ${made.escrow.id} was changed by somebody else`);
  await client.query(insert("transition", TRANSITION, made.transitions));
  if (made.transfers.length > 0) await client.query(insert("transfer", TRANSFER, made.transfers));
  if (made.suspense) await client.query(suspenseOf(made));
  await client.query(insert("outbox", OUTBOX, made.records));
}

async function handle({ message: record }) {
  if (fresh) {
    fresh = false;
    process.send({ began: String(process.hrtime.bigint()) });
  }
  const message = JSON.parse(record.value);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const seen = await client.query({
      name: "inbox", text: "INSERT INTO inbox (id) VALUES ($1) ON CONFLICT DO NOTHING", values: [message.id],
    });
    if (seen.rowCount === 1) {
      const { rows } = await client.query({
        name: "escrow-load", text: "SELECT * FROM escrow WHERE id = $1 FOR UPDATE", values: [message.escrow_id],
      });
      const made = decide(rows[0] ?? null, message, new Date());
      if (!made) throw new Error(`${message.type} does not fit ${rows[0]?.state}`);
      await write(client, made);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error; // kafkajs delivers it again
  } finally {
    client.release();
  }
}

// ---- The outbox ----

async function publishSome() {
  const { rows } = await pool.query({
    name: "outbox-read",
    text: "SELECT id, message_id, topic, key, type, payload FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1",
    values: [PUBLISH_MAX],
  });
  if (rows.length === 0) return 0;
  const topics = Map.groupBy ? Map.groupBy(rows, (row) => row.topic) : groupBy(rows);
  await producer.sendBatch({
    acks: -1,
    topicMessages: [...topics].map(([topic, of]) => ({
      topic: `${SERVICE}.${topic}`,
      messages: of.map((row) => ({ key: row.key, value: row.payload, headers: { ce_id: row.message_id, ce_type: row.type } })),
    })),
  });
  await pool.query({
    name: "outbox-published", text: "UPDATE outbox SET published_at = now() WHERE id = ANY ($1)",
    values: [rows.map((row) => row.id)],
  });
  return rows.length;
}

function groupBy(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.topic, [...(groups.get(row.topic) ?? []), row]);
  return groups;
}

async function publish() {
  while (!stopping) {
    const count = await publishSome();
    published += count;
    if (count > 0) process.send({ published });
    if (count < PUBLISH_MAX) await sleep(POLL_MS);
  }
}

// ---- Its life: paused until it is told to go ----

const topics = [`${SERVICE}.messages`];
process.on("message", (told) => {
  if (told === "go") {
    fresh = true;
    consumer.resume(topics.map((topic) => ({ topic })));
  }
  if (told === "pause") consumer.pause(topics.map((topic) => ({ topic })));
  if (told === "stop") stop();
});

async function stop() {
  stopping = true;
  await consumer.disconnect();
  await publishing;
  await producer.disconnect();
  await pool.end();
  process.disconnect();
}

await producer.connect();
await consumer.connect();
await consumer.subscribe({ topics, fromBeginning: true });
const publishing = publish();
consumer.on(consumer.events.GROUP_JOIN, () => process.send({ ready: true }));
await consumer.run({ partitionsConsumedConcurrently: PARTITIONS, eachMessage: handle });
