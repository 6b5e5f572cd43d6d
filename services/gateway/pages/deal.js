// One deal, live. What is shown is what the server said last, and only while the connection holds; a request is "pending"
// until the server says what became of it. Nothing is assumed to have worked.
import { newKey } from "./key.js";
import { follow, pause } from "./stream.js";

const TOKEN = "holdfast.token"; // in sessionStorage: gone with the tab, never in an address

// Who may ask for what; the server decides, this only hides what it would refuse.
const ACTIONS = [
  { verb: "mark-delivered", label: "Mark as delivered", roles: ["seller"], each: ["OPEN", "REJECTED"] },
  { verb: "release", label: "Release the money", roles: ["buyer"], each: ["OPEN", "DELIVERED", "REJECTED"] },
  { verb: "release-part", label: "Release a part", roles: ["buyer"], whole: true, howMuch: "How much of it do you release now?" },
  { verb: "cancel", label: "Cancel", roles: ["buyer", "seller", "marketplace", "staff"] },
  { verb: "refund", label: "Refund the buyer", roles: ["seller", "staff"], each: ["OPEN", "DELIVERED", "REJECTED"], all: "Refund all that is held" },
  { verb: "reject-delivery", label: "Reject the delivery", roles: ["buyer"], each: ["DELIVERED"], why: "What is wrong with the delivery?" },
  { verb: "accept-return", label: "Accept the return", roles: ["seller"], whole: true },
  { verb: "raise-dispute", label: "Raise a dispute", roles: ["buyer", "seller"], why: "What is the dispute about?" },
  { verb: "propose-split", label: "Offer to divide the money", roles: ["buyer", "seller"], share: "How much of what is held goes to the seller? The rest goes to the buyer." },
  { verb: "accept-split", label: "Agree to the offer", roles: ["buyer", "seller"], offer: true },
  { verb: "withdraw-split", label: "Take the offer back", roles: ["buyer", "seller"], own: true },
  { verb: "evidence", label: "Submit evidence", roles: ["buyer", "seller"], file: true },
  { verb: "resolve-dispute", label: "Decide the dispute", roles: ["arbiter", "staff"], verdict: true },
  { verb: "withdraw-dispute", label: "Withdraw the dispute", roles: ["buyer", "seller"] },
  { verb: "retry", label: "Retry what failed", roles: ["staff"] },
];
// What happens by itself, by the state that the deal then goes to.
const OTHERWISE = {
  EXPIRED: "Unless the buyer has paid by then, the deal expires.",
  REFUNDING: "Unless {who} by then, the buyer gets the money back.",
  ESCALATED: "Unless the dispute has been settled by then, the deal's arbiter, or our staff, looks at it.",
  RELEASING: "Unless the buyer is refunded before, the seller then gets the money.",
  DELIVERED: "Unless somebody acts before, the first of the milestones whose time runs then ends: released if it is inspected, given back if it was rejected.",
  DELIVERY_REJECTED: "Unless somebody acts before, the first of the milestones whose time runs then ends: released if it is inspected, given back if it was rejected.",
  PARTIALLY_SETTLED: "Unless somebody acts before, the milestone whose time runs then ends: released if it is inspected, given back if it was rejected.",
};
// Whose act is waited for, by the state that the deal is in.
const AWAITED = {
  FUNDS_HELD: "the seller has delivered",
  PARTIALLY_SETTLED: "the seller has delivered",
  DELIVERY_REJECTED: "the seller has answered",
  ESCALATED: "the dispute has been settled",
};
// What the server may answer to one attempt and not to the next: it says nothing about an earlier one.
const PASSING = [408, 429];
const IN_PROGRESS = "idempotency.in_progress"; // another copy of this attempt is being taken in right now
const RETRY_MS = 500;
const RETRY_MAX_MS = 15000;
const BALANCES = ["received", "held", "disputed", "suspense", "due_seller", "due_buyer", "paid_out", "refunded", "fee_deferred", "fee", "released", "returned"];

const $ = (id) => document.getElementById(id);
const dealId = location.pathname.split("/").pop();
let token = "";
let stop = null;
let link = "unknown";
let streams = 0; // how often a snapshot has begun what is told
let caller = null;
let deal = null;
// {verb, body, key, id, streams, status, unsure, code, sentence}: what this page asked for, the newest first. streams: as it was when
// it was asked first; only while it is still so, its outcome must yet be told. unsure: one attempt, whose answer is not known,
// may have been taken in; then a refusal of another attempt says nothing.
const requests = [];
const outcomes = new Map(); // command id -> the command, of all that were settled while we looked

