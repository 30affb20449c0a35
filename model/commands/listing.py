"""What there is to train and to use."""

from typing import Any


def networks(reduced: bool = False) -> list[dict[str, Any]]:
    """List presets and shipped bundles: one row each, with the count of trainable parameters.

    Needs no TensorFlow.

    Args:
        reduced: the presets' forms for two processor cores.
    """
    from model import bundle
    from model import networks as registry

    presets = registry.PRESETS.values()
    forms = map(registry.reduced, presets) if reduced else presets
    rows = [{"kind": "preset", **preset.describe()} for preset in forms]
    for name in bundle.names():
        shipped = bundle.load(name)
        row = shipped.method.describe()
        summary = f"bundle, version {shipped.version}, {row['summary']}"
        rows.append({"kind": "bundle", "name": name, **row, "summary": summary})
    return rows
