"""An endpoint that takes webhooks, checks their signature by itself, and can refuse them."""

import hashlib
import hmac
import http.server
import json
import threading

from harness.waiting import wait_for


class WebhookSink:
    def __init__(self, secret):
        self.secret = secret.encode()
        self.lock = threading.Lock()
        self.taken = []
        self.attempts = 0
        self.refuse = 0
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 (the name is the library's)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(sink.receive(self.headers["Stripe-Signature"], body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/stripe"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def receive(self, signature, body):
        fields = dict(part.split("=", 1) for part in signature.split(","))
        right = hmac.new(self.secret, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        with self.lock:
            self.attempts += 1
            if not hmac.compare_digest(right, fields["v1"]):
                return 400
            if self.refuse > 0:
                self.refuse -= 1
                return 503
            self.taken.append(json.loads(body))
            return 200

    def wait(self, count, timeout_s=10):
        """The first `count` events that were taken."""
        wait_for(lambda: len(self.taken) >= count, timeout_s, f"{count} webhooks ({len(self.taken)} came)")
        return self.taken[:count]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
