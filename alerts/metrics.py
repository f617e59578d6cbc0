"""What this process says of itself to Prometheus. Labels have fixed small sets; none names a patient."""

from prometheus_client import Counter, Gauge, Histogram

READY = Gauge("vigil_ready", "1 = takes work")
BEHIND = Gauge("vigil_behind_ms", "age of the oldest record that is not yet written")
TAKEN = Counter("vigil_alerts_taken_total", "findings, commands, ticks and receipts by what came of them", ["result"])
REFUSED = Counter("vigil_alerts_refused_total", "records that could not be used", ["reason"])
PAGES = Counter("vigil_pages_total", "attempts at pages by channel and outcome", ["channel", "outcome"])
HASTY = Counter("vigil_alerts_hasty_total", "high alerts told before they could be written (version 0)")
FORGOTTEN = Counter("vigil_alerts_forgotten_total", "closed alerts that were kept as long as the site keeps them")
GAPS = Gauge("vigil_oncall_gaps", "times in the coming days at which a schedule has nobody on call")
RAISED_AFTER = Histogram("vigil_alert_raised_seconds", "gateway to raised", buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60, 600))
