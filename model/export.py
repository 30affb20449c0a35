"""From a finished training run to a model bundle with its card."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from model import bundle as bundles
from model import bundle_folder
from model import run as runs
from model.evaluate import markdown
from model.localise import LocaliseSpec
from model.networks import NetworkSpec, parameters
from model.patch import PatchMethod
from model.preprocess import PreprocessSpec

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

_TRAINED_FROM: Final = ("started", "from_step", "commit", "device", "python", "versions")


def write_bundle(run: Path, folder: Path, name: str, version: str) -> bundles.ModelBundle:
    """Write weights, bundle.json and a model card without results.

    The folder is there whole or not at all; an older bundle in it is replaced.

    Args:
        run: folder of a finished run.
        folder: of the new bundle; `config.yaml` names it as `model.bundle`.
        name: of the bundle.
        version: of its content.

    Raises:
        ValueError: the run is not finished, or the folder holds something else than a bundle.
    """
    training = _finished(run)
    method = PatchMethod(
        TypeAdapter(NetworkSpec).validate_python(training.pop("network")),
        TypeAdapter(PreprocessSpec).validate_python(training.pop("preprocess")),
        LocaliseSpec(),
        runs.WEIGHTS,
    )
    training["sessions"] = _sessions(run)
    with bundle_folder.new(folder) as partial:
        shutil.copyfile(run / runs.WEIGHTS, partial / runs.WEIGHTS)
        content = bundle_folder.write_content(
            partial, method, name=name, version=version, handles=HANDLES, training=training
        )
        bundle_folder.write_card(partial, _card(content, method, "Not evaluated yet.\n"))
        bundles.load(partial)
    return bundles.load(folder)


def write_results(folder: Path, report: Mapping[str, Any], data: str) -> bundles.ModelBundle:
    """Write the model card anew, with the results of an evaluation.

    Only the tables enter the card: the names of scans and their pictures stay where they were
    measured, for they may be a patient's.

    Args:
        folder: the bundle's.
        report: from `model.evaluate.evaluate`.
        data: what it was evaluated on, in words.
    """
    method = bundles.load(folder).method
    if not isinstance(method, PatchMethod):
        raise ValueError(f"{folder} is no bundle of a patch network; its card is written otherwise")
    content = json.loads((folder / bundles.CONTENT).read_text(encoding="utf-8"))
    results = f"On {data}, as `foramina model evaluate` prints it:\n\n{markdown(report)}"
    bundle_folder.write_card(folder, _card(content, method, results))
    return bundles.load(folder)


def _finished(run: Path) -> dict[str, Any]:
    """Read the specification of a run that has its weights."""
    if not (run / runs.WEIGHTS).is_file():
        raise ValueError(
            f"{run} holds no {runs.WEIGHTS}: its training is not finished; continue it with the "
            "same `foramina model train` command"
        )
    training: dict[str, Any] = json.loads((run / runs.SPEC).read_text(encoding="utf-8"))
    return training


def _sessions(run: Path) -> list[dict[str, Any]]:
    """Read when, where and with which code a run was trained."""
    path = run / runs.SESSIONS
    if not path.is_file():
        return []
    sessions = json.loads(path.read_text(encoding="utf-8"))
    return [{key: one[key] for key in _TRAINED_FROM if key in one} for one in sessions]


def _card(content: Mapping[str, Any], method: PatchMethod, results: str) -> str:
    """Fill the card in from bundle.json's content and a section of results."""
    return _CARD.format(
        name=content["name"],
        version=content["version"],
        network=_lines(_network(method.network, method.preprocess.norm_spacing_mm)),
        cases=content["training"].get("cases") or "not told",
        training=_lines(_training(content["training"])),
        results=results,
        limits=_lines(_limits(method.network)),
    )


def _network(spec: NetworkSpec, spacing_mm: float | None) -> list[str]:
    """Tell what the network is; sections are those of the thesis."""
    single = spec.family == "singlenet"
    family, section = ("SingleNet", "7.4.1") if single else ("MultiNet", "7.5.1 and 7.5.2")
    at = "the series' own pixel spacing" if spacing_mm is None else f"{spacing_mm} mm"
    channels = "one channel for all levels" if single else "one channel per level"
    return [
        f"{family} at {at} (Lamerigts, *Foramina Localization*, section {section})",
        f"{spec.slices_in} slices of {spec.patch_size} x {spec.patch_size} pixels in, the middle "
        f"one out, {channels}",
        f"{spec.compressions} compressions, {spec.first_channels} to {max(spec.widths)} channels, "
        f"{parameters(spec):,} parameters",
        f"activation {spec.activation}, output {spec.output}, batch normalisation "
        f"{_on(spec.batch_normalisation)}, He initialisation {_on(spec.he_initialisation)}",
    ]


def _on(switch: bool) -> str:
    return "on" if switch else "off"


def _training(training: Mapping[str, Any]) -> list[str]:
    augmentation = training["augmentation"]
    share = training["foramen_share"]
    lines = [
        f"{training['steps']:,} steps of {training['batch_size']} examples, loss "
        f"`{training['loss']}`, seed {training['seed']}",
        f"Adam, learning rate {training['learning_rate']} (warm-up: {training['warmup_steps']} "
        f"steps) to {training['final_learning_rate']}",
        f"rotation up to {augmentation['rotation_deg']} degrees, deformation "
        f"{augmentation['deformation_sd']:g} pixels, noise {augmentation['noise_sd']}",
        f"share of examples that show a foramen: {'as they come' if share is None else share}",
    ]
    return lines + [_session(one) for one in training.get("sessions", [])[-1:]]


def _session(session: Mapping[str, Any]) -> str:
    """Tell the code and the versions that finished a run."""
    versions = ", ".join(f"{name} {number}" for name, number in session["versions"].items())
    commit = session.get("commit") or "not known"
    return f"{session['device']}; {versions}; commit {commit}"


def _limits(spec: NetworkSpec) -> list[str]:
    lines = [
        "What its training data do not show it does not know: think of transitional vertebrae, "
        "scoliosis, stenosis, implants and other contrasts.",
        "The results hold for the data they were measured on; accuracy on synthetic scans says "
        "nothing about accuracy on patients.",
        "A whole scan may be shifted by a level, above all where the sacrum is not in the image.",
    ]
    if spec.family == "singlenet":
        lines.append(
            "Levels are counted off, so one missed or surplus foramen shifts every other one of "
            "its side (section 7.4.5.1)."
        )
    return lines


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


_CARD: Final = """\
# Model card: {name} {version}

**Not a medical device. Not for clinical use.** For building and testing the node only.

## What it does
Finds the ten lumbar neural foramina (L1 to L5, left and right) on one sagittal T1-weighted MR
series and gives each a point in patient coordinates, or says that it missed it. A foramen carries
the name of the upper vertebra of its motion segment; levels are counted upward from the sacrum.

## Network
{network}

## Training data
{cases}, and nothing else.

## Training
{training}

## Results
{results}
## Confidence
The mean probability over the voxels of a landmark's component, 0.5 to 1. It is the network's own
word and is not calibrated.

## Known limits
{limits}
"""
