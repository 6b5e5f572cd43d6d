"""HTTP as bytes, for what no client library would send, and the refusals that a service counted."""

import json
import re
import socket

from harness.http import Answer

PART_BYTES = 65536


def request(method, path, headers=(), body=None):
    """The bytes of a request; with a body its length is told. A header is (name, value), text or bytes."""
    lines = [("Host", "x"), ("Connection", "close"), *headers]
    if body is not None:
        lines.append(("Content-Length", str(len(body))))
    head = _bytes(f"{method} {path} HTTP/1.1\r\n")
    head += b"".join(_bytes(name) + b": " + _bytes(value) + b"\r\n" for name, value in lines)
    return head + b"\r\n" + (body or b"")


def bearer(token):
    return ("Authorization", f"Bearer {token}")


def exchange(port, data, timeout_s=20):
    """Sends the bytes and reads until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was read whole; the answer may be there all the same
        received = b""
        while True:
            try:
                part = connection.recv(PART_BYTES)
            except ConnectionResetError:
                break
            if not part:
                break
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", lines[0])
    assert status, received[:200]
    return Answer(int(status[1]), [line.split(": ", 1) for line in lines[1:]], body)


def code(answer):
    """The stable code of a problem document; None when the body is none of ours."""
    try:
        return json.loads(answer.body)["code"]
    except (ValueError, KeyError, TypeError):
        return None


def counted(process, name):
    """{label value: number} of a metric with one label."""
    answer = process.admin("/metrics")
    assert answer and answer[0] == 200, answer
    return {label: int(number)
            for label, number in re.findall(rf'^{name}\{{\w+="([^"]*)"\}} (\d+)$', answer[1], re.M)}


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode("latin-1")
