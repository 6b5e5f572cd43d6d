"""HTTP with the bytes as they are: no retries, no redirects, nothing hidden."""

import http.client
import json
import urllib.parse


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def request(url, method="GET", headers=None, body=None, timeout_s=20):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()


def post_form(url, fields, headers=None):
    return request(
        url, "POST", {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
        urllib.parse.urlencode(fields),
    )


def post_json(url, value, headers=None):
    return request(url, "POST", {"Content-Type": "application/json", **(headers or {})}, json.dumps(value))
