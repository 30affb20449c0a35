"""A finished run made into what the node serves."""

from pathlib import Path
from typing import Any, Final

from model.commands import unseen
from model.commands.evaluation import measure
from model.commands.prediction import device_of
from model.commands.progress import Report, silent

_EVALUATION: Final = "evaluation"


def bundle(
    run: Path,
    folder: Path,
    name: str,
    version: str = "1.0.0",
    *,
    cases: Path | None = None,
    phantoms: int = 20,
    device: str = "auto",
    report: Report = silent,
) -> dict[str, Any]:
    """Make a bundle of a finished run, measure it, and write the results into its card.

    The evaluation with its pictures stays in the run folder, for they may show patients.

    Args:
        run: folder of a finished run.
        folder: of the new bundle; an older bundle in it is replaced.
        name: of the bundle.
        version: of its content.
        cases: index file (its test part) or folder of cases to measure on; None takes the test
            part of the index that the run learned from, else what was held out to validate; a run
            on phantoms gets others.
        phantoms: how many to draw then.
        device: `auto`, `gpu` or `cpu`.
        report: told about progress.

    Returns:
        the report of `model.evaluate.evaluate`.

    Raises:
        ValueError: the run is not finished; its data set is gone; the folder holds other files.
    """
    from model.export import write_bundle, write_results

    device_of(device)
    sources, words = (
        unseen.own_test_cases(run, phantoms)
        if cases is None
        else unseen.test_cases(cases, phantoms, "test")
    )
    made = write_bundle(run, folder.absolute(), name, version)
    result = measure(made, sources, run / _EVALUATION, device=device, report=report)
    write_results(folder.absolute(), result, words)
    return result
