"""Two trained networks and their certainty made into what the node serves, and measured."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from model.commands.progress import Report, silent

if TYPE_CHECKING:
    from model.commands.localiser_calibration import Calibrated
    from model.localiser.method import TwoStageMethod
    from model.localiser.pair import Pair

_EVALUATION: Final = "evaluation"
_SAMPLES: Final = 3  # series on which both runtimes must find the same points
_SESSION: Final = ("started", "from_step", "commit", "device", "python", "versions")


def bundle(
    coarse: Path,
    fine: Path,
    certainty: Path,
    folder: Path,
    *,
    name: str,
    version: str = "1.0.0",
    cases: Path | None = None,
    part: Literal["test", "validation", "train"] = "test",
    device: str = "auto",
    report: Report = silent,
) -> str:
    """Make a bundle, measure it, and write the results into its card.

    The evaluation with its pictures stays in the coarse network's run folder.

    Args:
        coarse: finished run of the coarse network.
        fine: finished run of the fine one.
        certainty: file of their calibration; says also how often the networks are asked.
        folder: of the new bundle; an older bundle in it is replaced.
        name: of the bundle.
        version: of its content.
        cases: index file or folder of cases to measure on; None measures nothing.
        part: of an index.
        device: `auto`, `gpu` or `cpu`.
        report: told about progress.

    Returns:
        how near OpenVINO's networks come, a sentence.

    Raises:
        ValueError: an unfinished run; a certainty of other networks; a coarse network without all
            points; unusable cases.
    """
    from model.commands import evaluation, localiser_calibration, prediction, unseen
    from model.export import HANDLES
    from model.localiser import card, export

    prediction.device_of(device)
    calibrated = localiser_calibration.read_calibrated(certainty)
    pair, method = _method(coarse, fine, calibrated)
    training = {"coarse": _trained(coarse), "fine": _trained(fine)}
    sources, words = unseen.test_cases(cases, 0, part) if cases is not None else ([], "")
    text = partial(
        card.write, name, version, method, training=training, calibrated=calibrated.measured
    )
    made = export.write_bundle(
        folder.absolute(),
        name,
        version,
        method,
        coarse_weights=pair.coarse,
        fine_weights=pair.fine,
        handles=HANDLES,
        card=text(measured=None),
        training=training,
        samples=[source().volume for source in sources[:_SAMPLES]],
    )
    if sources:
        result = evaluation.measure(
            made.bundle, sources, coarse / _EVALUATION, device=device, report=report
        )
        export.write_card(folder.absolute(), text(measured=(result, words)))
    return made.openvino


def _method(coarse: Path, fine: Path, calibrated: "Calibrated") -> "tuple[Pair, TwoStageMethod]":
    from model.localiser.method import TwoStageMethod
    from model.localiser.pair import Pair
    from model.localiser.spec import POINTS

    pair = Pair.of_runs(coarse, fine, calibrated.tta)
    if calibrated.networks != pair.digest():
        raise ValueError(
            f"the certainty was fitted to other networks than those of {coarse} and {fine}; "
            "calibrate these with `foramina model localiser calibrate`"
        )
    if pair.coarse_spec.points != POINTS:
        missing = ", ".join(name for name in POINTS if name not in pair.coarse_spec.points)
        raise ValueError(f"{coarse} is an ablation: its network does not know {missing}")
    method = TwoStageMethod(
        pair.coarse_spec, pair.fine_spec, pair.chain, calibrated.certainty, tta=pair.tta
    )
    return pair, method


def _trained(run: Path) -> dict[str, Any]:
    """Tell how a network was trained: no path, nothing of the computer but versions."""
    from model.localiser.record import subjects
    from model.localiser.training import read_spec

    spec = asdict(read_spec(run))
    spec.pop("network")
    return {**spec, "subjects": subjects(run), "sessions": _sessions(run)}


def _sessions(run: Path) -> Sequence[dict[str, Any]]:
    from model.json_file import read_json
    from model.run import SESSIONS

    path = run / SESSIONS
    if not path.is_file():
        return []
    return [{key: one[key] for key in _SESSION if key in one} for one in read_json(path)]
