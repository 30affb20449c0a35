"""From two trained networks and their certainty to a model bundle."""

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model import bundle as bundles
from model import bundle_folder
from model.localiser.method import TwoStageMethod
from model.volume import Volume


@dataclass(frozen=True, slots=True)
class Written:
    """A new bundle.

    Attributes:
        bundle: read back from its folder.
        openvino: how near the networks for OpenVINO come to TensorFlow's, or why there are none; a
            sentence.
    """

    bundle: bundles.ModelBundle
    openvino: str


def write_bundle(
    folder: Path,
    name: str,
    version: str,
    method: TwoStageMethod,
    *,
    coarse_weights: Path,
    fine_weights: Path,
    handles: Mapping[str, Any],
    card: str,
    training: Mapping[str, Any] | None = None,
    samples: Sequence[Volume] = (),
) -> Written:
    """Write weights, bundle.json, the model card and, where it can be done, OpenVINO's networks.

    The folder is there whole or not at all; an older bundle in it is replaced. Both networks are
    loaded once from what was written.

    Args:
        folder: of the new bundle; `config.yaml` names it as `model.bundle`.
        name: of the bundle.
        version: of its content.
        method: specifications and certainty; the names of the weights in it are those written.
        coarse_weights: the coarse network's, float32, as Keras writes them.
        fine_weights: the fine network's.
        handles: which series it is made for, as the filter set `default` reads it.
        card: text of the model card.
        training: where the weights come from, kept for people.
        samples: series on which both runtimes must find the same points; none takes a phantom.

    Raises:
        ValueError: the weights do not belong to their networks, are not numbers, the folder
            holds something else than a bundle, or OpenVINO answers otherwise than TensorFlow.
        OSError: a file cannot be read or written.
    """
    with bundle_folder.new(folder) as partial:
        shutil.copyfile(coarse_weights, partial / method.coarse_weights)
        shutil.copyfile(fine_weights, partial / method.fine_weights)
        method, words = _exported(partial, method, samples)
        bundle_folder.write_content(
            partial,
            method,
            name=name,
            version=version,
            handles=handles,
            training=training or {},
        )
        bundle_folder.write_card(partial, card)
        bundles.load(partial)
    return Written(bundles.load(folder), words)


def write_card(folder: Path, card: str) -> bundles.ModelBundle:
    """Replace a bundle's model card, for example by one with results.

    Raises:
        ValueError: the folder holds no bundle.
    """
    bundles.load(folder)
    bundle_folder.write_card(folder, card)
    return bundles.load(folder)


def _exported(
    folder: Path, method: TwoStageMethod, samples: Sequence[Volume]
) -> tuple[TwoStageMethod, str]:
    """Load both networks, write them for OpenVINO where it is installed, and compare."""
    from model.localiser import openvino_export, runtime

    coarse_at = folder / method.coarse_weights, method.coarse
    fine_at = folder / method.fine_weights, method.fine
    networks = runtime.networks(coarse_at, fine_at, method.chain)
    if not openvino_export.possible():
        return method, "no networks for OpenVINO: it is not installed (extra `openvino`)"
    openvino_export.export(*runtime.load_both(coarse_at, fine_at), method, folder)
    checked = openvino_export.check(networks, folder, method, samples or [_phantom()])
    return dataclasses.replace(method, openvino=checked.precision), str(checked)


def _phantom() -> Volume:
    from model import volume
    from model.phantom import drawing, series

    return volume.from_datasets(series.datasets(drawing.draw(0)))
