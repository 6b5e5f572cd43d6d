// Shows /openapi.json and sends what one tries: the document is the truth, this only lays it out. All of it is text, nothing
// is markup.
import { newKey } from "./key.js";

// What an answer's headers tell beside its body.
const TOLD = ["Location", "Retry-After", "RateLimit", "Content-Type"];

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, attributes);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

let openapi = null;
let token = ""; // in this page alone, and gone with it

function resolve(value) {
  while (value?.$ref) {
    value = value.$ref.slice(2).split("/").reduce((place, step) => place[step], openapi);
  }
  return value;
}

function schemaLink(name) {
  return make("a", { href: `#schema-${name}` }, name);
}

// A type in a few words: a link to its schema where it has a name.
function typeOf(schema) {
  if (schema.$ref) {
    return schemaLink(schema.$ref.split("/").pop());
  }
  if (schema.type === "array") {
    return make("span", {}, "list of ", typeOf(schema.items));
  }
  const words = [[].concat(schema.type).join(" or ")];
  if (schema.format) {
    words.push(`(${schema.format})`);
  }
  if (schema.enum) {
    words.push(`one of ${schema.enum.join(", ")}`);
  }
  if (schema.minimum !== undefined || schema.maximum !== undefined) {
    words.push(`${schema.minimum ?? "…"} to ${schema.maximum ?? "…"}`);
  }
  if (schema.maxLength !== undefined) {
    words.push(`at most ${schema.maxLength} characters`);
  }
  if (schema.pattern) {
    words.push(schema.pattern);
  }
  if (schema.default !== undefined) {
    words.push(`default ${schema.default}`);
  }
  return make("span", {}, words.join(" "));
}

function table(rows) {
  return make("table", {}, make("tbody", {}, ...rows.map((cells) =>
    make("tr", {}, ...cells.map((cell) => make("td", {}, cell ?? ""))))));
}

function properties(schema) {
  const required = new Set(schema.required ?? []);
  return table(Object.entries(schema.properties ?? {}).map(([name, property]) => [
    make("code", {}, name), required.has(name) ? "" : "optional", typeOf(property), property.description,
  ]));
}

function parameters(operation) {
  const all = (operation.parameters ?? []).map(resolve);
  return all.length === 0 ? null : make("div", {}, make("h4", {}, "Parameters"), table(all.map((parameter) => [
    make("code", {}, parameter.name), parameter.in, parameter.required ? "" : "optional", typeOf(parameter.schema),
    parameter.description,
  ])));
}

function body(operation) {
  const kinds = resolve(operation.requestBody)?.content;
  const content = kinds?.["application/json"];
  if (kinds && !content) {
    return make("div", {}, make("h4", {}, "Body"), make("p", {}, `A file: ${Object.keys(kinds).join(", ")}`));
  }
  if (!content) {
    return null;
  }
  const shown = content.schema.$ref ? typeOf(content.schema) : properties(content.schema);
  return make("div", {}, make("h4", {}, "Body (application/json)"), shown);
}

function responses(operation) {
  return make("div", {}, make("h4", {}, "Answers"), table(Object.entries(operation.responses).map(([status, response]) => {
    const { description, content } = resolve(response);
    const [type, { schema }] = Object.entries(content)[0];
    return [make("code", {}, status), description, type, schema ? typeOf(schema) : ""];
  })));
}

// A value that shows where one's own goes.
function example(schema) {
  schema = resolve(schema);
  const type = [].concat(schema.type)[0];
  if (type === "object") {
    return Object.fromEntries((schema.required ?? []).map((name) => [name, example(schema.properties[name])]));
  }
  if (type === "array") {
    return [example(schema.items)];
  }
  if (type === "integer") {
    return schema.minimum ?? 0;
  }
  return schema.enum?.[0] ?? (schema.format === "uuid" ? "00000000-0000-0000-0000-000000000000" : "…");
}

// For a shell; what stands in braces and dots is to be filled in.
function curl(path, method, operation) {
  const words = [`curl -X ${method.toUpperCase()} '${location.origin}${path}'`];
  if ((operation.security ?? openapi.security).length > 0) {
    words.push('-H "Authorization: Bearer $TOKEN"');
  }
  for (const { name, in: place, required } of (operation.parameters ?? []).map(resolve)) {
    if (place === "header" && required) {
      words.push(`-H '${name}: …'`);
    }
  }
  const kinds = resolve(operation.requestBody)?.content;
  const content = kinds?.["application/json"];
  if (kinds && !content) {
    words.push(`-H 'Content-Type: ${Object.keys(kinds).join("|")}'`, "--data-binary @FILE");
  }
  if (content) {
    words.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(example(content.schema))}'`);
  }
  return make("pre", {}, words.join(" \\\n  "));
}

// ---- Trying it ----

function field(name, input) {
  return make("p", {}, make("label", {}, make("code", {}, name), make("br"), input));
}

