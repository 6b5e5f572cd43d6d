"""Requests signed with http-message-signatures, which somebody else wrote after RFC 9421."""

import datetime
import json
import uuid

from http_message_signatures import HTTPMessageSigner, algorithms
from http_message_signatures.resolvers import MappingKeyResolver

COVERED = ("@method", "@path", "@query", "idempotency-key")  # content-digest comes with a body


class Unsigned:
    """A request as the signer wants it."""

    def __init__(self, method, url, headers):
        self.method = method
        self.url = url
        self.headers = headers


class Signer:
    """Signs with the key of one token."""

    def __init__(self, told):
        self.token = told["token"]
        self.key_id = told["key_id"]
        self.key = bytes.fromhex(told["key"])

    def headers(self, method, url, value=None, idempotency_key=None, age_s=0, **changes):
        """The headers of the request, and its body. changes: other covered components, key, key_id, nonce."""
        headers = {"Authorization": f"Bearer {self.token}"}
        body = None
        if method == "POST":
            body = json.dumps(value if value is not None else {}).encode()
            headers["Content-Type"] = "application/json"
            headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        covered = [name for name in changes.get("covered", COVERED)
                   if name != "idempotency-key" or name.title() in headers]
        key_id = changes.get("key_id", self.key_id)
        resolver = MappingKeyResolver(public_keys={}, private_keys={key_id: changes.get("key", self.key)})
        signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=resolver)
        created = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age_s)
        signer.sign(Unsigned(method, url, headers), key_id=key_id, created=created,
                    nonce=changes.get("nonce", uuid.uuid4().hex), covered_component_ids=covered, body=body)
        return headers, body
