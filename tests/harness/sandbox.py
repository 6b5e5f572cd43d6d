"""The sandbox as a test sees it: what it was asked, what it shall do wrong."""

import urllib.parse

from harness import http
from harness.ports import free_port
from harness.process import Process

API_KEY = "sk_test_0123456789abcdef0123456789abcdef"
WEBHOOK_SECRET = "whsec_0123456789abcdef0123456789abcdef"


class Sandbox:
    def __init__(self, log_folder, webhook_urls=()):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {
            "HOLDFAST_ENV": "test", "LOG_LEVEL": "info", "ADMIN_LISTEN": "127.0.0.1:0",
            "HTTP_LISTEN": f"127.0.0.1:{self.port}", "STRIPE_SECRET_KEY": API_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        if webhook_urls:
            environment["STRIPE_WEBHOOK_URL"] = ",".join(webhook_urls)
        self.process = Process("sandbox", "holdfast-sandbox", environment, log_folder)

    def start(self):
        self.process.start().wait_ready()
        return self

    def stop(self):
        return self.process.stop()

    # The provider's API.

    def post(self, path, fields=None, key=None, api_key=API_KEY):
        headers = {}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        if key:
            headers["Idempotency-Key"] = key
        return http.post_form(self.url + path, fields or {}, headers)

    def get(self, path, **query):
        suffix = f"?{urllib.parse.urlencode(query)}" if query else ""
        return http.request(self.url + path + suffix, headers={"Authorization": f"Bearer {API_KEY}"})

    # What only a sandbox has.

    def control(self, what, **fields):
        answer = http.post_form(f"{self.url}/sandbox/{what}", fields)
        assert answer.status == 200, answer
        return answer.json()

    def pay(self, client_secret, **fields):
        return self.control("pay", client_secret=client_secret, **fields)

    def fault(self, match, mode, **fields):
        return self.control("faults", match=match, mode=mode, **fields)

    def webhooks(self, mode, **fields):
        return self.control("webhooks", mode=mode, **fields)

    def counters(self, **query):
        return self.get("/sandbox/counters", **query).json()

    def effects(self, escrow_id):
        """What was done for one escrow: {"transfers": (count, sum), ...}."""
        counters = self.counters(escrow_id=escrow_id)
        kinds = ("payment_intents", "paid", "canceled", "transfers", "refunds")
        return {kind: (counters[kind]["count"], counters[kind]["amount_minor"]) for kind in kinds}

    def reset(self):
        return self.control("reset")
