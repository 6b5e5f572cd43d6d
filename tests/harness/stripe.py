"""The provider's webhooks, as it signs them."""

import hashlib
import hmac
import json
import time
import uuid

from harness.raw import request
from harness.sandbox import WEBHOOK_SECRET


def stripe_event(**changes):
    return json.dumps({"id": f"evt_{uuid.uuid4().hex}", "object": "event", "livemode": False, "type": "a.b",
                       **changes}).encode()


def signature(body, at_s=None, secret=WEBHOOK_SECRET):
    at_s = int(time.time()) if at_s is None else at_s
    mac = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={mac}"


def webhook(body, header):
    headers = [("Content-Type", "application/json"), *([("Stripe-Signature", header)] if header is not None else [])]
    return request("POST", "/webhooks/stripe", headers, body)
