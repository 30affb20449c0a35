"""One network of the two-stage localiser trained on an endless stream of synthetic scans."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from model import tensorflow_environment
from model.commands.progress import Report, silent

if TYPE_CHECKING:
    from model.localiser.source import ScanSource
    from model.localiser.spec import CoarseSpec, FineSpec

Stage = Literal["coarse", "fine"]

STEPS: "Final[Mapping[Stage, int]]" = {"coarse": 7_500, "fine": 2_000}
BATCH: "Final[Mapping[Stage, int]]" = {"coarse": 2, "fine": 20}
ANATOMIES: Final = 400
FIRST_SEED: Final = 1000
_STREAM_SEED: Final = 40_000  # of run seed 0; keeps the streams of runs apart
_SMOOTHED: Final = 0.98
_KEPT_MAPS: Final = "label-maps"


@dataclass(frozen=True, slots=True)
class Stream:
    """What a run learns from.

    Attributes:
        anatomies: folder of drawn anatomies; those that are missing are drawn into it.
        count: how many anatomies.
        first_seed: of them.
        label_maps: folder of NIfTI label maps of others; None takes none.
        label_map_share: share of the scans that image them.
        t1_only: draw T1 contrasts alone instead of the mix of T1, T2 and free ones.
        background: keep the tissues around the spine.
    """

    anatomies: Path
    count: int = ANATOMIES
    first_seed: int = FIRST_SEED
    label_maps: Path | None = None
    label_map_share: float = 0.1
    t1_only: bool = False
    background: bool = True

    def __post_init__(self) -> None:
        if self.count < 1 or self.first_seed < 0:
            raise ValueError(f"{self.count} anatomies from seed {self.first_seed}: expected some")
        if not 0 < self.label_map_share < 1:
            raise ValueError(
                f"a share of {self.label_map_share}; expected more than 0, less than 1"
            )

    def in_words(self) -> str:
        """Tell what is learned from, for the model card."""
        last = self.first_seed + self.count - 1
        words = f"{self.count} drawn anatomies (seeds {self.first_seed} to {last}), imaged anew "
        words += "with T1 contrasts alone" if self.t1_only else "with T1, T2 and free contrasts"
        words += "" if self.background else ", without the tissues around the spine"
        if self.label_maps is not None:
            words += f", and label maps ({self.label_map_share:.0%} of the scans)"
        return words


def train(
    out: Path,
    stage: Stage,
    stream: Stream,
    *,
    steps: int | None = None,
    batch_size: int | None = None,
    seed: int = 1,
    start: str | Path | None = None,
    processes: int = 1,
    decoys: bool = True,
    checkpoint_every_s: float = 300.0,
    report: Report = silent,
) -> Path:
    """Train one network; the same command continues a run that was stopped.

    Args:
        out: run folder, see `model.localiser.training.train`; `data.json` in it lists the subjects.
        stage: which network.
        stream: what it learns from.
        steps: by default 15,000 volumes or 40,000 crops.
        batch_size: volumes, or crops of one scan, for each step; by default 2 or 20.
        seed: of initial weights and of the stream.
        start: bundle or finished run whose weights of this network are begun with.
        processes: how many make scans while the network learns; 0 makes them in between.
        decoys: False trains a coarse network that does not know the foramina above and below.
        checkpoint_every_s: what a kill costs at most.
        report: told about progress.

    Returns:
        the path of the averaged weights.

    Raises:
        ValueError: unusable anatomies or label maps; a folder with another run; a start with
            another network.
    """
    from model.localiser import record
    from model.localiser import start as starts
    from model.localiser.training import RunSpec
    from model.localiser.training import train as run

    tensorflow_environment.prepare()
    network = _network(stage, decoys)
    begun = starts.find(start, network) if start is not None else None
    source = _source(
        network, stream, batch_size or BATCH[stage], seed, processes=processes, report=report
    )
    spec = RunSpec(network, steps or STEPS[stage], seed=seed, data=stream.in_words())
    spec = replace(spec, warmup_steps=min(spec.warmup_steps, spec.steps // 5))
    if begun:
        spec = replace(spec, start=begun.digest, data=f"{spec.data}; before that, {begun.data}")
    record.claim(out, source, begun.subjects if begun else ())
    tell = _Smoothed(report, f"training {stage}", spec.steps)
    return run(
        spec,
        source,
        out,
        start_weights=begun.weights if begun else None,
        processes=processes,
        checkpoint_every_s=checkpoint_every_s,
        report=tell,
    )


def _network(stage: Stage, decoys: bool) -> "CoarseSpec | FineSpec":
    from model.localiser.spec import DECOYS, POINTS, CoarseSpec, FineSpec

    if stage == "coarse":
        return CoarseSpec(tuple(name for name in POINTS if decoys or name not in DECOYS))
    if not decoys:
        raise ValueError("the fine network knows no levels: decoys concern the coarse one alone")
    return FineSpec()


def _source(
    network: "CoarseSpec | FineSpec",
    stream: Stream,
    batch_size: int,
    seed: int,
    *,
    processes: int,
    report: Report,
) -> "ScanSource":
    from model.localiser.source import ScanSource
    from model.localiser.spec import CoarseSpec
    from model.synthetic import cache
    from model.synthetic.contrast import Priors

    seeds = range(stream.first_seed, stream.first_seed + stream.count)
    done = iter(range(1, stream.count + 1))
    files = cache.build(
        stream.anatomies.absolute(),
        seeds,
        max(processes, 1),
        lambda _: report("drawing anatomies", next(done), stream.count),
    )
    if stream.label_maps is not None:
        files += _maps(stream, needs_foramina=not isinstance(network, CoarseSpec))
    options: dict[str, Any] = {"priors": Priors(1.0, 0.0, 0.0)} if stream.t1_only else {}
    return ScanSource(
        network, tuple(files), _STREAM_SEED + seed, batch_size, stream.background, options
    )


def _maps(stream: Stream, needs_foramina: bool) -> list[Path]:
    """List kept label maps, each as often as the share of their scans asks for."""
    from model.localiser.label_maps import keep

    if stream.label_maps is None:
        return []
    kept = keep(stream.label_maps, stream.anatomies.absolute() / _KEPT_MAPS, needs_foramina)
    wanted = stream.count * stream.label_map_share / (1 - stream.label_map_share)
    return kept * max(round(wanted / max(len(kept), 1)), 1)


class _Smoothed:
    """Reports the losses of a training as running means."""

    def __init__(self, report: Report, what: str, steps: int) -> None:
        self._report, self._what, self._steps = report, what, steps
        self._mean: dict[str, float] = {}

    def __call__(self, step: int, losses: Mapping[str, float]) -> None:
        for name, value in losses.items():
            before = self._mean.get(name, value)
            self._mean[name] = _SMOOTHED * before + (1 - _SMOOTHED) * value
        words = ", ".join(f"{name} {value:.3f}" for name, value in self._mean.items())
        self._report(self._what, step, self._steps, words)
