"""Models measured on cases with truth."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from model.commands import data, unseen
from model.commands.prediction import device_of
from model.commands.progress import Report, silent

if TYPE_CHECKING:
    from model.bundle import ModelBundle
    from model.index import Part, Reader

_GALLERY: Final = "worst.png"
_HALVES: Final = ("CoarseSpec", "FineSpec")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What was measured.

    Attributes:
        reports: by the name of the model; see `model.evaluate.evaluate`.
        notes: what the reader must know of them, sentences.
    """

    reports: dict[str, dict[str, Any]]
    notes: tuple[str, ...]


def evaluate(
    models: Sequence[str],
    cases: Path | None = None,
    out: Path | None = None,
    *,
    part: "Part" = "test",
    phantoms: int = 20,
    device: str = "auto",
    report: Report = silent,
) -> Evaluated:
    """Measure bundles and finished runs on the same cases.

    Args:
        models: names of shipped bundles, folders of bundles, folders of finished runs.
        cases: index file or folder of cases; None draws phantoms that no training saw.
        out: folder for evaluation.json, evaluation.md, scatter.png and worst.png, and with several
            models one folder for each and their comparison; None writes nothing.
        part: of an index.
        phantoms: how many to draw.
        device: `auto`, `gpu` or `cpu`.
        report: told about progress.

    Raises:
        ValueError: no such model or device, two models of one name, or unusable cases.
    """
    from model.compare import compare, write_comparison

    device_of(device)
    sources, words = unseen.test_cases(cases, phantoms, part)
    notes = [note for model in models if (note := _seen(Path(model), cases, sources)) is not None]
    reports: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        loaded = _loaded(models, Path(scratch))
        for name, bundle in loaded.items():
            folder = out if out is None or len(loaded) == 1 else out / name
            reports[name] = measure(
                bundle, sources, folder, device=device, report=report, what=f"evaluating {name}"
            )
    if out is not None and len(reports) > 1:
        write_comparison(compare(reports), out)
    return Evaluated(reports, (f"measured on {words}", *notes))


def measure(
    bundle: "ModelBundle",
    sources: "Sequence[Reader]",
    out: Path | None,
    *,
    device: str,
    report: Report,
    what: str = "evaluating",
) -> dict[str, Any]:
    """Measure one bundle on cases, and write and draw the results.

    Returns:
        the report of `model.evaluate.evaluate`.

    Raises:
        ValueError: no such device, or unusable cases.
    """
    from model import expected, predictor
    from model.evaluate import evaluate as measured
    from model.evaluate import write_report
    from model.gallery import WorstCases, draw

    worst, abstained = WorstCases(), WorstCases()
    done = iter(range(1, len(sources) + 1))
    result = measured(
        predictor.load(bundle, device_of(device)).predict,
        (source() for source in sources),
        bundle,
        lambda _: report(what, next(done), len(sources)),
        observe=lambda case, said, lines: (worst if said.abstained is None else abstained).see(
            case, said, lines
        ),
        expected={unseen.name_of(source): expected.of(source) for source in sources},
    )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        shown = [*worst.cases, *abstained.cases][: worst.count]  # a wrong answer is the worse one
        draw(shown, out / _GALLERY)
        write_report(result, out, gallery=_GALLERY)
    return result


def _loaded(models: Sequence[str], scratch: Path) -> "dict[str, ModelBundle]":
    """Load every model; a run is made a bundle in a folder that goes away."""
    from model import bundle as bundles
    from model.export import write_bundle

    loaded: dict[str, ModelBundle] = {}
    for model in models:
        folder = Path(model)
        name = folder.absolute().name
        if name in loaded:
            raise ValueError(f"two models are called {name!r}; rename one of the folders")
        if is_run(folder):
            _refuse_half(folder)
            loaded[name] = write_bundle(folder, scratch / name, name, "of a run")
        elif (folder / "bundle.json").is_file() or not folder.exists():
            loaded[name] = bundles.load(model)
        else:
            raise ValueError(
                f"{folder} is neither a bundle nor a run; cases are named by --cases {folder}"
            )
    return loaded


def _refuse_half(run: Path) -> None:
    """Refuse a run of one network of the two-stage localiser, which alone finds nothing.

    Raises:
        ValueError: it is one.
    """
    from model.json_file import read_json
    from model.run import SPEC

    spec = read_json(run / SPEC)
    if isinstance(spec, dict) and spec.get("kind") in _HALVES:
        raise ValueError(
            f"{run} holds one network of two; make both a bundle with "
            "`foramina model localiser bundle`, and evaluate that"
        )


def is_run(folder: Path) -> bool:
    """Tell whether a folder is that of a run."""
    from model.run import SPEC

    return (folder / SPEC).is_file()


def _seen(model: Path, cases: Path | None, sources: "Sequence[Reader]") -> str | None:
    """Say that a run learned from cases that it is to be measured on."""
    record = data.recorded(model)
    if record is None or cases is None or record["source"] != str(cases.absolute()):
        return None
    known = {*record["training"], *record["validation"]}
    seen = len(known & {unseen.name_of(source) for source in sources})
    return f"{model.name} saw {seen} of these cases in training" if seen else None
