"""A real Chromium, the page as it is built, and the two Vigils that it is shown on: a fed `site`, and the whole `vigil`."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from deploy import page as page_build
from deploy.parts import chromium
from deploy.parts import kafka as kafka_part
from deploy.parts.mosquitto import Broker
from tests import parts
from tests.e2e.page.beds import Bed
from tests.e2e.page.pace import Hand, row
from tests.e2e.page.site import Site
from tests.e2e.page.visits import ARTEFACTS, shot
from tests.integration.live.stage import PARTITIONS
from vitals.topics import Topics

MINUTE_S = 60.0
expect.set_options(timeout=20_000)  # ms; other tests run beside, and a disk can stand still for seconds


@pytest.fixture(scope="package")
def site(kafka: str, postgres: str, mosquitto: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests of the page; each test has a ward of its own on it."""
    page_build.build(print)
    topics = Topics(f"t{uuid.uuid4().hex[:10]}")
    kafka_part.make_topics(kafka, topics.settings(), PARTITIONS)
    with parts.fresh_database(postgres) as database:
        made = Site(kafka, database, topics, tmp_path_factory.mktemp("site"))
        made.begin(mosquitto)
        yield made
        made.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, gone after the module: while it runs, nothing else here can run an event loop."""
    program = chromium.install(print)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(program), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser that speaks English; its last picture is kept."""
    made = browser.new_context(viewport={"width": 1366, "height": 850}, locale="en-GB", reduced_motion="reduce", bypass_csp=False)
    yield made
    for number, page in enumerate(made.pages):
        shot(page, f"{request.node.name[:80].replace('/', '_')}-{number}")
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must not complain."""
    made, complaints = context.new_page(), list[str]()
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    assert complaints == []


@pytest.fixture
def hand(page: Page, request: pytest.FixtureRequest) -> Iterator[Hand]:
    """A person whose task, which the test's name tells, must take less than a minute; its line of the table is kept beside the pictures."""
    made = Hand(page)
    yield made
    name = request.node.name.removeprefix("test_")
    line = row(name.replace("_", " "), made)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    (ARTEFACTS / f"pace-{name[:60]}.txt").write_text(line + "\n")
    assert made.seconds < MINUTE_S, line


@pytest.fixture
def bed(site: Site) -> Bed:
    """A ward of the test's own."""
    return Bed(site)
