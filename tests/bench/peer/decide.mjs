// What a message does to a deal: a pure function, as in escrow. The same moves of money, the same number of records.

import { createHash, randomUUID } from "node:crypto";

const HOUR_MS = 3600 * 1000;

/** One move of money between two sums of the deal. */
const move = (debit, credit) => ({ debit, credit });

/** type -> what it does. state null: stays as it is. to: the topics of the records that follow, with their types. */
const RULES = {
  CreateEscrow: {
    from: null, state: "CREATED", events: ["EscrowCreated"],
    asks: [["payments.commands", "CreatePaymentIntent"]],
  },
  PaymentIntentCreated: {
    from: "CREATED", state: "AWAIT_FUNDS", events: ["EscrowAwaitFunds"],
    asks: [["oracle.commands", "SetTimer"]], clock: true,
  },
  PaymentSucceeded: {
    from: "AWAIT_FUNDS", state: "FUNDS_HELD", events: ["EscrowFundsReceived", "EscrowFundsHeld"],
    asks: [["oracle.commands", "CancelTimer"], ["oracle.commands", "SetTimer"]], clock: true,
    moves: [move("external", "suspense_minor"), move("suspense_minor", "held_minor")],
  },
  MarkDelivered: {
    from: "FUNDS_HELD", state: "DELIVERED", events: ["EscrowDelivered"],
    asks: [["oracle.commands", "CancelTimer"], ["oracle.commands", "SetTimer"]], clock: true,
  },
  ReleaseFunds: {
    from: "DELIVERED", state: "RELEASING", events: ["EscrowReleaseStarted"],
    asks: [["payments.commands", "TransferToSeller"], ["oracle.commands", "CancelTimer"]],
    moves: [move("held_minor", "due_seller_minor")],
  },
  TransferSucceeded: {
    from: "RELEASING", state: "RELEASED", events: ["EscrowReleased"],
    moves: [move("due_seller_minor", "paid_out_minor")],
  },
  LatePayment: {
    from: "RELEASED", state: null, events: ["EscrowFundsSuspended"], suspense: "REFUNDING",
    asks: [["payments.commands", "RefundBuyer"]],
    moves: [move("external", "suspense_minor"), move("suspense_minor", "due_buyer_minor")],
  },
  RefundSucceeded: {
    from: "RELEASED", state: null, events: ["EscrowSuspenseRefunded"], suspense: "REFUNDED",
    moves: [move("due_buyer_minor", "refunded_minor")],
  },
};

const SUMS = [
  "received_minor", "held_minor", "suspense_minor", "due_seller_minor", "due_buyer_minor", "paid_out_minor",
  "refunded_minor",
];

function create(message, now) {
  const terms = message.terms;
  const escrow = { id: message.escrow_id, ...terms, state: null, version: 0, seq: 0, created_at: now, deadline_at: null };
  for (const sum of SUMS) escrow[sum] = 0;
  escrow.chain_head = Buffer.alloc(32);
  return escrow;
}

function transitionOf(escrow, event, fromState, message, now) {
  const row = {
    escrow_id: escrow.id, seq: ++escrow.seq, event, from_state: fromState, to_state: escrow.state,
    cause_id: message.id, actor_id: message.actor_id, at: now.toISOString(),
  };
  const hash = createHash("sha256").update(escrow.chain_head).update(JSON.stringify(row)).digest();
  const whole = { ...row, prev_hash: escrow.chain_head, hash };
  escrow.chain_head = hash;
  return whole;
}

function recordOf(topic, type, escrow, message, now) {
  return {
    message_id: randomUUID(), topic, key: escrow.id, type,
    payload: JSON.stringify({
      id: randomUUID(), type, escrow_id: escrow.id, seq: escrow.seq, state: escrow.state, currency: "USD",
      amount_minor: escrow.price_minor, causation_id: message.id, leg_id: message.leg_id ?? null, at: now.toISOString(),
    }),
  };
}

/** (deal or null, message) -> everything that is to be written; null: the message does not fit, and is refused. */
export function decide(before, message, now) {
  const rule = RULES[message.type === "PaymentSucceeded" && before?.state === "RELEASED" ? "LatePayment" : message.type];
  if (!rule || (before?.state ?? null) !== rule.from) return null;
  const escrow = before ? { ...before } : create(message, now);
  const fromState = escrow.state;
  const amount = escrow.price_minor;
  escrow.state = rule.state ?? escrow.state;
  escrow.deadline_at = rule.clock ? new Date(now.getTime() + HOUR_MS) : null;
  escrow.updated_at = now;
  escrow.version += 1;
  const transitions = rule.events.map((event) => transitionOf(escrow, event, fromState, message, now));
  const transfers = (rule.moves ?? []).map(({ debit, credit }, ordinal) => {
    escrow[debit === "external" ? "received_minor" : debit] += debit === "external" ? amount : -amount;
    escrow[credit] += amount;
    return {
      escrow_id: escrow.id, seq: escrow.seq, ordinal, debit, credit, currency: "USD", amount_minor: amount,
      leg_id: message.leg_id ?? null,
    };
  });
  const records = [
    ...rule.events.map((event) => recordOf("escrow.events", event, escrow, message, now)),
    ...(rule.asks ?? []).map(([topic, type]) => recordOf(topic, type, escrow, message, now)),
  ];
  const suspense = rule.suspense ? { leg_id: message.leg_id, state: rule.suspense, amount_minor: amount } : null;
  return { escrow, isNew: before === null, transitions, transfers, suspense, records };
}
