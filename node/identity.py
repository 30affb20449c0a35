"""Who made an object: the names and UIDs by which the node's own objects are known.

They stand in every object the node writes, so that one that comes back is recognised and never
processed again.
"""

import uuid
from typing import Final

MANUFACTURER: Final = "Foramina"
MANUFACTURER_MODEL_NAME: Final = "Foramina lumbar foramen localiser"
IMPLEMENTATION_VERSION_NAME: Final = "FORAMINA_0_1"  # PS3.7 annex D.3.3.2: at most 16 characters

_NAMESPACE: Final = uuid.UUID("6f0a3f52-3b63-4c0e-9d53-6f7e5b0c2f11")


def derived_uid(*parts: str) -> str:
    """Derive a UID from names: `2.25.` and a version-5 UUID (PS3.5 annex B.2).

    Equal parts give the equal UID on every machine and at every time.
    """
    return f"2.25.{uuid.uuid5(_NAMESPACE, chr(0).join(parts)).int}"


IMPLEMENTATION_CLASS_UID: Final = derived_uid("implementation class")
DEVICE_OBSERVER_UID: Final = derived_uid("device observer")
