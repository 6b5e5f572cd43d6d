"""The played Discord over HTTP: a client that would get into trouble at the real one must get into trouble here."""

import http.client

import pytest

from harness.sandbox import DISCORD, Sandbox

ALICE = "80351110224678912"
BOB = "80351110224678913"
QUIET = {"parse": []}


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox")).start()
    yield sandbox
    assert sandbox.stop() == 0


@pytest.fixture
def sandbox(started):
    started.reset()
    return started


def channel(sandbox, user_id=ALICE):
    answer = sandbox.discord("/users/@me/channels", {"recipient_id": user_id})
    assert answer.status == 200, answer
    return answer.json()["id"]


def write(sandbox, channel_id, content="hello", **fields):
    body = {"content": content, "allowed_mentions": QUIET, **fields}
    return sandbox.discord(f"/channels/{channel_id}/messages", body)


def refused(answer, status, code):
    assert answer.status == status, answer
    assert answer.json()["code"] == code, answer


def test_the_token_is_checked(sandbox):
    refused(sandbox.discord("/users/@me/channels", {"recipient_id": ALICE}, token=None), 401, 0)
    refused(sandbox.discord("/users/@me/channels", {"recipient_id": ALICE}, token="other"), 401, 0)
    assert sandbox.discord_counters()["invalid"] == 2
    assert sandbox.get("/sandbox/discord/channels").json()["channels"] == []


def test_a_message_to_a_person(sandbox):
    mine = channel(sandbox)
    assert channel(sandbox) == mine
    assert channel(sandbox, BOB) != mine
    made = write(sandbox, mine, "**hello**").json()
    assert (made["content"], made["channel_id"]) == ("**hello**", mine)
    assert sandbox.messages(ALICE) == [{
        "id": made["id"], "channel_id": mine, "user_id": ALICE, "content": "**hello**", "nonce": "",
        "mentions_none": True}]
    assert sandbox.messages(BOB) == []
    loud = sandbox.discord(f"/channels/{mine}/messages", {"content": "@everyone"})
    assert loud.status == 200
    write(sandbox, mine, "@here", allowed_mentions={"parse": ["everyone"]})
    write(sandbox, mine, "<@1>", allowed_mentions={"parse": [], "users": ["1"]})
    assert [message["mentions_none"] for message in sandbox.messages(ALICE)] == [True, False, False, False]


def test_bad_bodies(sandbox):
    mine = channel(sandbox)
    refused(sandbox.discord("/users/@me/channels", b"{"), 400, 50109)
    refused(sandbox.discord("/users/@me/channels", b"[]"), 400, 50109)
    refused(sandbox.discord("/users/@me/channels", {}), 400, 50035)
    refused(sandbox.discord("/users/@me/channels", {"recipient_id": "alice"}), 400, 50035)
    refused(write(sandbox, mine, ""), 400, 50006)
    refused(write(sandbox, mine, "x" * 2001), 400, 50035)
    refused(write(sandbox, mine, nonce="x" * 26), 400, 50035)
    refused(write(sandbox, "12345678901234567"), 404, 10003)
    assert sandbox.messages(ALICE) == []


def test_a_nonce_says_it_once(sandbox):
    mine = channel(sandbox)
    first = write(sandbox, mine, nonce="n1", enforce_nonce=True).json()
    again = write(sandbox, mine, "other words", nonce="n1", enforce_nonce=True).json()
    assert (again["id"], again["content"]) == (first["id"], "hello")
    assert write(sandbox, mine, nonce="n1").json()["id"] != first["id"]
    assert len(sandbox.messages(ALICE)) == 2
    assert sandbox.discord_counters()["deduplicated"] == 1


def test_closed_dms(sandbox):
    mine = channel(sandbox)
    sandbox.close_dms(ALICE)
    refused(write(sandbox, mine), 403, 50007)
    assert sandbox.discord_counters()["invalid"] == 1
    sandbox.close_dms(ALICE, False)
    assert write(sandbox, mine).status == 200


def test_each_channel_has_its_bucket(sandbox):
    sandbox.limit("messages", 2, 60000)
    mine, other = channel(sandbox), channel(sandbox, BOB)
    assert write(sandbox, mine).headers["x-ratelimit-remaining"] == "1"
    last = write(sandbox, mine)
    assert last.headers["x-ratelimit-remaining"] == "0"
    assert 59 < float(last.headers["x-ratelimit-reset-after"]) <= 60
    limited = write(sandbox, mine)
    assert limited.status == 429
    assert limited.headers["retry-after"] == "60"
    assert limited.headers["x-ratelimit-scope"] == "user"
    assert "x-ratelimit-global" not in limited.headers
    assert limited.json()["global"] is False
    assert 59 < limited.json()["retry_after"] <= 60
    assert write(sandbox, other).status == 200
    assert len(sandbox.messages(ALICE)) == 2
    assert sandbox.discord_counters()["rate_limited"] == 1


def test_the_global_limit(sandbox):
    mine = channel(sandbox)
    sandbox.limit("global", 1, 60000)
    statuses = [write(sandbox, mine) for _ in range(2)]
    assert [answer.status for answer in statuses] == [200, 429]
    assert statuses[1].headers["x-ratelimit-global"] == "true"
    assert statuses[1].json()["global"] is True
    sandbox.limit("global", 0)
    assert write(sandbox, mine).status == 200


@pytest.mark.parametrize("code,scope", [("", "user"), ("global", "global")])
def test_too_many_requests_on_demand(sandbox, code, scope):
    mine = channel(sandbox)
    sandbox.fault(f"{DISCORD}/channels", "status", when="before", status=429, delay_ms=1500, code=code, count=2)
    for _ in range(2):
        answer = write(sandbox, mine)
        assert (answer.status, answer.headers["retry-after"]) == (429, "2")
        assert answer.headers["x-ratelimit-scope"] == scope
        assert answer.json()["retry_after"] == 1.5
    assert write(sandbox, mine).status == 200
    assert len(sandbox.messages(ALICE)) == 1


def test_faults_and_their_end(sandbox):
    mine = channel(sandbox)
    sandbox.fault(f"{DISCORD}/channels", "status", when="before", status=500)
    refused(write(sandbox, mine), 500, 0)
    sandbox.fault(f"{DISCORD}/channels", "status", when="before", status=403, code="50001")
    refused(write(sandbox, mine), 403, 50001)
    sandbox.fault(f"{DISCORD}/channels", "garbage")
    assert write(sandbox, mine).body == b"<html>oops"
    assert len(sandbox.messages(ALICE)) == 1  # garbage came after the work
    sandbox.fault(f"{DISCORD}/channels", "drop_answer")
    with pytest.raises(http.client.HTTPException):
        write(sandbox, mine, nonce="n1", enforce_nonce=True)
    assert write(sandbox, mine, nonce="n1", enforce_nonce=True).status == 200
    assert len(sandbox.messages(ALICE)) == 2
    sandbox.fault(DISCORD, "status", when="before", status=503, count=1000)
    assert write(sandbox, mine).status == 503
    sandbox.end_faults(DISCORD)
    assert write(sandbox, mine).status == 200
