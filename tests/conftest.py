"""What holds for every test."""

import os

# The connector would ask the clouds' metadata addresses where it runs; a test sends nothing off the machine.
os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