// One input for each parameter; a key is made, as a program would.
function inputs(operation) {
  return (operation.parameters ?? []).map(resolve).map(({ name, in: place, required, schema }) => ({
    name, place, input: make("input", { autocomplete: "off", spellcheck: false, placeholder: required ? "" : "optional",
      value: name === "Idempotency-Key" ? newKey() : String(schema.default ?? "") }),
  }));
}

// What is asked is what stands in the fields; an empty one is left out.
function requestOf(path, fields, text) {
  const query = new URLSearchParams();
  const headers = {};
  for (const { name, place, input } of fields) {
    const value = input.value.trim();
    if (place === "path") {
      path = path.replace(`{${name}}`, encodeURIComponent(value));
    } else if (value !== "" && place === "query") {
      query.append(name, value);
    } else if (value !== "") {
      headers[name] = value;
    }
  }
  if (text) {
    headers["Content-Type"] = "application/json";
  }
  const asked = query.toString();
  return { address: asked ? `${path}?${asked}` : path, headers, body: text?.value };
}

function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(method, { address, headers, body }, answer) {
  answer.textContent = "…";
  try {
    const response = await fetch(address, { method, headers, body, cache: "no-store" });
    const told = TOLD.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
    answer.textContent = [`${response.status}`, ...told, "", laidOut(await response.text())].join("\n");
  } catch (error) {
    answer.textContent = `No answer (${error.message}). What was asked for may have been done all the same: send it again with the same key.`;
  }
}

function tryIt(path, method, operation) {
  if (Object.values(operation.responses).some((response) => resolve(response).content?.["text/event-stream"])) {
    return make("p", { className: "quiet" }, "This answer has no end: look at it with curl.");
  }
  const kinds = resolve(operation.requestBody)?.content;
  if (kinds && !kinds["application/json"]) {
    return make("p", { className: "quiet" }, "A file is sent: do it with curl.");
  }
  const fields = inputs(operation);
  const content = resolve(operation.requestBody)?.content["application/json"];
  const text = content ? make("textarea", { rows: 10, spellcheck: false, value: JSON.stringify(example(content.schema), null, 2) }) : null;
  const answer = make("output", { className: "answer mono" });
  const needsToken = (operation.security ?? openapi.security).length > 0;
  const button = make("button", { type: "button", onclick: () => {
    const request = requestOf(path, fields, text);
    if (needsToken && token !== "") {
      request.headers.Authorization = `Bearer ${token}`;
    }
    send(method.toUpperCase(), request, answer);
  } }, "Send");
  return make("div", { className: "try" }, make("h4", {}, "Try it"), ...fields.map(({ name, input }) => field(name, input)),
    text ? field("body", text) : null, button, answer);
}

function enterToken() {
  const input = make("input", { id: "token", type: "password", autocomplete: "off", spellcheck: false,
    oninput: () => { token = input.value.trim(); } });
  return make("p", {}, make("label", { htmlFor: "token" }, "Your token, to try the routes with (it stays in this page)"), make("br"), input);
}

// ---- The page ----

function operationOf(path, method, operation) {
  return make("details", { id: operation.operationId },
    make("summary", {}, make("span", { className: "method" }, method.toUpperCase()), make("code", {}, path), ` ${operation.summary}`,
      operation.deprecated ? " (deprecated)" : ""),
    operation.description ? make("p", {}, operation.description) : null,
    (operation.security ?? openapi.security).length === 0 ? make("p", { className: "quiet" }, "No token needed.") : null,
    curl(path, method, operation), parameters(operation), body(operation), responses(operation),
    tryIt(path, method, operation));
}

function operations() {
  return Object.entries(openapi.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })));
}

function section({ name, description }) {
  return make("section", {}, make("h2", {}, description),
    ...operations().filter(({ operation }) => operation.tags.includes(name))
      .map(({ path, method, operation }) => operationOf(path, method, operation)));
}

function schemas() {
  return make("section", {}, make("h2", {}, "Schemas"), ...Object.entries(openapi.components.schemas).map(([name, schema]) =>
    make("details", { id: `schema-${name}` }, make("summary", {}, make("code", {}, name)),
      schema.description ? make("p", {}, schema.description) : null, properties(schema))));
}

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target?.tagName === "DETAILS") {
    target.open = true;
  }
}

async function show() {
  openapi = await (await fetch("/openapi.json")).json();
  document.getElementById("docs").replaceChildren(
    make("h1", {}, `${openapi.info.title} API, version ${openapi.info.version}`), make("p", {}, openapi.info.description),
    make("p", {}, "A token goes into the header ", make("code", {}, "Authorization: Bearer …"), `: ${openapi.components.securitySchemes.token.description}`),
    make("p", {}, make("a", { href: "/openapi.json" }, "openapi.json")), enterToken(),
    ...openapi.tags.map(section), schemas());
  openTarget();
  window.addEventListener("hashchange", openTarget);
}

show();
