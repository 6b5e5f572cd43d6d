"""The gateway's pages in a real browser: what a person sees is what is true, or "unknown"."""

import contextlib
import json
import re
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from harness.http import request

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
WAIT_MS = 20000


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    assert chromium, "Debian's chromium is needed (./dev doctor --fix)"
    with sync_playwright() as playwright:
        # Tests run as root in a container, where Chromium's own sandbox cannot be built.
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser):
    """A tab of its own. At the end: nothing was asked of another origin, and the policy had nothing to stop."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    urls, complaints = [], []
    page.on("request", lambda asked: urls.append(asked.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    origins = {re.match(r"https?://[^/]+", url)[0] for url in urls}
    context.close()
    assert len(origins) == 1, origins
    assert complaints == []


def open_deal(page, stack, deal, role, replica=1):
    page.goto(f"{stack.api.by_number[replica]}/deals/{deal.id}")
    page.get_by_label("Your token").fill(stack.tokens[role])
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#link")).to_have_text("live", timeout=WAIT_MS)


def shows(page, state):
    expect(page.locator("#state")).to_have_text(state, timeout=WAIT_MS)


def asked(page, status):
    expect(page.locator("#commands .badge").first).to_have_text(status, timeout=WAIT_MS)


def buttons(page):
    return page.locator("#actions button").all_inner_texts()


def test_pages_are_locked_up(stack):
    base = stack.api.by_number[1]
    for path, kind in (("/docs", "text/html"), ("/deals/x", "text/html"), ("/pages/deal.js", "text/javascript"),
                       ("/pages/page.css", "text/css")):
        answer = request(base + path)
        assert answer.status == 200
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert b"http://" not in answer.body and b"https://" not in answer.body
    assert request(base + "/pages/nothing.js").status == 404
    assert request(base + "/pages/..%2Fopenapi.yaml").status == 404


def test_the_documentation_shows_every_route(stack, page):
    base = stack.api.by_number[1]
    page.goto(f"{base}/docs#createEscrow")
    expect(page.locator("h1")).to_contain_text("Holdfast")
    document = request(f"{base}/openapi.json").json()
    operations = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    for operation in operations:
        assert page.locator(f"details#{operation}").count() == 1, operation
    for schema in document["components"]["schemas"]:
        assert page.locator(f"details#schema-{schema}").count() == 1, schema
    expect(page.locator("details#createEscrow")).to_contain_text("Idempotency-Key")  # opened by the address
    command = page.locator("details#createEscrow pre").inner_text()
    for part in (f"curl -X POST '{base}/v1/escrows'", '-H "Authorization: Bearer $TOKEN"', "-H 'Idempotency-Key: ", '"buyer_id":"0000'):
        assert part in command
    assert page.locator("details pre").count() == len(operations)
    assert page.locator("details#createEscrow").get_attribute("open") is not None


def test_the_documentation_tries_a_route(stack, page):
    deal = stack.api.deal()
    page.goto(f"{stack.api.by_number[1]}/docs#getEscrow")
    reading = page.locator("details#getEscrow")
    reading.get_by_label("id", exact=True).fill(deal.id)
    reading.get_by_role("button", name="Send").click()
    expect(reading.locator("output")).to_contain_text("401")
    page.get_by_label("Your token").fill(stack.tokens["BUYER"])
    reading.get_by_role("button", name="Send").click()
    expect(reading.locator("output")).to_contain_text("200")
    expect(reading.locator("output")).to_contain_text(deal.id)
    page.goto(f"{stack.api.by_number[1]}/docs#cancel")  # the same page: the token is still there
    asking = page.locator("details#cancel")
    asking.get_by_label("id", exact=True).fill(deal.id)
    asking.get_by_label("body").fill('{"reason": "tried"}')
    asking.get_by_role("button", name="Send").click()
    expect(asking.locator("output")).to_contain_text("Location: /v1/commands/")
    deal.wait("CANCELLED")
    assert page.locator("details#followEvents").get_by_role("button").count() == 0  # an answer without end


def test_the_policy_stops_what_is_not_ours(stack, browser):
    """What gets into the page nevertheless does not run, and asks nobody."""
    page = browser.new_page()
    page.goto(f"{stack.api.by_number[1]}/docs")
    expect(page.locator("h1")).to_be_visible()
    # In a timer: what the browser's tools evaluate is allowed more than the page.
    page.evaluate("""(other) => setTimeout(async () => {
        window.ran = [];
        const attempts = {
            eval: () => new Function("return 1")(),
            markup: () => { document.body.innerHTML = "<img src=x>"; },
            inline: () => {
                const script = document.createElement("script");
                script.append("window.ran.push('inline script')");
                document.head.append(script);
                throw new Error("only whether it ran counts");
            },
            elsewhere: () => fetch(other),
        };
        for (const [name, attempt] of Object.entries(attempts)) {
            try { await attempt(); window.ran.push(name); } catch { /* stopped */ }
        }
        window.tried = true;
    }, 0)""", stack.api.by_number[2] + "/openapi.json")
    page.wait_for_function("window.tried")
    assert page.evaluate("window.ran") == []
    page.close()


def test_a_deal_is_followed_from_payment_to_payout(stack, page):
    deal = stack.api.deal()
    open_deal(page, stack, deal, "SELLER", replica=2)
    shows(page, "AWAIT_FUNDS")
    deal.pay()
    shows(page, "FUNDS_HELD")
    expect(page.locator("#facts")).to_contain_text("25.00 USD")
    assert buttons(page) == [
        "Mark as delivered", "Cancel", "Refund the buyer", "Accept the return", "Raise a dispute", "Offer to divide the money", "Withdraw the dispute"]
    page.get_by_role("button", name="Mark as delivered").click()
    asked(page, "confirmed")
    shows(page, "DELIVERED")
    deal.do("release", "BUYER")
    shows(page, "RELEASED")


def test_a_part_is_released_by_its_amount(stack, page):
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "BUYER")
    shows(page, "FUNDS_HELD")

    def enter(text):
        page.once("dialog", lambda dialog: dialog.accept(text))
        page.get_by_role("button", name="Release a part").click()

    for text in ("", "ten", "-1", "1.005", "1e2"):  # no amount: nothing is asked for
        enter(text)
    assert page.locator("#commands tr").count() == 0
    enter("10.5")
    asked(page, "confirmed")
    expect(page.locator("#facts")).to_contain_text("14.50 USD")
    shows(page, "FUNDS_HELD")


def says_deadline(page, deal, sentence):
    """The moment that the API tells, and what happens then."""
    shown = page.locator("#deadline")
    expect(shown).to_contain_text(sentence, timeout=WAIT_MS)
    told = deal.view()["deadline"]["at"]
    expect(shown.locator("time")).to_have_attribute("datetime", told)
    moment = page.evaluate("at => new Date(at).toLocaleString(undefined, {dateStyle: 'long', timeStyle: 'long'})", told)
    expect(shown).to_contain_text(f"Until {moment}: ")


def test_the_deadline_is_shown_with_what_happens_then(stack, page):
    deal = stack.api.deal()
    open_deal(page, stack, deal, "BUYER")
    says_deadline(page, deal, "Unless the buyer has paid by then, the deal expires.")
    deal.pay()
    says_deadline(page, deal, "Unless the seller has delivered by then, the buyer gets the money back.")
    deal.do("mark-delivered", "SELLER")
    says_deadline(page, deal, "Unless the buyer is refunded before, the seller then gets the money.")
    deal.do("release", "BUYER")
    shows(page, "RELEASED")
    expect(page.locator("#deadline")).to_be_hidden()


def test_no_deadline_is_shown_that_may_be_over(stack, page):
    deal = stack.api.deal(funding_seconds=3600)
    open_deal(page, stack, deal, "BUYER")
    expect(page.locator("#deadline")).to_be_visible()
    gateway = stack.processes["gateway-1"]
    gateway.kill()
    expect(page.locator("#link")).to_have_text("unknown", timeout=WAIT_MS)
    expect(page.locator("#deadline")).to_be_hidden()
    stack.pass_time(3601)
    gateway.start().wait_ready()
    shows(page, "EXPIRED")
    expect(page.locator("#deadline")).to_be_hidden()


def test_pending_until_it_is_decided(stack, page):
    """Nobody decides: the page says so, for as long as it lasts, and never that it worked."""
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")
    replicas = [stack.processes[f"escrow-{number}"] for number in (1, 2)]
    for process in replicas:
        process.freeze()
    try:
        page.get_by_role("button", name="Mark as delivered").click()
        asked(page, "pending")
        page.wait_for_timeout(1500)
        asked(page, "pending")
        shows(page, "FUNDS_HELD")
    finally:
        for process in replicas:
            process.thaw()
    asked(page, "confirmed")
    shows(page, "DELIVERED")


def test_rejected_is_shown_with_its_reason(stack, page):
    deal = stack.api.deal()
    open_deal(page, stack, deal, "BUYER")
    assert buttons(page) == ["Release the money", "Release a part", "Cancel", "Reject the delivery", "Raise a dispute", "Offer to divide the money", "Withdraw the dispute"]
    page.get_by_role("button", name="Release the money").click()
    asked(page, "rejected")
    expect(page.locator("#commands")).to_contain_text("escrow.wrong_state")
    shows(page, "AWAIT_FUNDS")


def test_a_refusal_after_a_lost_answer_settles_nothing(stack, page):
    """The first attempt was taken in, but its answer got lost; whatever is said of another one, the first may have worked."""
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")

    def lose_the_answer(route):
        route.fetch()
        route.abort()

    page.route("**/mark-delivered", lose_the_answer)
    page.get_by_role("button", name="Mark as delivered").click()
    asked(page, "unknown")
    page.unroute("**/mark-delivered")
    page.route("**/mark-delivered", lambda route: route.fulfill(
        status=422, json={"code": "json.invalid", "detail": "As a server says that takes it for something else."}))
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#commands")).to_contain_text("json.invalid")
    asked(page, "unknown")
    page.unroute("**/mark-delivered")
    page.get_by_role("button", name="Ask again").click()
    asked(page, "confirmed")
    shows(page, "DELIVERED")


def test_too_many_requests_settles_nothing(stack, page):
    """The answer to a second copy that the browser sent by itself; the first one has worked."""
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")

    def refuse_the_copy(route):
        route.fetch()
        route.fulfill(status=429, json={"code": "http.token_rate", "detail": "Later."})

    page.route("**/mark-delivered", refuse_the_copy)
    page.get_by_role("button", name="Mark as delivered").click()
    expect(page.locator("#commands")).to_contain_text("http.token_rate")
    asked(page, "unknown")
    page.unroute("**/mark-delivered")
    page.get_by_role("button", name="Ask again").click()
    asked(page, "confirmed")


def test_a_copy_that_is_being_taken_in_is_followed(stack, page):
    """The browser sends a request twice when a kept connection is dead: the copy is refused, the first may have worked."""
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")
    keys, busy = [], [True]

    def refuse_the_copy(route):
        keys.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        if busy:
            route.fulfill(status=409, json={"code": "idempotency.in_progress", "detail": "It is being stored."})
        else:
            route.fulfill(response=answer)

    page.route("**/mark-delivered", refuse_the_copy)
    page.get_by_role("button", name="Mark as delivered").click()
    expect(page.locator("#commands")).to_contain_text("idempotency.in_progress")
    asked(page, "pending")
    busy.clear()
    asked(page, "confirmed")
    shows(page, "DELIVERED")
    assert len(keys) >= 2 and len(set(keys)) == 1
    assert deal.events().count("EscrowDelivered") == 1


def test_unknown_while_the_stream_is_broken(stack, page):
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")
    shows(page, "FUNDS_HELD")
    gateway = stack.processes["gateway-1"]
    gateway.kill()
    expect(page.locator("#link")).to_have_text("unknown", timeout=WAIT_MS)
    shows(page, "unknown (last seen: FUNDS_HELD)")
    assert buttons(page) == []
    stack.api.prefer(2)
    deal.do("mark-delivered", "SELLER")  # elsewhere, while this page sees nothing
    gateway.start().wait_ready()
    expect(page.locator("#link")).to_have_text("live", timeout=WAIT_MS)
    shows(page, "DELIVERED")


def test_unknown_when_nothing_is_heard(stack, page):
    """The replica hangs: the connection stays, and nothing comes, not even a heartbeat."""
    page.clock.install()
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")
    gateway = stack.processes["gateway-1"]
    gateway.freeze()
    try:
        page.clock.fast_forward(20_000)  # more than a heartbeat, less than two and a half
        expect(page.locator("#link")).to_have_text("live")
        page.clock.fast_forward(21_000)
        expect(page.locator("#link")).to_have_text("unknown", timeout=WAIT_MS)
        shows(page, "unknown (last seen: FUNDS_HELD)")
    finally:
        gateway.thaw()
    expect(page.locator("#link")).to_have_text("live", timeout=WAIT_MS)
    shows(page, "FUNDS_HELD")


@contextlib.contextmanager
def undecided(stack, deal):
    """Nobody decides; it is decided in the end, while the page's gateway, which must be killed meanwhile, is away."""
    replicas = [stack.processes[f"escrow-{number}"] for number in (1, 2)]
    for process in replicas:
        process.freeze()
    try:
        yield
    finally:
        for process in replicas:
            process.thaw()
    stack.api.prefer(2)
    deal.wait("DELIVERED")
    stack.processes["gateway-1"].start().wait_ready()


