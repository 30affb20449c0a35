"""From a finished training run to a model bundle with its card."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any, Final

from model import bundle as bundles
from model.evaluate import markdown
from model.localise import LocaliseSpec

WEIGHTS: Final = "network.weights.h5"

HANDLES: Final[dict[str, Any]] = {
    "plane": "sagittal",
    "weighting": ["T1"],
    "field_of_view_mm": [200, 450],
    "pixel_spacing_mm": [0.2, 1.3],
    "slice_spacing_mm": [2.5, 6.0],
    "slices": [9, 40],
    "patient_position": ["HFS", "FFS"],
}
"""Which series a bundle takes, as the filter set `default` reads it."""


def write_bundle(run: Path, folder: Path, name: str, version: str) -> bundles.ModelBundle:
    """Write weights, bundle.json and a model card without results.

    Raises:
        ValueError: the run is not finished.
    """
    if not (run / WEIGHTS).is_file():
        raise ValueError(
            f"{run} holds no {WEIGHTS}: its training is not finished; continue it with the same "
            "`foramina model train` command"
        )
    training = json.loads((run / "train.json").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / WEIGHTS, folder / WEIGHTS)
    content = {
        "format": bundles.FORMAT,
        "name": name,
        "version": version,
        "weights": WEIGHTS,
        "network": training["network"],
        "preprocess": training["preprocess"],
        "localise": dataclasses.asdict(LocaliseSpec()),
        "handles": HANDLES,
        "training": {
            key: value for key, value in training.items() if key not in {"network", "preprocess"}
        },
    }
    text = json.dumps(content, indent=2)
    (folder / "bundle.json").write_text(text + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(_card(content, "Not evaluated yet.\n"), encoding="utf-8")
    return bundles.load(folder)


def write_results(folder: Path, report: dict[str, Any], data: str) -> bundles.ModelBundle:
    """Write the model card anew, with the results of an evaluation.

    Args:
        folder: the bundle's.
        report: from `model.evaluate.evaluate`.
        data: what it was evaluated on, in words.
    """
    content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    results = f"On {data}, as `foramina model evaluate` prints it:\n\n{markdown(report)}"
    (folder / "MODEL_CARD.md").write_text(_card(content, results), encoding="utf-8")
    return bundles.load(folder)


def _card(content: dict[str, Any], results: str) -> str:
    """Fill the card in from bundle.json's content and a section of results."""
    network, training = content["network"], content["training"]
    facts = {
        **network,
        **training,
        **training["augmentation"],
        "name": content["name"],
        "version": content["version"],
        "norm_spacing_mm": content["preprocess"]["norm_spacing_mm"],
        "foramen_share": training["foramen_share"] or "as they come",
        "results": results,
    }
    return _CARD.format_map(facts)


_CARD: Final = """\
# Model card: {name} {version}

**Not a medical device. Not for clinical use.** For building and testing the node only.

## What it does
Finds the ten lumbar neural foramina (L1 to L5, left and right) on one sagittal T1-weighted MR
series and gives each a point in patient coordinates, or says that it missed it. A foramen carries
the name of the upper vertebra of its motion segment; levels are counted upward from the sacrum.

## Network
MultiNet at {norm_spacing_mm} mm (Lamerigts, *Foramina Localization*, sections 7.5.1 and 7.5.2)

- 3 slices of {patch_size} x {patch_size} pixels in, the middle one out, one channel per level
- {compressions} compressions, {first_channels} to {max_channels} channels, sigmoid

## Training data
{cases}, and nothing else.

## Training
- {steps} steps of {batch_size} examples, loss `{loss}`, seed {seed}
- Adam, learning rate {learning_rate} (warm-up: {warmup_steps} steps) to {final_learning_rate}
- rotation up to {rotation_deg} degrees, deformation {deformation_sd} pixels, noise {noise_sd}
- share of examples that show a foramen: {foramen_share}

## Results
{results}
## Confidence
The mean probability over the voxels of a landmark's component, 0.5 to 1. It is the network's own
word and is not calibrated.

## Known limits
- What it was not trained on it does not know: transitional vertebrae, scoliosis, stenosis, implants
  and other contrasts.
- Accuracy on phantoms says nothing about accuracy on patients.
- A whole scan may be shifted by a level where the sacrum is not in the image.
"""
