"""The sandbox as a test sees it: what it was asked, what it shall do wrong."""

import json
import urllib.parse

from harness import http
from harness.ports import free_port
from harness.process import Process

API_KEY = "sk_test_0123456789abcdef0123456789abcdef"
WEBHOOK_SECRET = "whsec_0123456789abcdef0123456789abcdef"
BOT_TOKEN = "bot_0123456789abcdef0123456789abcdef"
DISCORD = "/api/v10"


class Sandbox:
    def __init__(self, log_folder, webhook_urls=(), **changes):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {
            "HOLDFAST_ENV": "test", "LOG_LEVEL": "info", "ADMIN_LISTEN": "127.0.0.1:0",
            "HTTP_LISTEN": f"127.0.0.1:{self.port}", "READY_LAG_MS": "0",
            "STRIPE_SECRET_KEY": API_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET, "DISCORD_BOT_TOKEN": BOT_TOKEN,
        }
        if webhook_urls:
            environment["STRIPE_WEBHOOK_URL"] = ",".join(webhook_urls)
        self.process = Process("sandbox", "holdfast-sandbox", {**environment, **changes}, log_folder)

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

    # Discord.

    def discord(self, path, body, token=BOT_TOKEN):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bot {token}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return http.request(self.url + DISCORD + path, "POST", headers, data)

    def messages(self, user_id):
        """What the bot wrote to one person, oldest first."""
        return self.get("/sandbox/discord/messages", user_id=user_id).json()["messages"]

    def discord_counters(self):
        return self.get("/sandbox/discord/counters").json()

    def close_dms(self, user_id, closed=True):
        return self.control("discord/dms", user_id=user_id, closed="true" if closed else "false")

    def limit(self, bucket, max, window_ms=1000):
        return self.control("discord/limits", bucket=bucket, max=max, window_ms=window_ms)

    # What only a sandbox has.

    def control(self, what, **fields):
        answer = http.post_form(f"{self.url}/sandbox/{what}", fields)
        assert answer.status == 200, answer
        return answer.json()

    def pay(self, client_secret, **fields):
        return self.control("pay", client_secret=client_secret, **fields)

    def fault(self, match, mode, **fields):
        return self.control("faults", match=match, mode=mode, **fields)

    def end_faults(self, match):
        return self.control("end-faults", match=match)

    def balance(self, wish, **fields):
        """Changes the books: lose, restore, amount, fee, currency (type=…, escrow_id=…), invent (type=…, by=…)."""
        return self.control("balance", wish=wish, **fields)

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