def test_a_command_settled_while_the_stream_was_broken(stack, page):
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")
    with undecided(stack, deal):
        page.get_by_role("button", name="Mark as delivered").click()
        asked(page, "pending")
        stack.processes["gateway-1"].kill()
        asked(page, "unknown")
    asked(page, "confirmed")
    shows(page, "DELIVERED")


def test_what_became_of_a_command_is_asked_until_it_is_told(stack, page):
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")
    failures = [lambda route: route.abort(),
                lambda route: route.fulfill(status=503, json={"code": "pg.unavailable", "detail": "Later."}),
                lambda route: route.fulfill(status=429, json={"code": "http.token_rate", "detail": "Later."})]
    page.route("**/v1/commands/*", lambda route: failures.pop(0)(route) if failures else route.continue_())
    with undecided(stack, deal):
        page.get_by_role("button", name="Mark as delivered").click()
        asked(page, "pending")
        stack.processes["gateway-1"].kill()
    expect(page.locator("#link")).to_have_text("live", timeout=WAIT_MS)
    asked(page, "confirmed")
    assert failures == []


def test_an_answer_that_comes_after_its_outcome(stack, page):
    """It was told on no stream that this page had: not on the old one, and before the new one began."""
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")
    late = []
    page.route("**/mark-delivered", lambda route: late.append((route, route.fetch())))
    with undecided(stack, deal):
        page.get_by_role("button", name="Mark as delivered").click()
        asked(page, "sending")
        while not late:
            page.wait_for_timeout(50)
        stack.processes["gateway-1"].kill()
        expect(page.locator("#link")).to_have_text("unknown", timeout=WAIT_MS)
    shows(page, "DELIVERED")
    asked(page, "sending")
    route, answer = late[0]
    assert answer.status == 202
    route.fulfill(response=answer)
    asked(page, "confirmed")


