"""Python runs this in every process of a node under test: the kill tests put it on the path."""

import os

if "FORAMINA_KILL" in os.environ:
    from tests.kill import inside

    inside.install(os.environ["FORAMINA_KILL"])
