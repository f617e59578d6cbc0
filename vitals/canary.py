"""The canary's ward: a patient who does not exist, on a device that does, so that somebody notices when alarms no longer come.

Nobody's list, feed, statistics or pager has this ward but the canary's own: whoever lists patients, wards, devices or alerts leaves it
out, no other ladder answers for it, and no other hospital system hears of it.
"""

WARD = "vigil-canary"