def test_money_has_the_digits_of_its_currency(stack, page):
    deal = stack.api.deal()
    view = {**deal.view(), "currency": "JPY"}
    snapshot = {"caller": {"kind": "user", "id": view["buyer_id"]}, "escrows": [view], "commands": []}
    page.route("**/v1/events?*", lambda route: route.fulfill(
        content_type="text/event-stream", body=f"event: snapshot\ndata: {json.dumps(snapshot)}\n\n"))
    page.goto(f"{stack.api.by_number[1]}/deals/{deal.id}")
    page.get_by_label("Your token").fill(stack.tokens["BUYER"])
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#facts")).to_contain_text(f"{view['amount_minor']} JPY")


def test_commands_without_a_secure_context(stack, page):
    """Over plain http the browser offers less of its cryptography."""
    page.add_init_script("delete Crypto.prototype.randomUUID; delete Crypto.prototype.subtle;")
    deal = stack.api.held_deal()
    open_deal(page, stack, deal, "SELLER")
    page.get_by_role("button", name="Mark as delivered").click()
    asked(page, "confirmed")


def test_the_token_stays_in_the_tab(stack, page):
    deal = stack.api.deal()
    token = stack.tokens["BUYER"]
    open_deal(page, stack, deal, "BUYER")
    assert token not in page.url
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("Object.keys(localStorage).length") == 0
    page.reload()
    expect(page.locator("#link")).to_have_text("live", timeout=WAIT_MS)
    page.get_by_role("button", name="Forget the token").click()
    assert page.evaluate("sessionStorage.length") == 0
    assert not page.locator("#deal").is_visible()


def test_a_stranger_is_refused(stack, page):
    deal = stack.api.deal()
    page.goto(f"{stack.api.by_number[1]}/deals/{deal.id}")
    page.get_by_label("Your token").fill(stack.tokens["STRANGER"])
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#link")).to_have_text("refused", timeout=WAIT_MS)
    expect(page.locator("#problem")).to_contain_text("escrow.unknown")
    shows(page, "unknown")
    assert page.evaluate("sessionStorage.length") == 0