function role() {
  if (!caller || !deal) {
    return null;
  }
  if (caller.kind !== "user") {
    return caller.kind;
  }
  if (deal.arbiter && caller.id === deal.arbiter.id) {
    return "arbiter";
  }
  return caller.id === deal.buyer_id ? "buyer" : "seller";
}

function money(minor) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency: deal.currency });
  const digits = format.resolvedOptions().maximumFractionDigits;
  return `${(minor / 10 ** digits).toFixed(digits)} ${deal.currency}`;
}

// "12.5" as minor units, by its digits; null: it is no amount.
function minorOf(text) {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency: deal.currency }).resolvedOptions().maximumFractionDigits;
  const [, whole, part = ""] = /^(\d{1,9})(?:\.(\d+))?$/.exec(text) ?? [];
  return whole && part.length <= digits ? Number(whole + part.padEnd(digits, "0")) : null;
}

function row(...cells) {
  const line = document.createElement("tr");
  for (const cell of cells) {
    const box = document.createElement("td");
    box.append(cell);
    line.append(box);
  }
  return line;
}

function badge(text) {
  const span = document.createElement("span");
  span.className = "badge";
  span.dataset.is = text;
  span.textContent = text;
  return span;
}

function button(label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}

function facts() {
  const shown = [["Price", money(deal.amount_minor)]];
  if (deal.preview && deal.preview.platform_gets_minor > 0) {
    shown.push(["Buyer pays", money(deal.preview.buyer_pays_minor)], ["Seller gets", money(deal.preview.seller_gets_minor)],
      ["Back on refund", money(deal.preview.refund_minor)]);
  }
  for (const name of BALANCES) {
    const minor = deal.balances[`${name}_minor`];
    if (minor !== 0) {
      shown.push([name.replace("_", " "), money(minor)]);
    }
  }
  for (const one of deal.milestones) {
    shown.push([`${one.number}. ${one.title}`, `${money(one.amount_minor)}, ${one.state}`]);
  }
  if (deal.split) {
    const who = deal.split.proposed_by === deal.buyer_id ? "buyer" : "seller";
    shown.push([`Offer of the ${who}`, `${money(deal.split.seller_minor)} to the seller, ${money(deal.split.buyer_minor)} to the buyer`]);
  }
  const docket = deal.dispute?.docket;
  if (docket) {
    for (const [who, pieces, until] of [["buyer", docket.buyer_items, docket.buyer_until], ["seller", docket.seller_items, docket.seller_until]]) {
      shown.push([`Evidence of the ${who}`, `${pieces}; more until ${localTime(until)}`]);
    }
    shown.push(["Staff may decide from", localTime(docket.staff_decides_at)]);
  }
  if (deal.rejection) {
    shown.push(["Refused", deal.rejection.sentence]);
  }
  shown.push(["What", deal.description], ["Changed", deal.updated_at]);
  return shown.map(([name, value]) => row(name, value));
}

function localTime(at) {
  return new Date(at).toLocaleString(undefined, { dateStyle: "long", timeStyle: "long" });
}

// The moment as the server gave it, in the reader's own time zone. How much time is left is not reckoned: the deal's clock is
// the server's, not this machine's.
function deadline() {
  const moment = document.createElement("time");
  moment.dateTime = deal.deadline.at;
  moment.textContent = localTime(deal.deadline.at);
  return ["Until ", moment, `: ${OTHERWISE[deal.deadline.next_state].replace("{who}", AWAITED[deal.state])}`];
}

// An action for each milestone at its point; as it is where a deal is one piece, or in dispute.
function forEach(action) {
  const pieces = deal.milestones;
  if (pieces.length === 0 || deal.balances.disputed_minor > 0) {
    return action.whole && pieces.length > 0 ? [] : [action];
  }
  if (!action.each) {
    return action.whole ? [] : [action];
  }
  const whole = action.all && deal.balances.held_minor > 0 ? [{ ...action, label: action.all }] : [];
  return pieces.filter((one) => deal.balances.held_minor > 0 && action.each.includes(one.state))
    .map((one) => ({ ...action, label: `${action.label}: ${one.title}`, milestone: one.number })).concat(whole);
}

