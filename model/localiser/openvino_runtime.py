"""Both networks run by OpenVINO, as the functions that `answer` asks; imports no TensorFlow."""

import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.labels import LABELS
from model.localiser.answer import Networks, Pixels
from model.localiser.method import Precision, TwoStageMethod

FOLDER: Final = "openvino"
COARSE: Final = "coarse.xml"
FINE: Final = "fine.xml"
HEATMAPS: Final = "heatmaps"
PRESENCE: Final = "presence"

_SHAPES: Final = 8  # compiled forms kept of each network; one takes 0.3 s to 1 s to make
_WARM_SLICES: Final = 15
_WARM_CELLS: Final = 7


class UnavailableError(Exception):
    """OpenVINO cannot run this bundle here; the message says why."""


def networks(
    folder: Path, method: TwoStageMethod, precision: tuple[Precision, Precision] | None = None
) -> Networks:
    """Load both networks; the first call has been made when this returns.

    Args:
        folder: of the bundle.
        method: what they are.
        precision: of the coarse and the fine network; None takes those of the method, where this
            processor has them.

    Raises:
        UnavailableError: OpenVINO is not installed, or its files are missing or unreadable.
    """
    core = load_core()
    chosen = precision or usable(core, method.openvino)
    paths = folder / FOLDER / COARSE, folder / FOLDER / FINE
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise UnavailableError(f"the bundle has no {FOLDER}/{missing[0]}")
    side = _WARM_CELLS * method.coarse.multiple
    try:
        coarse = _Compiled(core, paths[0], chosen[0])
        fine = _Compiled(core, paths[1], chosen[1], batch=len(LABELS))
        coarse(np.zeros((1, _WARM_SLICES, side, side), np.float32))
        fine(np.zeros((1, *method.fine.shape), np.float32))
    except (RuntimeError, KeyError) as error:
        first = str(error).strip().splitlines()[-1:] or [""]
        raise UnavailableError(f"{FOLDER}/ of the bundle cannot be used ({first[0]})") from error
    return Networks(coarse, method.coarse, fine, method.fine, method.chain)


def load_core() -> Any:
    """Import OpenVINO and give its core.

    Its package reports each import to its makers over the network, unless its telemetry is
    absent; so it is made absent for this process. A hospital's node talks to nobody unasked.

    Raises:
        UnavailableError: it is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # documented: blocks
    try:
        import openvino
    except ImportError as error:
        raise UnavailableError(f"OpenVINO cannot be imported ({error})") from error
    return openvino.Core()


def name(method: TwoStageMethod) -> str:
    """Name the runtime and its precisions here, for the log."""
    core = load_core()
    coarse, fine = usable(core, method.openvino)
    version = core.get_versions("CPU")["CPU"].build_number.partition("-")[0]
    return f"OpenVINO {version}, coarse network {coarse}, fine network {fine}"


def usable(core: Any, wanted: tuple[Precision, Precision]) -> tuple[Precision, Precision]:
    """Give the wanted precisions, f32 where the processor lacks bf16."""
    has = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    coarse, fine = (one if has else "f32" for one in wanted)
    return coarse, fine


class _Compiled:
    """One network, compiled anew for each new shape: fixed shapes run twice as fast."""

    def __init__(self, core: Any, path: Path, precision: Precision, batch: int = 1) -> None:
        """Read the network.

        Args:
            core: OpenVINO's.
            path: of the network.
            precision: what it computes in.
            batch: inputs are filled up with zeros to a multiple of so many.
        """
        self._core, self._batch = core, batch
        self._model = core.read_model(str(path))
        self._options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        self._requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def __call__(self, inputs: Pixels) -> tuple[Pixels, Pixels]:
        count = len(inputs)
        rest = [(0, -count % self._batch), *[(0, 0)] * (inputs.ndim - 1)]
        padded = np.ascontiguousarray(np.pad(inputs, rest), np.float32)
        request = self._request(padded.shape)
        request.infer([padded])
        # copied: the tensors belong to the request, the next call overwrites them
        heatmaps, presence = (
            np.array(request.get_tensor(name).data[:count], np.float32)
            for name in (HEATMAPS, PRESENCE)
        )
        return heatmaps, presence

    def _request(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._requests:
            fixed = self._model.clone()
            fixed.reshape(list(shape))
            compiled = self._core.compile_model(fixed, "CPU", self._options)
            self._requests[shape] = compiled.create_infer_request()
            while len(self._requests) > _SHAPES:
                self._requests.popitem(last=False)
        self._requests.move_to_end(shape)
        return self._requests[shape]
