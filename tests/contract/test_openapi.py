"""The gateway's routes, openapi.yaml, the proto schemas and the limits in C say the same.

The routes come from the program itself (holdfast-gateway --print-routes).
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import paths

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "openapi"))
import openapi  # noqa: E402

DOCUMENT = openapi.load(ROOT / "services/gateway/openapi.yaml")
HEADER = "".join((ROOT / "services/gateway" / name).read_text() for name in ("gateway.h", "gateway_account.h"))
OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
IDS = [f"{method} {path}" for method, path, _ in OPERATIONS]


@pytest.fixture(scope="module")
def routes():
    """{(method, path with {names}): set of words}"""
    printed = subprocess.run(
        [paths.program("holdfast-gateway"), "--print-routes"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    found = {}
    for line in printed.splitlines():
        method, path, *words = line.split()
        found[method, re.sub(r":(\w+)", r"{\1}", path)] = set(words)
    assert len(found) == len(printed.splitlines()) > 10
    return found


def resolve(value):
    while "$ref" in value:
        place = DOCUMENT
        for step in value["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        value = place
    return value


def constant(name):
    match = re.search(rf"#define {name} (.+)", HEADER)
    assert match, name
    return eval(re.sub(r"/\*.*", "", match[1]).strip(" "), {})


def proto_names(path, kind, name):
    text = re.sub(r"//[^\n]*", "", (ROOT / "proto/holdfast" / path).read_text())
    body = re.search(rf"{kind} {name} {{(.*?)^  }}|{kind} {name} {{(.*?)^}}", text, re.S | re.M)
    return body[1] or body[2]


def test_the_document_has_every_route_and_no_other(routes):
    assert set(routes) == {(method, path) for method, path, _ in OPERATIONS}


@pytest.mark.parametrize("method,path,operation", OPERATIONS, ids=IDS)
def test_security_is_that_of_the_route(routes, method, path, operation):
    security = operation.get("security", DOCUMENT["security"])
    assert bool(security) == ("token" in routes[method, path])
    assert ("401" in operation["responses"]) == bool(security)


@pytest.mark.parametrize("method,path,operation", OPERATIONS, ids=IDS)
def test_parameters_are_those_of_the_route(routes, method, path, operation):
    parameters = [resolve(parameter) for parameter in operation.get("parameters", [])]
    in_path = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", path))
    needs_key = any(parameter["name"] == "Idempotency-Key" for parameter in parameters)
    assert needs_key == ("key" in routes[method, path])
    assert all(parameter["required"] for parameter in parameters if parameter["in"] != "query")


@pytest.mark.parametrize("method,path,operation", OPERATIONS, ids=IDS)
def test_answers_are_complete(method, path, operation):
    responses = operation["responses"]
    wanted = {"202", "400", "409", "422", "503"} if method == "POST" else {"200"}
    if "{id}" in path:
        wanted |= {"404"}
    if method == "POST":
        wanted |= {"403", "411", "413", "415"}  # and what the server says of a request before a route sees it
    wanted |= {"414", "429", "431"}
    assert wanted <= set(responses)
    for status, response in responses.items():
        content = resolve(response)["content"]
        assert ("application/problem+json" in content) == (int(status) >= 400)
    if method == "POST" and not path.endswith("/evidence"):  # whose body is a file
        schema = resolve(resolve(operation["requestBody"])["content"]["application/json"]["schema"])
        assert schema["additionalProperties"] is False


def test_every_reference_leads_somewhere_and_everything_is_used():
    used = set()

    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                assert set(value) == {"$ref"}
                assert resolve(value)
                used.add(value["$ref"])
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(DOCUMENT)
    defined = {
        f"#/components/{kind}/{name}"
        for kind in ("parameters", "requestBodies", "responses", "schemas")
        for name in DOCUMENT["components"][kind]
    }
    assert used == defined


def test_evidence_is_what_the_code_takes():
    """The types are those of libs/base/media.c, the most bytes those of escrow, of the store and of the server."""
    names = re.findall(r'case MEDIA_[A-Z]+: return STR\("([a-z]+/[a-z]+)"\)', (ROOT / "libs/base/media.c").read_text())
    evidence = DOCUMENT["components"]["schemas"]["Evidence"]["properties"]
    assert evidence["type"]["enum"] == names == list(DOCUMENT["components"]["requestBodies"]["File"]["content"])
    assert list(DOCUMENT["paths"]["/v1/escrows/{id}/evidence/{hash}"]["get"]["responses"]["200"]["content"]) == names
    escrow = (ROOT / "services/escrow/escrow.h").read_text()
    most = int(re.search(r"#define ESCROW_EVIDENCE_MAX_BYTES (\d+)", escrow)[1])
    items = int(re.search(r"#define ESCROW_EVIDENCE_ITEMS_MAX (\d+)", escrow)[1])
    assert evidence["size_bytes"]["maximum"] == most == 4 * 1024 * 1024
    assert "HTTP_BODY_FILE_BYTES (4 * 1024 * 1024)" in (ROOT / "libs/http/http.h").read_text()
    assert "OBJECTS_MAX_BYTES ((size_t)4 * 1024 * 1024)" in (ROOT / "libs/objects/objects.h").read_text()
    docket = DOCUMENT["components"]["schemas"]["Docket"]["properties"]
    assert docket["buyer_items"]["maximum"] == docket["seller_items"]["maximum"] == items
    assert DOCUMENT["components"]["schemas"]["EvidenceList"]["properties"]["evidence"]["maxItems"] == 2 * 3 * items


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))


def test_states_are_those_of_the_schema():
    states = re.findall(r"ESCROW_STATE_(\w+) = [1-9]", proto_names("escrow/v1/events.proto", "enum", "EscrowState"))
    assert len(states) == 16
    shown = DOCUMENT["components"]["schemas"]["Escrow"]["properties"]["state"]["enum"]
    assert shown == ["PENDING", "REJECTED", *states]


def test_a_deadline_leads_where_the_machine_does():
    """The printed table of the machine is compared with the code by a unit test."""
    golden = (ROOT / "services/escrow/golden/escrow_table.txt").read_text()
    ends = set(re.findall(r"^\w+ +TimerFired .*accept -> (\w+):", golden, re.M))
    assert set(DOCUMENT["components"]["schemas"]["Deadline"]["properties"]["next_state"]["enum"]) == ends
    assert len(ends) == 7


def test_milestones_are_those_of_the_schema():
    states = re.findall(r"MILESTONE_STATE_(\w+) = [1-9]", proto_names("escrow/v1/events.proto", "enum", "MilestoneState"))
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["Milestone"]["properties"]["state"]["enum"] == states
    asked = schemas["NewEscrow"]["properties"]["milestones"]
    least, most = constant("GATEWAY_MILESTONES_MIN"), constant("GATEWAY_MILESTONES_MAX")
    assert (asked["minItems"], asked["maxItems"]) == (least, most)
    assert schemas["NewMilestone"]["properties"]["title"]["maxLength"] == constant("GATEWAY_TITLE_MAX_CHARS")
    which = DOCUMENT["components"]["requestBodies"]["WhichMilestone"]["content"]["application/json"]["schema"]["properties"]["milestone"]
    assert (which["minimum"], which["maximum"]) == (1, most) == (1, schemas["Milestone"]["properties"]["number"]["maximum"])


def test_command_types_are_those_of_the_schema():
    types = [
        name
        for owner in ("escrow", "gateway")
        for name in re.findall(r"(\w+) \w+ = \d+;", proto_names(f"{owner}/v1/commands.proto", "oneof", "body"))
        if name != "ClaimAnswered"  # from one lane of the gateway to another: nobody asks for it
    ]
    assert DOCUMENT["components"]["schemas"]["Command"]["properties"]["type"]["enum"] == types


def test_limits_are_those_of_the_code():
    terms = DOCUMENT["components"]["schemas"]["NewEscrow"]["properties"]
    assert terms["amount_minor"]["minimum"] == constant("GATEWAY_AMOUNT_MIN_MINOR")
    assert terms["amount_minor"]["maximum"] == constant("GATEWAY_AMOUNT_MAX_MINOR")
    for name in ("funding", "delivery", "inspection"):
        period = terms[f"{name}_seconds"]
        assert period["minimum"] == constant(f"GATEWAY_{name.upper()}_MIN_SECONDS")
        assert period["maximum"] == constant(f"GATEWAY_{name.upper()}_MAX_SECONDS")
        assert period["default"] == constant(f"GATEWAY_{name.upper()}_DEFAULT_SECONDS")
    assert terms["description"]["maxLength"] == constant("GATEWAY_DESCRIPTION_MAX_CHARS")
    assert terms["seller_account"]["maxLength"] == constant("GATEWAY_ACCOUNT_MAX_CHARS")
    user = DOCUMENT["components"]["schemas"]["NewUser"]["properties"]
    assert user["display_name"]["maxLength"] == constant("GATEWAY_DISPLAY_NAME_MAX_CHARS")
    digits = (constant("GATEWAY_DISCORD_ID_MIN_DIGITS") - 1, constant("GATEWAY_DISCORD_ID_MAX_DIGITS") - 1)
    link = DOCUMENT["components"]["schemas"]["DiscordLink"]["properties"]
    for fields in (user, link):
        assert fields["discord_id"]["pattern"] == "^[1-9][0-9]{%d,%d}$" % digits
    reason = DOCUMENT["components"]["requestBodies"]["Reason"]["content"]["application/json"]["schema"]
    assert reason["properties"]["reason"]["maxLength"] == constant("GATEWAY_REASON_MAX_CHARS")
