"""Servers for the tests that want their own, each started once per run and stopped with it; what runs alone."""

import pytest

from harness.servers import Servers


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures times, or needs what is built beside the others: it runs after them")


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """A PostgreSQL and a Kafka, bootstrapped and not migrated."""
    started = Servers(tmp_path_factory.mktemp("servers"))
    yield started
    started.stop()
