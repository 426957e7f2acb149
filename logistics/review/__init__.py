"""Says before a merge what a change does to objects, data, people and money, on local accounts alone.

sources.py    the two sides of the change, as folders of their own
world.py      a local Snowflake and a backend for both sides, nothing of the caller's
plans.py      an environment deployed as of the base, and what the head would change in it
rehearsal.py  the change made on data: what everybody sees before and after, SQL tests, and all of it taken back
sight.py      who sees what, asked of the account as each role
blast.py      what hangs on what is changed
spend.py      credits a day, before and after
findings.py   what needs somebody's yes
report.py     all of it together; markdown.py writes it
"""

from __future__ import annotations

import os

# A deployment's gRPC server ends with it; its library would tell the terminal so. Set before anything imports it.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
