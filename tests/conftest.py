"""Servers for the tests that want their own. Each is started once per run, and stopped with it."""

import pytest

from harness.servers import Servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """A PostgreSQL and a Kafka, bootstrapped and not migrated."""
    started = Servers(tmp_path_factory.mktemp("servers"))
    yield started
    started.stop()
