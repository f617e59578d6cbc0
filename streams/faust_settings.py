"""What every Faust worker here has in common: it consumes only, notices quickly that another died, and logs a line an event.

Out: the keywords of `faust.App` and the form of the log. Kafka being away is said by the workers themselves, every few seconds.
"""

from collections.abc import Mapping
from typing import Any

LOGGING: Mapping[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s level=%(levelname)s logger=%(name)s %(message)s"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "line"},
        "last": {"()": "streams.membership.LastError"},
    },
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {
        "vigil": {"level": "INFO"},
        "aiokafka": {"level": "CRITICAL"},  # away, Kafka would fill the log
        "aiokafka.consumer.group_coordinator": {"level": "ERROR", "handlers": ["last"], "propagate": False},
    },
}


def consumer(name: str, kafka: str, instance: str, buffered: int, **more: Any) -> dict[str, Any]:
    """The settings of the app `name` on Kafka `host:port`: no tables, no web server. `buffered`: records read ahead of each agent.

    `instance` is the same after a restart, so that a worker that comes back within a session finds its partitions as they were.
    """
    return {
        "id": name,
        "broker": f"kafka://{kafka}",
        "consumer_group_instance_id": f"{name}-{instance}",
        "consumer_auto_offset_reset": "earliest",
        "broker_session_timeout": 6.0,
        "broker_heartbeat_interval": 2.0,
        "broker_rebalance_timeout": 6.0,
        "broker_max_poll_interval": 86_400.0,
        "stream_buffer_maxsize": buffered,
        "store": "memory://",
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
        "worker_redirect_stdouts": False,
        "logging_config": LOGGING,
        **more,
    }
