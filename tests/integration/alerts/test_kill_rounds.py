"""Three real workers, one of them killed by SIGKILL in every round: no page missing, none with two keys."""

import os
import random
import signal
from collections import defaultdict
from contextlib import ExitStack

import pytest

from tests.integration.alerts.stage import Receiver, Site
from tests.unit.alerts.stories import T0, finding
from tests.waiting import wait_for
from vitals.topics import Topics

ROUNDS = int(os.environ.get("VIGIL_TEST_KILL_ROUNDS", "3"))
A_ROUND = 30


@pytest.mark.slow
def test_rounds_of_killing_one_of_three_workers(kafka: str, database: str, topics: Topics) -> None:
    site, receiver, chance = Site(kafka, database, topics), Receiver(), random.Random(7)
    settings = {"VIGIL_WEBHOOK_URL": receiver.url, "VIGIL_WEBHOOK_SECRET": "s"}
    with ExitStack() as stack:
        workers = [stack.enter_context(site.worker(VIGIL_ALERTS_INSTANCE=f"w{n}", **settings)) for n in range(3)]
        for turn in range(ROUNDS):
            ids = range(turn * A_ROUND, (turn + 1) * A_ROUND)
            site.say(*(finding(patient=f"p{n}", start=T0 + n, ward=f"w{n}") for n in ids))
            enough = turn * A_ROUND + chance.randrange(A_ROUND)
            wait_for(lambda least=enough: site.rows("SELECT count(*) FROM alerting.alert")[0][0] >= least, 60, "alerts")
            slot = chance.randrange(3)
            workers[slot].send_signal(signal.SIGKILL)
            workers[slot].wait()
            workers[slot] = stack.enter_context(site.worker(VIGIL_ALERTS_INSTANCE=f"w{slot}", **settings))
        total = ROUNDS * A_ROUND
        wait_for(lambda: site.rows("SELECT count(*) FROM alerting.page WHERE state = 'delivered'") == [(total,)], 120, "deliveries")
        told = site.alerts(lambda found: len({a.id for a in found}) == total, 60)
    receiver.close()
    keys = defaultdict(set)
    for headers, _, _ in receiver.got:
        keys[headers["idempotency-key"]].add("got")
    assert (len(keys), len({alert.id for alert in told})) == (total, total)
    assert site.rows("SELECT count(*), count(DISTINCT alert) FROM alerting.event WHERE kind = 'raised'") == [(total, total)]
    assert site.rows("SELECT count(*), count(DISTINCT alert) FROM alerting.page") == [(total, total)]
