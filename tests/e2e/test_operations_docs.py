"""docs/operations.md names every metric and every log event that there is, and no other; Prometheus finds no fault with
the pages."""

import re
import shutil
import subprocess

from harness import paths

PAGE = (paths.ROOT / "docs" / "operations.md").read_text()
SAID = re.compile(r'(?:\blog_(?:debug|info|warn|error)|\bengine_report)\((?:[^";]*?)"([a-z_]+\.[a-z_]+)"'
                  r'(?:\s*:\s*"([a-z_]+\.[a-z_]+)")?')


def listed(title):
    """The names in the first column of the table under a heading."""
    section = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z_.]+)` \|", section, re.MULTILINE))


def pages(stack):
    """{process: its metrics}, of everything that runs."""
    return {process.name: process.admin("/metrics")[1] for process in [*stack.processes.values(), stack.sandbox.process]}


def test_prometheus_takes_every_page(stack):
    """After a deal, so that every service has counted something."""
    promtool = shutil.which("promtool")
    assert promtool, "Debian's promtool is needed (./dev doctor --fix)"
    stack.api.held_deal()
    faults = {}
    for name, page in pages(stack).items():
        done = subprocess.run([promtool, "check", "metrics"], input=page, text=True, capture_output=True, check=False)
        if done.returncode != 0 or done.stdout or done.stderr:
            faults[name] = done.stdout + done.stderr
    assert faults == {}


def total(stack, name):
    return sum(int(number) for page in pages(stack).values()
               for number in re.findall(rf"^{name} (\d+)$", page, re.MULTILINE))


def test_creations_are_counted(stack):
    """Under the names by which dashboards ask for them."""
    names = ("escrow_created_total", "escrow_failures_total", "escrow_creation_duration_seconds_count")
    before = [total(stack, name) for name in names]
    stack.api.deal()
    assert [total(stack, name) - was for name, was in zip(names, before)] == [1, 0, 1]


def test_metrics(stack):
    told = {name for page in pages(stack).values() for name in re.findall(r"^# TYPE ([a-z_]+) ", page, re.MULTILINE)}
    assert told - listed("Metrics") == set(), "not written down"
    assert listed("Metrics") - told == set(), "not there any more"


QUEUES = (  # of which process, what waits or is in use, what the bound is (a metric, or the number)
    ("gateway", "holdfast_http_connections", "holdfast_http_connections_max"),
    ("gateway", "holdfast_http_in_flight", "holdfast_http_connections_max"),
    ("gateway", "holdfast_http_streams_open", "holdfast_http_connections_max"),
    ("gateway", "holdfast_pg_pool_in_use", "holdfast_pg_pool_max"),
    ("gateway", "holdfast_intake_queued", "holdfast_intake_queue_max"),
    ("payments", "holdfast_http_connections", "holdfast_http_connections_max"),
    ("payments", "holdfast_intake_queued", "holdfast_intake_queue_max"),
    ("payments", "holdfast_effects_slots_in_use", "holdfast_effects_slots"),
    ("notifications", "holdfast_effects_slots_in_use", "holdfast_effects_slots"),
)


def test_every_queue_has_a_bound_and_a_metric(stack):
    """R17: and whoever is refused at a bound is counted, and so is what waits for Kafka."""
    told = {name: {found[0]: int(found[1]) for found in re.findall(r"^([a-z_]+) (\d+)$", page, re.MULTILINE)}
            for name, page in pages(stack).items()}
    for service, queue, bound in QUEUES:
        of_service = {name: page for name, page in told.items() if name.startswith(service)}
        assert of_service, service
        for name, page in of_service.items():
            assert page[bound] > 0, (name, bound)
            assert 0 <= page[queue] <= page[bound], (name, queue)
    for name, page in pages(stack).items():
        if not name.startswith("sandbox"):
            for metric in ("holdfast_engine_unpublished_records", "holdfast_engine_oldest_unpublished_seconds"):
                assert f'\n{metric}{{thread="0"}} ' in page, (name, metric)
        if name.startswith("gateway"):
            for code in ("intake.full", "intake.backlog", "pg.pool_busy", "http.streams_full"):
                assert f'holdfast_http_refusals_total{{code="{code}"}} ' in page, (name, code)


def test_prose_names_what_there_is(stack):
    """Whoever pastes a name from any page into a query finds something: a metric, or a role of the database."""
    known = {name for page in pages(stack).values() for name in re.findall(r"^# TYPE ([a-z_]+) ", page, re.MULTILINE)}
    known |= set(stack.servers.role_urls)
    unknown = {}
    for path in [*paths.ROOT.glob("*.md"), *(paths.ROOT / "docs").glob("*.md"), *paths.ROOT.glob("services/*/README.md")]:
        named = set(re.findall(r"\bholdfast_[a-z_]*[a-z]\b", path.read_text()))
        if named - known:
            unknown[path.name] = named - known
    assert unknown == {}


def test_log_events():
    said = set()
    for folder in ("libs", "services"):
        for path in (paths.ROOT / folder).rglob("*.c"):
            if not path.name.endswith("_test.c"):
                for found in SAID.findall(path.read_text()):
                    said.update(name for name in found if name)
    assert len(said) > 20
    assert said - listed("Log events") == set(), "not written down"
    assert listed("Log events") - said == set(), "not said any more"
