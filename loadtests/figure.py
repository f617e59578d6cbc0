"""One line of a benchmark's result."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`name` says what was measured, `unit` in what: "gateway, QoS 1 to Kafka", 15200, "messages/CPU-s"."""

    name: str
    figure: float
    unit: str
