"""Users from the outside: registered, linked, read by those who may, and told to whoever listens."""

import concurrent.futures
import random
import uuid

from harness import kafka_log
from harness.waiting import PATIENCE_S, wait_for

DISCORD = "123456789012345678"  # nobody's


def snowflake():
    """A Discord id that no other user of the marketplace has."""
    return str(random.randrange(10**17, 10**18))


def register(api, role="MARKETPLACE", key=None, **fields):
    return api.post("/v1/users", role, {"display_name": "Ada", **fields}, key)


def registered(api, role="MARKETPLACE", **fields):
    """The id of a new user."""
    answer = register(api, role, **fields)
    assert answer.status == 202, answer
    assert api.outcome(answer, role) == ("accepted", None)
    return answer.json()["user_id"]


def link(api, user, discord_id, role="MARKETPLACE"):
    return api.post(f"/v1/users/{user}/link-discord", role, {"discord_id": discord_id})


def token_of(stack, kind, account):
    """A token of somebody else than those that every test has; its role in api."""
    role = f"{kind}-{account}"
    told = stack.operator.json("token", "create", "--kind", kind, "--account", account)
    stack.api.tokens[role] = told["token"]["token"]
    return role


def told_of(stack, user):
    """The records of accounts.events.v1 about a user, in order, each once."""
    partitions = kafka_log.read_topic(stack.servers.brokers, "accounts.events.v1")
    return list({message: value for records in partitions.values() for _, message, key, value in records
                 if key == user}.values())


def test_registered_linked_and_told(stack, api):
    first_id, second_id = snowflake(), snowflake()
    user = registered(api)
    seen = api.get(f"/v1/users/{user}", "MARKETPLACE").json()
    assert (seen["status"], seen["display_name"], seen["discord_id"]) == ("registered", "Ada", None)
    assert seen["marketplace_id"] == api.ids["MARKETPLACE"]
    linked = link(api, user, first_id)
    assert linked.status == 202, linked
    assert linked.json()["user_id"] == user
    assert api.outcome(linked, "MARKETPLACE") == ("accepted", None)
    again = link(api, user, first_id, "STAFF")
    assert api.outcome(again, "STAFF") == ("accepted", None)
    other = link(api, user, second_id, "STAFF")
    assert api.outcome(other, "STAFF") == ("accepted", None)
    assert api.get(f"/v1/users/{user}", "STAFF").json()["discord_id"] == second_id
    told = wait_for(lambda: len(told_of(stack, user)) >= 3 and told_of(stack, user), PATIENCE_S, "the events")
    assert len(told) == 3  # what was so already is not told again
    for value, wanted in zip(told, ("Ada", first_id, second_id), strict=True):
        assert wanted.encode() in value


def test_a_repeated_request_is_the_same_user(api):
    key, discord_id = str(uuid.uuid4()), snowflake()
    first = register(api, key=key, discord_id=discord_id)
    again = register(api, key=key, discord_id=discord_id)
    assert (first.status, again.status) == (202, 202)
    assert first.body == again.body
    assert register(api, key=key, discord_id=snowflake()).status == 422
    assert api.outcome(first, "MARKETPLACE") == ("accepted", None)
    told = api.get(first.headers["location"], "MARKETPLACE").json()
    assert (told["type"], told["escrow_id"], told["user_id"]) == ("RegisterUser", None, first.json()["user_id"])


def test_strangers_see_nobody(stack, api):
    user = registered(api)
    path = f"/v1/users/{user}"
    own = token_of(stack, "user", user)
    marketplace = token_of(stack, "marketplace", str(uuid.uuid4()))
    assert api.get(path, own).json()["id"] == user
    assert api.post(f"{path}/link-discord", own, {"discord_id": DISCORD}).status == 403
    for role in ("STRANGER", marketplace):
        assert api.get(path, role).status == 404
        assert api.post(f"{path}/link-discord", role, {"discord_id": DISCORD}).status == 404
    assert register(api, "BUYER").status == 403
    of_staff = registered(api, "STAFF")
    assert api.get(f"/v1/users/{of_staff}", "MARKETPLACE").status == 404
    assert api.get(f"/v1/users/{of_staff}", "STAFF").json()["marketplace_id"] is None


def test_a_token_needs_no_registration(api):
    """Deals are between ids; who is not registered is just not known here."""
    assert api.get(f"/v1/users/{api.ids['BUYER']}", "BUYER").status == 404
    deal = api.deal()
    assert deal.view("BUYER")["buyer_id"] == api.ids["BUYER"]


TAKEN = ("rejected", "user.discord_id_taken")


def test_a_discord_id_is_one_users_of_a_marketplace(stack, api):
    discord_id, other = snowflake(), snowflake()
    first = registered(api, discord_id=discord_id)
    assert api.outcome(register(api, discord_id=discord_id), "MARKETPLACE") == TAKEN
    second = registered(api)
    assert api.outcome(link(api, second, discord_id), "MARKETPLACE") == TAKEN
    assert api.get(f"/v1/users/{second}", "MARKETPLACE").json()["discord_id"] is None
    marketplace = token_of(stack, "marketplace", str(uuid.uuid4()))
    registered(api, marketplace, discord_id=discord_id)  # another one may know the same person
    assert api.outcome(link(api, first, other), "MARKETPLACE") == ("accepted", None)
    # What the first left is free as soon as its claim's lane has heard of it.
    wait_for(lambda: api.outcome(link(api, second, discord_id), "MARKETPLACE") == ("accepted", None), PATIENCE_S, "the link")
    assert api.get(f"/v1/users/{second}", "MARKETPLACE").json()["discord_id"] == discord_id
    assert api.outcome(link(api, first, discord_id), "MARKETPLACE") == TAKEN
    assert api.get(f"/v1/users/{first}", "MARKETPLACE").json()["discord_id"] == other


def test_of_many_at_once_one_gets_it(api):
    discord_id = snowflake()
    users = [registered(api) for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(len(users)) as pool:
        answers = list(pool.map(lambda user: link(api, user, discord_id), users))
    outcomes = [api.outcome(answer, "MARKETPLACE") for answer in answers]
    assert sorted(outcomes) == [("accepted", None)] + [TAKEN] * (len(users) - 1)
    winner = users[outcomes.index(("accepted", None))]
    for user in users:
        seen = api.get(f"/v1/users/{user}", "MARKETPLACE").json()["discord_id"]
        assert seen == (discord_id if user == winner else None)
