"""What the command line offers of the model; TensorFlow is imported only where it runs.

These functions may draw progress bars (on standard error); everything below them is silent.
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from model.landmark import Prediction

if TYPE_CHECKING:
    from rich.progress import Progress

    from model.cases import Case
    from model.dataset import TrainingVolume
    from model.preprocess import PreprocessSpec
    from model.train import TrainSpec

DEFAULT_BUNDLE: Final = "phantom-1"
_TRAINING_SEED: Final = 10_000
_VALIDATION_SEED: Final = 20_000
_TEST_SEED: Final = 30_000
_VALIDATION_PHANTOMS: Final = 8


def train(
    out: Path,
    *,
    preset: str = "multinet-lower-resolution",
    cases: Path | None = None,
    phantoms: int = 96,
    steps: int = 700,
    batch_size: int | None = None,
    schedule: str = "short",
    seed: int = 1,
) -> Path:
    """Train a preset; the same command continues a run that was stopped.

    Args:
        out: run folder.
        preset: name in `model.networks.PRESETS`.
        cases: folder of cases to learn from (every tenth validates); None draws phantoms.
        phantoms: how many to draw, seeds 10000 and up; 8 others validate.
        steps: optimisation steps.
        batch_size: examples per step; None takes the preset's.
        schedule: name in `model.train.SCHEDULES`: `short` or `thesis`.
        seed: of the run.

    Returns:
        the path of the weights.

    Raises:
        ValueError: unknown preset or schedule; unusable cases; a folder with another run.
    """
    from model import networks
    from model.train import SCHEDULES, TrainSpec

    chosen = networks.preset(preset)
    if schedule not in SCHEDULES:
        raise ValueError(f"no schedule is called {schedule!r}; there are {', '.join(SCHEDULES)}")
    driven = SCHEDULES[schedule]
    spec = TrainSpec(
        network=chosen.network,
        preprocess=chosen.preprocess,
        augmentation=driven.augmentation,
        loss=chosen.loss,
        steps=steps,
        batch_size=batch_size or chosen.batch_size,
        learning_rate=driven.learning_rate,
        warmup_steps=driven.warmup_steps,
        final_learning_rate=driven.final_learning_rate,
        foramen_share=driven.foramen_share,
        seed=seed,
        cases=_in_words(cases, phantoms),
    )
    with _progress() as progress:
        if cases is None:
            training = _drawn(progress, _TRAINING_SEED, phantoms, spec.preprocess)
            validation = _drawn(progress, _VALIDATION_SEED, _VALIDATION_PHANTOMS, spec.preprocess)
        else:
            training, validation = _read(progress, cases, spec.preprocess)
        return _run(progress, spec, training, validation, out)


def _run(
    progress: "Progress",
    spec: "TrainSpec",
    training: "list[TrainingVolume]",
    validation: "list[TrainingVolume]",
    out: Path,
) -> Path:
    from model import train as training_loop

    task = progress.add_task("training", total=spec.steps)

    def report(state: training_loop.Progress) -> None:
        text = f"training, Dice {sum(state.dice) / len(state.dice):.2f}"
        progress.update(task, completed=state.step, description=text)

    return training_loop.train(spec, training, validation, out, report=report)


def _in_words(cases: Path | None, phantoms: int) -> str:
    if cases is not None:
        return f"the cases of the folder {cases.name}"
    last = _TRAINING_SEED + phantoms - 1
    return f"{phantoms} synthetic phantoms (seeds {_TRAINING_SEED} to {last})"


def _drawn(
    progress: "Progress", first_seed: int, count: int, spec: "PreprocessSpec"
) -> "list[TrainingVolume]":
    """Draw phantoms in worker processes and prepare them."""
    seeds = range(first_seed, first_seed + count)
    with ProcessPoolExecutor() as pool:
        volumes = pool.map(_phantom_volume, seeds, [spec] * count, chunksize=2)
        return list(progress.track(volumes, total=count, description="drawing phantoms"))


def _phantom_volume(seed: int, spec: "PreprocessSpec") -> "TrainingVolume":
    from model.dataset import training_volume

    return training_volume(_phantom_case(seed), spec)


def _phantom_case(seed: int) -> "Case":
    from model import volume
    from model.cases import Case
    from model.phantom import drawing, series

    drawn = drawing.draw(seed)
    pixels = volume.from_datasets(series.datasets(drawn))
    return Case(series.case_name(seed), pixels, drawn.points, drawn.marks)


def _read(
    progress: "Progress", cases: Path, spec: "PreprocessSpec"
) -> "tuple[list[TrainingVolume], list[TrainingVolume]]":
    from model.cases import case_folders, read_case
    from model.dataset import training_volume

    folders = case_folders(cases)
    volumes = [
        training_volume(read_case(folder), spec)
        for folder in progress.track(folders, description="reading cases")
    ]
    if len(volumes) < 2:
        raise ValueError(f"{cases} holds {len(volumes)} case; expected at least 2 to train")
    held_out = volumes[::10]
    return [one for index, one in enumerate(volumes) if index % 10], held_out


def predict(folder: Path, bundle: str = DEFAULT_BUNDLE, device: str = "auto") -> Prediction:
    """Find the foramina of the series whose DICOM files lie in a folder (read recursively).

    Raises:
        ValueError: no such bundle or device, or the files make no volume.
    """
    from model import bundle as bundles
    from model import volume
    from model.predictor import Predictor

    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    images = [path for path in paths if path.name not in {"truth.json", "DICOMDIR"}]
    loaded = bundles.load(bundle)
    series = volume.load(images)
    with _progress() as progress:
        tasks: dict[str, Any] = {}

        def report(step: str, share: float) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=1.0)
            progress.update(tasks[step], completed=share)

        return Predictor(loaded, _device(device)).predict(series, report)


def evaluate(
    cases: Path | None = None,
    bundle: str = DEFAULT_BUNDLE,
    out: Path | None = None,
    *,
    phantoms: int = 20,
    device: str = "auto",
) -> dict[str, Any]:
    """Measure a bundle on cases with truth.

    Args:
        cases: folder of cases; None draws phantoms that no training saw (seeds 30000 and up).
        bundle: name or folder.
        out: folder for `evaluation.json` and `evaluation.md`; None writes nothing.
        phantoms: how many to draw.
        device: `auto`, `gpu` or `cpu`.

    Returns:
        the report of `model.evaluate.evaluate`; `model.evaluate.markdown` makes it readable.

    Raises:
        ValueError: no such bundle or device, or unusable cases.
    """
    from model import bundle as bundles
    from model.cases import case_folders
    from model.evaluate import evaluate as measure
    from model.evaluate import markdown
    from model.predictor import Predictor

    loaded = bundles.load(bundle)
    sources: list[Path] | list[int]
    sources = (
        case_folders(cases) if cases is not None else list(range(_TEST_SEED, _TEST_SEED + phantoms))
    )
    predictor = Predictor(loaded, _device(device))
    with _progress() as progress:
        task = progress.add_task("evaluating", total=len(sources))
        report = measure(
            predictor.predict, _cases(sources), loaded, lambda _: progress.advance(task)
        )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report, indent=1)
        (out / "evaluation.json").write_text(text + "\n", encoding="utf-8")
        (out / "evaluation.md").write_text(markdown(report), encoding="utf-8")
    return report


def _cases(sources: Iterable[Path | int]) -> "Iterator[Case]":
    from model.cases import read_case

    for source in sources:
        yield _phantom_case(source) if isinstance(source, int) else read_case(source)


def export(run: Path, out: Path, name: str, version: str = "1.0.0") -> dict[str, Any]:
    """Make a bundle of a finished run, evaluate it on 20 unseen phantoms, write its card.

    Raises:
        ValueError: the run is not finished.
    """
    from model.export import write_bundle, write_results

    write_bundle(run, out, name, version)
    report = evaluate(bundle=str(out))
    last = _TEST_SEED + report["scans"] - 1
    data = f"{report['scans']} phantoms that no training saw (seeds {_TEST_SEED} to {last})"
    write_results(out, report, data)
    return report


def synthesize(out: Path, count: int = 1, seed: int = 0) -> list[Path]:
    """Write phantoms as DICOM cases: OUT/phantom-NNNNN/dicom/*.dcm and truth.json beside it.

    Returns:
        the cases' folders.
    """
    from model.phantom import write_case
    from model.phantom.series import case_name

    folders = []
    with _progress() as progress:
        seeds = range(seed, seed + count)
        for one in progress.track(seeds, description="writing phantoms"):
            folder = out / case_name(one)
            write_case(folder, seed=one)
            folders.append(folder)
    return folders


def _device(device: str) -> Any:
    if device not in {"auto", "gpu", "cpu"}:
        raise ValueError(f"device {device!r} is unknown; expected auto, gpu or cpu")
    return device


def _progress() -> "Progress":
    """Make a progress display on standard error, gone when done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
