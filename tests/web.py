"""What every HTTP client of the tests trusts, made once: for each request httpx would read all authorities that the machine knows.

That is 30 ms of a core each time, on the cores on which what is asked runs.
"""

import ssl

TRUST = ssl.create_default_context()
