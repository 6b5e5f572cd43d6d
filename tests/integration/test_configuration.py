"""A service that is configured wrongly does not start: it ends at once and names the variable, never its value."""

import subprocess

import pytest

from harness import paths

EXIT_USAGE = 2
CANARY = "canary7f3a"
ENGINE = {
    "HOLDFAST_ENV": "production", "DATABASE_URL": f"postgresql://holdfast:{CANARY}-f7Qk2@127.0.0.1:1/holdfast",
    "KAFKA_BROKERS": "127.0.0.1:1", "KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "KAFKA_SASL_USERNAME": "holdfast",
    "KAFKA_SASL_PASSWORD": f"{CANARY}-x8Wm3",
}
SOUND = {
    "gateway": {**ENGINE, "REQUEST_SIGNING_SECRET": f"{CANARY}-of-more-than-32-characters"},
    "escrow": ENGINE,
    "payments": {**ENGINE, "STRIPE_SECRET_KEY": f"sk_live_{CANARY}", "STRIPE_WEBHOOK_SECRETS": f"whsec_{CANARY}"},
    "oracle": ENGINE,
    "notifications": {**ENGINE, "DISCORD_BOT_TOKEN": f"bot.{CANARY}.x8Wm3"},
}
EVERYWHERE = [
    ("HOLDFAST_ENV", None), ("HOLDFAST_ENV", CANARY),
    ("DATABASE_URL", None), ("DATABASE_URL", CANARY), ("DATABASE_URL", "postgresql://holdfast:postgres@127.0.0.1/h"),
    ("DATABASE_URL", "host=127.0.0.1 user=holdfast password=changeme"),
    ("KAFKA_BROKERS", None), ("KAFKA_BROKERS", f"{CANARY} x"),
    ("KAFKA_SECURITY_PROTOCOL", "plaintext"), ("KAFKA_SECURITY_PROTOCOL", CANARY),
    ("KAFKA_SASL_USERNAME", None), ("KAFKA_SASL_PASSWORD", None), ("KAFKA_SASL_PASSWORD", "secret"),
    ("KAFKA_SASL_PASSWORD_FILE", f"/nowhere/{CANARY}"),
    ("ADMIN_LISTEN", CANARY), ("LOG_LEVEL", CANARY),
    ("ENGINE_THREADS", CANARY), ("ENGINE_THREADS", "-1"), ("ENGINE_THREADS", "99999999999999999999"),
    (f"HOLDFAST_{CANARY.upper()}", CANARY),
]
OWN = {
    "gateway": [("HTTP_LISTEN", CANARY), ("HTTP_RATE_PER_TOKEN", "-1"), ("HTTP_RATE_PER_TOKEN", CANARY),
                ("HTTP_RATE_PER_ADDRESS", "1000001"), ("HTTP_CONNECTIONS_MAX", "1"),
                ("REQUEST_SIGNING_SECRET", CANARY), ("REQUEST_SIGNING_SECRET_OLD", CANARY)],
    "escrow": [],
    "payments": [("STRIPE_SECRET_KEY", None), ("STRIPE_SECRET_KEY", f"sk_test_{CANARY}"),
                 ("STRIPE_SECRET_KEY", f"rk_test_{CANARY}"), ("STRIPE_WEBHOOK_SECRETS", None),
                 ("STRIPE_WEBHOOK_SECRETS", ""), ("STRIPE_API_BASE", f"http://{CANARY}.example"),
                 ("STRIPE_API_BASE", f"https://user:{CANARY}@example.com")],
    "oracle": [],
    "notifications": [("DISCORD_BOT_TOKEN", None), ("DISCORD_BOT_TOKEN", ""), ("DISCORD_BOT_TOKEN", "secret"),
                      ("DISCORD_BOT_TOKEN_FILE", f"/nowhere/{CANARY}"),
                      ("DISCORD_API_BASE", f"http://{CANARY}.example"), ("DISCORD_API_BASE", CANARY),
                      ("DISCORD_API_BASE", f"https://user:{CANARY}@example.com"),
                      ("DISCORD_CALLS_PER_SECOND_MAX", "0"), ("DISCORD_CALLS_PER_SECOND_MAX", "51"),
                      ("DISCORD_REFUSED_MAX", "0"), ("DISCORD_REFUSED_MAX", "9001"),
                      ("DISCORD_CALLS_PER_SECOND_MAX", CANARY)],
}
CASES = [(service, name, value) for service in SOUND for name, value in EVERYWHERE + OWN[service]]


def run(service, environment, *arguments):
    return subprocess.run(
        [paths.program(f"holdfast-{service}"), *arguments], env=environment, text=True, capture_output=True,
        stdin=subprocess.DEVNULL, check=False, timeout=60)


@pytest.mark.parametrize("service", SOUND)
def test_what_is_sound_is_taken(service):
    """The cases below differ from this one by one variable."""
    done = run(service, SOUND[service], "--check-config")
    assert done.returncode == 0, done.stderr
    printed = run(service, SOUND[service], "--print-config")
    assert printed.returncode == 0 and "DATABASE_URL=********" in printed.stdout
    assert CANARY not in printed.stdout + printed.stderr


@pytest.mark.parametrize("service,name,value", CASES, ids=[f"{case[0]} {case[1]} {case[2]}" for case in CASES])
def test_mistakes_are_named(service, name, value):
    environment = {**SOUND[service], **({name: value} if value is not None else {})}
    if value is None:
        del environment[name]
    done = run(service, environment)
    told = done.stdout + done.stderr
    assert done.returncode == EXIT_USAGE, told
    variable = name.removesuffix("_FILE")
    mistakes = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert {line.split(":")[0] for line in mistakes} == {variable}, told
    assert CANARY not in told
    assert not value or len(value) < 12 or value not in told


@pytest.mark.parametrize("service", SOUND)
def test_unknown_options_are_refused(service):
    done = run(service, SOUND[service], f"--{CANARY}")
    assert done.returncode == EXIT_USAGE
    assert "svc.arguments" in done.stderr
    assert CANARY not in done.stdout + done.stderr


@pytest.mark.parametrize("key,starts", [(f"sk_live_{CANARY}", False), (f"sk_test_{CANARY}", True)])
def test_live_keys_stay_in_production(key, starts):
    """The other way round: real money is never moved by a development machine."""
    environment = {**SOUND["payments"], "HOLDFAST_ENV": "development", "STRIPE_SECRET_KEY": key}
    done = run("payments", environment, *(["--check-config"] if starts else []))
    assert (done.returncode == 0) == starts, done.stderr
    if not starts:
        assert "payments.live_key" in done.stderr and "STRIPE_SECRET_KEY" in done.stderr
    assert CANARY not in done.stdout + done.stderr
