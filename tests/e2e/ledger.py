"""The simulator's ledger against the database: what was sent, and what became of it."""

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.vigils import Running


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples sent that are neither stored whole nor refused; readings stored that nobody sent; readings stored more than once."""

    missing: tuple[tuple[str, int], ...]
    twice: int


def sent(ledger: Path) -> dict[tuple[str, int], int]:
    """(device, seq) -> readings in it."""
    lines = (line.split() for line in ledger.read_text().splitlines())
    return {(device, int(seq)): int(readings) for device, seq, readings in lines}


def gap(running: Running, ledger: Path) -> Gap:
    """What the account does not explain; empty when all is well."""
    expected = sent(ledger)
    devices = sorted({device for device, _ in expected})
    stored = running.rows(
        """SELECT d.id, r.seq, count(*), count(DISTINCT r.vital) FROM telemetry.reading r JOIN clinical.device d ON d.no = r.device_no
           WHERE d.id = ANY(%s) GROUP BY 1, 2""",
        devices,
    )
    refused = running.rows(
        "SELECT device, seq, count(*) FROM telemetry.refusal WHERE device = ANY(%s) AND reason <> 'duplicate' GROUP BY 1, 2", devices
    )
    explained = {(device, seq): count for device, seq, count, _ in stored}
    for device, seq, count in refused:
        explained[device, seq] = explained.get((device, seq), 0) + count
    missing = tuple(key for key, readings in expected.items() if explained.get(key, 0) != readings)
    return Gap(missing, sum(count - distinct for _, _, count, distinct in stored))
