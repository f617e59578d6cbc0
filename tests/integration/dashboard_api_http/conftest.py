"""One HTTP process on real servers for all these tests, with the demonstration accounts; and clients that are logged in."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from deploy.parts import kafka as kafka_part
from deploy.parts import mosquitto as mosquitto_part
from tests import parts
from tests.integration.dashboard_api_http.provider import OpenIdProvider, running_provider
from tests.integration.dashboard_api_http.site import Site, running_site
from vitals.topics import Topics


@pytest.fixture(scope="package")
def provider() -> Iterator[OpenIdProvider]:
    """A strict OpenID provider, which lets in whoever a test says."""
    yield from running_provider()


@pytest.fixture(scope="package")
def site(
    kafka: str,
    postgres: str,
    mosquitto: mosquitto_part.Broker,
    provider: OpenIdProvider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A site with wards north (the first) and south."""
    topics = Topics("httptests")
    kafka_part.make_topics(kafka, topics.settings(), 4)
    with parts.fresh_database(postgres) as database:
        yield from running_site(kafka, database, mosquitto, topics, tmp_path_factory.mktemp("http"), provider.settings())


@pytest.fixture
def as_(site: Site) -> Callable[[str], httpx.Client]:
    """`as_("doctor")`: a client that is logged in; `as_("")`: one that is not."""
    return site.client
