"""The gateway asked by its own document: thousands of requests that fit it and that do not. No answer is a 5xx, and every
answer (status, headers, body) is one that the document tells of. Refusals of nonsense are looked at by
test_bad_input.py, row by row."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness import http

# What is checked; the others want more than a document can say (that a refused request was wrong, for example).
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "negative_data_rejection", "ignored_auth")
EXAMPLES = 25  # of each operation, phase and kind of data
MAX_TIME_S = 25  # for all operations together
SEED = 20261121
TIMEOUT_S = 150
# What a request that does not fit the document may be refused with; the address is bounded, too.
REFUSALS = """[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 414, 415, 422, 428, 429, "5xx"]

"""
# A stream that ends when its reader goes has tests of its own.
STREAMS = "/v1/events"


def there_is(ids):
    """What `id` means in which path, "" for all others: one that is there, so that answers are not 404 alone."""
    lines = [f'[parameters]\n"path.id" = "{ids.pop("")}"\n']
    lines += [f'[[operations]]\ninclude-path = "{path}"\nparameters = {{"path.id" = "{one}"}}\n' for path, one in ids.items()]
    return "\n".join(lines)


@pytest.mark.parametrize("role", ["MARKETPLACE", "BUYER"])
def test_the_gateway_keeps_to_its_document(stack, tmp_path, role):
    url = stack.api.by_number[1]
    deal = stack.api.held_deal()
    config = tmp_path / "schemathesis.toml"
    asked = stack.api.create() if role == "MARKETPLACE" else deal.act("release", role)
    person = stack.api.post("/v1/users", "MARKETPLACE", {"display_name": "Ada"})
    assert stack.api.outcome(person, "MARKETPLACE") == ("accepted", None)
    config.write_text(REFUSALS + there_is({"": deal.id, "/v1/commands/{id}": asked.headers["location"].rsplit("/", 1)[1],
                                "/v1/users/{id}": person.json()["user_id"]}))
    program = Path(sys.executable).parent / "schemathesis"
    # By seed, so that a failure can be had again; by file, so that nothing is kept between runs.
    command = [str(program), "--config-file", str(config), "run", f"{url}/openapi.json", "--header",
               f"Authorization: Bearer {stack.api.tokens[role]}", "--checks", ",".join(CHECKS), "--phases",
               "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--generation-database", "none", "--max-time", str(MAX_TIME_S), "--continue-on-failure",
               "--exclude-path", STREAMS, "--no-color"]
    done = subprocess.run(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, check=False, timeout=TIMEOUT_S)
    print(done.stdout)  # shown when it fails
    assert done.returncode == 0
    assert http.request(f"{url}/openapi.json").status == 200  # it still answers