// The other one offered to divide what is held, and waits for an answer.
function isAsked() {
  return Boolean(deal.split) && deal.split.proposed_by !== caller.id;
}

function isOffering() {
  return Boolean(deal.split) && deal.split.proposed_by === caller.id;
}

// Some things can be asked for only while there is something to answer, to take back, or to decide.
function isTime({ offer, own, file }) {
  return (!offer || isAsked()) && (!own || isOffering()) && (!file || Boolean(deal.dispute?.docket));
}

// A request that is not settled is unknown while nobody tells us what became of it.
function statusOf(request) {
  return request.status === "pending" && link !== "live" ? "unknown" : request.status;
}

function requestRow(request) {
  const said = [request.code, request.sentence].filter(Boolean).join(": ");
  const again = request.status === "unknown" ? button("Ask again", () => send(request)) : "";
  return row(request.verb, badge(statusOf(request)), said, again);
}

function render() {
  $("link").textContent = link;
  $("link").dataset.is = link;
  if (!deal) {
    $("state").textContent = "unknown";
  } else {
    $("state").textContent = link === "live" ? deal.state : `unknown (last seen: ${deal.state})`;
    $("role").textContent = `you are the ${role()}`.replace("the staff", "staff");
    $("facts").replaceChildren(...facts());
  }
  const clockRuns = link === "live" && Boolean(deal?.deadline);
  $("deadline").hidden = !clockRuns;
  $("deadline").replaceChildren(...(clockRuns ? deadline() : []));
  const allowed = link === "live" ? ACTIONS.filter((action) => action.roles.includes(role()) && isTime(action)) : [];
  $("actions").replaceChildren(...allowed.flatMap(forEach).map((action) => button(action.label, () => ask(action))));
  $("commands").replaceChildren(...requests.map(requestRow));
}

function settle(request, command) {
  if (command.status !== "pending") {
    request.status = command.status === "accepted" ? "confirmed" : "rejected";
    request.code = command.rejection?.code;
    request.sentence = command.rejection?.sentence;
  }
}

function call(path, options = {}) {
  return fetch(path, { ...options, cache: "no-store", headers: { ...options.headers, Authorization: `Bearer ${token}` } });
}

// Until it is done or nobody wants to know any more.
async function insist(wanted, attempt) {
  for (let waitMs = RETRY_MS; wanted() && !(await attempt()); waitMs = Math.min(2 * waitMs, RETRY_MAX_MS)) {
    await pause(waitMs);
  }
}

// Asks what became of a command whose event may have been missed. What is still pending now, this stream will tell; each
// later stream asks anew.
function check(request) {
  const asked = streams;
  const wanted = () => request.status === "pending" && asked === streams && requests.includes(request);
  return insist(wanted, async () => {
    const answer = await call(`/v1/commands/${request.id}`).catch(() => null);
    const command = answer?.ok ? await answer.json().catch(() => null) : null;
    if (command) {
      settle(request, command);
      render();
    }
    return command !== null;
  });
}

function accept(request, id) {
  request.id = id;
  request.status = "pending";
  if (outcomes.has(id)) {
    settle(request, outcomes.get(id)); // the event was faster than the answer
  } else if (request.streams !== streams) {
    check(request);
  }
}

function refuse(request, status, { code, detail }) {
  request.unsure ||= status >= 500 || PASSING.includes(status) || code === IN_PROGRESS;
  request.status = request.unsure ? "unknown" : "rejected";
  if (code === IN_PROGRESS) {
    request.status = "pending";
  }
  request.code = code;
  request.sentence = detail;
}

// True unless it must be sent again to learn what becomes of a copy of it. A browser sends a request twice by itself when a
// kept connection turns out to be dead.
async function sendOnce(request) {
  request.status = "sending";
  request.code = request.sentence = undefined;
  render();
  try {
    const { verb, file, description } = request;
    const asked = description ? `?${new URLSearchParams({ description })}` : "";
    const answer = await call(`/v1/escrows/${dealId}/${verb}${asked}`, {
      method: "POST",
      headers: { "Content-Type": file ? file.type : "application/json", "Idempotency-Key": request.key },
      body: file ?? JSON.stringify(request.body),
    });
    const told = await answer.json();
    if (answer.status === 202) {
      accept(request, told.command_id);
    } else {
      refuse(request, answer.status, told);
    }
  } catch {
    request.unsure = true;
    request.status = "unknown";
  }
  render();
  return request.code !== IN_PROGRESS;
}

