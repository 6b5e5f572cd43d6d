// A key of its own for each request, so that one which is sent twice is done once.

// crypto.randomUUID is not there on a page that came over plain http.
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
