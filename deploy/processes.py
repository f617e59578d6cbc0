"""The table of Vigil's own processes: what is started, in which order it is stopped, and what each one's environment adds.

Parts (Mosquitto, PostgreSQL, Kafka) are stopped after all of these. Lower stages end first: whoever brings work in goes before whoever
does it, so that what is in hand is finished.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PARTS_STAGE = 90


@dataclass(frozen=True, slots=True)
class Process:
    """One process: `python -m *argv`. `{...}` in arguments and `env` are filled from the wiring's values.

    `ready`: by its metrics; or (the simulator, which has none) by every patient's device being enrolled and assigned; or by its metrics'
    port answering, where it depends on a server that is not ours.
    """

    name: str
    argv: tuple[str, ...]
    stage: int
    env: Mapping[str, str] = field(default_factory=dict)
    ready_s: float = 120.0
    ready: Literal["metrics", "enrolled", "answers"] = "metrics"


SERVICES = (
    Process("gateway", ("ingest.gateway_main",), 20, {"VIGIL_GATEWAY": "vigil-gateway-1"}),
    Process("mllp", ("ingest.mllp_main",), 20, {"VIGIL_GATEWAY": "vigil-mllp-1", "VIGIL_MLLP_BACK_PORT": "{mllp_back_port}"}),
    Process("fhir", ("ingest.fhir_main",), 20, {"VIGIL_GATEWAY": "vigil-fhir-1", "VIGIL_FHIR_PORT": "{fhir_port}"}),
    Process("detect", ("streams.detect_app", "worker"), 30, {"VIGIL_INSTANCE": "0"}),
    Process("waveform", ("streams.waveform_app", "worker"), 30, {"VIGIL_INSTANCE": "0"}),
    Process("archive", ("streams.archive_app", "worker"), 30, {"VIGIL_INSTANCE": "0"}),
    Process("alerts", ("alerts.alerts_main",), 40, {"VIGIL_ALERTS_INSTANCE": "alerts-1"}),
    Process("live", ("dashboard_api.live_main",), 50),
    Process("http", ("dashboard_api.http_main",), 50, {"VIGIL_FHIR_PORT": "{fhir_port}", "VIGIL_MLLP_BACK_PORT": "{mllp_back_port}"}),
)

SIMULATOR = Process(
    "simulator",
    ("devices.simulator", "--data-dir={simulator_dir}", "--patients={patients}", "--seed=1", "--speed={speed}", "--waveforms=2"),
    10,
    ready="enrolled",
)

# Only where there is somebody to speak to: with VIGIL_ACM.
ACM = Process("acm", ("alerts.acm_main",), 50, ready="answers")

CANARY = Process("canary", ("alerts.canary_main",), 10, {"VIGIL_CANARY_MQTT": "{canary_mqtt}", "VIGIL_CANARY_PORT": "{canary_port}"})
