// Server-sent events over fetch, because an EventSource cannot send an Authorization header. Tells what is known of the
// connection: "live" only from a snapshot on and until anything breaks, else "unknown"; "refused" when asking again is no use.

const SILENCE_MS = 40000; // the server sends something every 15 s
const RETRY_MAX_MS = 15000;

// One event of the text format: {event, data, retry}; null for a comment.
function parseEvent(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) {
      fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
    }
  }
  return Object.keys(fields).length > 0 ? fields : null;
}

async function* readEvents(response, noteLife) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    noteLife();
    text += value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const event = parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (event) {
        yield event;
      }
    }
  }
}

// Shorter when signal, where there is one, is aborted.
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

// on.event(name, value) for each event, on.link(what, problem) when the connection changes. Returns a function that ends it.
export function follow(url, token, on) {
  const ended = new AbortController();

  // Until the stream ends or breaks; what to do next: how long to wait, or -1 for never.
  async function once(retryMs) {
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), SILENCE_MS);
    const noteLife = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_MS);
    };
    try {
      const response = await fetch(url, {
        headers: { Authorization: `Bearer ${token}` },
        cache: "no-store",
        signal: AbortSignal.any([ended.signal, silent.signal]),
      });
      if (!response.ok) {
        const problem = await response.json().catch(() => null);
        const hopeless = [400, 401, 403, 404].includes(response.status);
        on.link(hopeless ? "refused" : "unknown", problem);
        return hopeless ? -1 : Math.min(2 * retryMs, RETRY_MAX_MS);
      }
      for await (const { event, data, retry } of readEvents(response, noteLife)) {
        if (retry) {
          retryMs = Number(retry);
        }
        if (event) {
          on.event(event, JSON.parse(data));
          if (event === "snapshot") {
            on.link("live", null);
          }
        }
      }
      return retryMs;
    } catch {
      return Math.min(2 * retryMs, RETRY_MAX_MS);
    } finally {
      clearTimeout(timer);
    }
  }

  async function forever() {
    let waitMs = 500;
    while (!ended.signal.aborted && waitMs >= 0) {
      waitMs = await once(waitMs);
      if (waitMs >= 0 && !ended.signal.aborted) {
        on.link("unknown", null);
        await pause(waitMs * (0.5 + Math.random()), ended.signal);
      }
    }
  }

  forever();
  return () => ended.abort();
}
