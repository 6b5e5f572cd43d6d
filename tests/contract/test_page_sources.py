"""The deal's page offers what the gateway's table of actions allows, and shows the sums that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = (ROOT / "services/gateway/pages/deal.js").read_text()
COMMANDS = (ROOT / "services/gateway/gateway_command.c").read_text()
OUT = (ROOT / "services/gateway/gateway_out_json.c").read_text()
PAGES = sorted((ROOT / "services/gateway/pages").iterdir())


def test_actions_are_those_of_the_table():
    table = re.search(r"actions\[GATEWAY_ACTION_COUNT\] = {(.*?)^};", COMMANDS, re.S | re.M)[1]
    allowed = {
        verb: {role.lower() for role in re.findall(r"GATEWAY_ROLE_(\w+)", roles)}
        for verb, roles in re.findall(r'{"([\w-]+)",(.*?)GATEWAY_REASON_\w+}', table, re.S)
    }
    offered = {
        verb: set(re.findall(r'"(\w+)"', roles))
        for verb, roles in re.findall(r'verb: "([\w-]+)".*?roles: \[(.*?)\]', SCRIPT)
    }
    assert len(offered) >= 5
    assert offered == allowed


def test_sums_are_those_of_the_answer():
    body = re.search(r"static void write_balances\(.*?^}", OUT, re.S | re.M)[0]
    shown = re.findall(r'"(\w+)"', re.search(r"const BALANCES = \[(.*?)\]", SCRIPT)[1])
    assert [f"{name}_minor" for name in shown] == re.findall(r'json_write_i64\(out, "(\w+)"', body)


def test_every_deadline_has_its_sentence():
    document = (ROOT / "services/gateway/openapi.yaml").read_text()
    states = re.search(r"^    Deadline:.*?next_state: .*?\"enum\": \[(.*?)\]", document, re.S | re.M)[1]
    said = re.search(r"const OTHERWISE = {(.*?)^};", SCRIPT, re.S | re.M)[1]
    assert re.findall(r"^  (\w+): ", said, re.M) == re.findall(r"\w+", states)


def test_pages_have_nothing_inline_and_nothing_foreign():
    for path in PAGES:
        text = path.read_text()
        assert not re.search(r"https?://|innerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage", text), path.name
        if path.suffix == ".html":
            assert not re.search(r"<script[^>]*>[^<]|<style|\son\w+=|\sstyle=", text), path.name