// The same key each time: however often it is sent, it is one command.
function send(request) {
  return insist(() => requests.includes(request), () => sendOnce(request));
}

// An arbiter's key never comes here: what he signed elsewhere does.
function signedVerdict() {
  try {
    return JSON.parse(window.prompt("The verdict, as `holdfastctl verdict sign` prints it") ?? "");
  } catch {
    return null;
  }
}

function staffVerdict() {
  const minor = minorOf(window.prompt(`How much of what is frozen goes to the seller? The rest goes to the buyer. (${deal.currency})`)?.trim() ?? "");
  const reason = minor === null ? "" : window.prompt("Why?")?.trim();
  const kept = deal.balances.disputed_minor;
  return reason ? { dispute: deal.dispute.number, seller_minor: minor, buyer_minor: kept - minor, reason } : null;
}

// What a request says beside its verb; null: nothing was entered that can be asked for.
function bodyOf({ why, howMuch, share, offer, own, milestone, verdict }) {
  if (milestone && !why) {
    return { milestone };
  }
  if (offer || own) {
    return { number: deal.split.number };
  }
  if (verdict) {
    return role() === "arbiter" ? signedVerdict() : staffVerdict();
  }
  if (!why && !howMuch && !share) {
    return {};
  }
  const entered = window.prompt(why ?? `${howMuch ?? share} (${deal.currency})`)?.trim();
  if (why) {
    return entered ? { reason: entered, ...(milestone && { milestone }) } : null;
  }
  const minor = minorOf(entered ?? "");
  if (minor === null) {
    return null;
  }
  const kept = deal.balances.held_minor + deal.balances.disputed_minor;
  return share ? { seller_minor: minor, buyer_minor: kept - minor } : { amount_minor: minor };
}

function begin(what) {
  const request = { ...what, key: newKey(), id: null, streams, status: "sending", unsure: false };
  requests.unshift(request);
  send(request);
}

// The file itself is sent, and what it shows in the words of whoever sends it.
function pickFile({ verb }) {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "text/plain,application/pdf,image/png,image/jpeg,image/webp";
  input.onchange = () => {
    const description = window.prompt("What does it show?")?.trim();
    if (description !== undefined && input.files.length > 0) {
      begin({ verb, file: input.files[0], description });
    }
  };
  input.click();
}

function ask(action) {
  if (action.file) {
    pickFile(action);
    return;
  }
  const body = bodyOf(action);
  if (body) {
    begin({ verb: action.verb, body });
  }
}

function onEvent(name, value) {
  if (name === "snapshot") {
    caller = value.caller;
    deal = value.escrows.find((each) => each.id === dealId) ?? null;
    streams += 1;
    const open = new Set(value.commands.map((command) => command.command_id));
    requests.filter((request) => request.status === "pending" && request.id && !open.has(request.id)).forEach(check);
  } else if (name === "deal") {
    deal = value;
  } else if (name === "command") {
    outcomes.set(value.command_id, value);
    requests.filter((request) => request.id === value.command_id).forEach((request) => settle(request, value));
  }
  render();
}

function onLink(what, problem) {
  link = what;
  $("problem").textContent = problem ? `${problem.code}: ${problem.detail}` : "";
  if (what === "refused") {
    forget();
  }
  render();
}

function show(entered) {
  token = entered;
  link = "unknown";
  sessionStorage.setItem(TOKEN, token);
  $("enter").hidden = true;
  $("deal").hidden = false;
  stop = follow(`/v1/events?escrow_id=${encodeURIComponent(dealId)}`, token, { event: onEvent, link: onLink });
}

function forget() {
  stop?.();
  stop = null;
  token = "";
  requests.length = 0;
  deal = null;
  caller = null;
  sessionStorage.removeItem(TOKEN);
  $("enter").hidden = false;
}

$("id").textContent = dealId;
$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  const entered = $("token").value.trim();
  $("token").value = "";
  show(entered);
});
$("forget").addEventListener("click", () => {
  forget();
  link = "unknown";
  $("deal").hidden = true;
});
const kept = sessionStorage.getItem(TOKEN);
if (kept) {
  show(kept);
}
