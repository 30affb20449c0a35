"""The certainty of two trained networks, fitted on scans that neither was trained on."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from model.commands.progress import Report, silent
from model.localiser.certainty import CertaintySpec
from model.localiser.method import TtaSpec

if TYPE_CHECKING:
    from model.localiser.calibration import Judged
    from model.localiser.held_out import Read
    from model.localiser.pair import Pair

FORM: Final = "foramina-certainty/1"
SEED: Final = 1


class Calibrated(BaseModel):
    """The file that a calibration leaves.

    Attributes:
        form: name and version of the file's form.
        networks: digest of weights, specifications and test-time augmentation; a certainty belongs
            to these networks alone.
        certainty: what was fitted.
        tta: how often the networks were asked; a bundle asks as often.
        scans: how many it was fitted on.
        measured: see `model.localiser.reliability.report`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["foramina-certainty/1"] = FORM
    networks: str
    certainty: CertaintySpec
    tta: TtaSpec
    scans: int
    measured: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Demands:
    """What the thresholds must keep; see `model.localiser.calibration.calibrate`."""

    most_shifted: float = 0.005
    most_far: float = 0.01
    least_scans: float = 0.92
    least_points: float = 0.95


@dataclass(frozen=True, slots=True)
class Scans:
    """What is calibrated or measured on: cases, or anatomies that are imaged.

    Attributes:
        cases: index file (its part `validation`) or folder of cases; None images anatomies.
        anatomies: folder; those that are missing are drawn into it.
        count: scans to image, each of another anatomy.
        first_seed: of the anatomies.
        part: of an index.
    """

    cases: Path | None = None
    anatomies: Path | None = None
    count: int = 400
    first_seed: int = 5000
    part: Literal["train", "validation", "test"] = "validation"


def calibrate(
    coarse: Path,
    fine: Path,
    scans: Scans,
    out: Path,
    *,
    demands: Demands = Demands(),
    tta: TtaSpec | None = None,
    processes: int = 2,
    report: Report = silent,
) -> Calibrated:
    """Run both networks over held-out scans and fit when they can be trusted.

    What each scan gave is kept beside `out` (`NAME.evidence.jsonl`); the same command goes on where
    it was stopped.

    Args:
        coarse: run folder of the coarse network.
        fine: run folder of the fine one.
        scans: with truth; networks that saw them would be too sure.
        out: JSON file for the certainty; a table (.md) and a picture (.png) come beside it.
        demands: what the thresholds must keep.
        tta: how often the networks are asked.
        processes: how many work at a time.
        report: told about progress.

    Raises:
        ValueError: an unfinished run; scans that were learned from; too few scans; evidence of
            other networks or scans beside `out`.
    """
    from model.json_file import write_json
    from model.localiser import reliability
    from model.localiser.calibration import calibrate as fitted
    from model.localiser.calibration import clear, crossed
    from model.localiser.held_out import with_controls
    from model.localiser.pair import Pair

    pair = Pair.of_runs(coarse, fine, tta)
    readers, words = read_scans(scans, (coarse, fine), processes, report)
    judged = _judged(pair, with_controls(readers), out, processes, report)
    certainty = fitted(judged, **asdict(demands), calibrated_on=f"calibrated on {words}")
    measured = reliability.report(crossed(clear(judged)), certainty)
    measured |= reliability.left_out(judged, certainty)
    found = Calibrated(
        networks=pair.digest(),
        certainty=certainty,
        tta=pair.tta,
        scans=len(readers),
        measured=measured,
    )
    write_json(out, found.model_dump(mode="json"))
    table = reliability.markdown(measured, certainty.calibrated_on)
    out.with_suffix(".md").write_text(table, encoding="utf-8")
    reliability.draw(measured, out.with_suffix(".png"))
    return found


def read_calibrated(path: Path) -> Calibrated:
    """Read the file of a calibration.

    Raises:
        ValueError: it is none.
    """
    from model.json_file import parse, read_json

    return parse(path, Calibrated, read_json(path))


def read_scans(
    scans: Scans, runs: Sequence[Path], processes: int, report: Report
) -> "tuple[list[Read], str]":
    """Prepare to read or image scans, and tell them in words.

    Raises:
        ValueError: neither or both kinds are named; there is none; a run learned from them.
    """
    from model.localiser.held_out import OfCase, of_anatomies

    if (scans.cases is None) == (scans.anatomies is None):
        raise ValueError("name either cases or anatomies to image")
    if scans.cases is not None:
        from model.commands.unseen import test_cases

        readers, _ = test_cases(scans.cases, 0, scans.part)
        return [OfCase(reader) for reader in readers], f"{len(readers)} cases"
    from model.synthetic import cache

    folder = Path(scans.anatomies or "").absolute()
    seeds = range(scans.first_seed, scans.first_seed + scans.count)
    _refuse_seen(seeds, runs)
    done = iter(range(1, scans.count + 1))
    files = cache.build(
        folder, seeds, processes, lambda _: report("drawing anatomies", next(done), scans.count)
    )
    last = scans.first_seed + scans.count - 1
    words = f"{scans.count} synthetic scans only (seeds {scans.first_seed} to {last})"
    return of_anatomies(files, scans.count, SEED), words


def _refuse_seen(seeds: range, runs: Sequence[Path]) -> None:
    """Refuse anatomies that a run learned from."""
    from model.localiser.record import subjects
    from model.synthetic import cache

    wanted = {cache.path_of(Path(), seed).name for seed in seeds}
    for run in runs:
        seen = sorted(wanted & set(subjects(run)))
        if seen:
            raise ValueError(
                f"{run} learned from {len(seen)} of these anatomies ({seen[0]} ...); take other "
                "seeds, for example --first-seed 5000"
            )


def _judged(
    pair: "Pair", readers: "Sequence[Read]", out: Path, processes: int, report: Report
) -> "list[Judged]":
    """Judge every scan, those that are written down already from their lines."""
    from model.localiser.calibration import from_line, to_line
    from model.localiser.held_out import digest
    from model.workers import each

    out.parent.mkdir(parents=True, exist_ok=True)
    path = out.with_suffix(".evidence.jsonl")
    header = {"form": FORM, "networks": pair.digest(), "scans": digest(readers)}
    lines = _kept(path, header)
    rest = readers[len(lines) :]
    with path.open("a", encoding="utf-8") as file:
        for one in each(partial(_judge, pair), rest, processes):
            line = to_line(one)
            file.write(json.dumps(line) + "\n")
            file.flush()
            lines.append(line)
            report("judging scans", len(lines), len(readers))
    return [from_line(line) for line in lines]


def _judge(pair: "Pair", read: "Read") -> "Judged":
    from model.localiser.answer import answer
    from model.localiser.calibration import as_control, judge
    from model.localiser.held_out import Control

    scan = read()
    said = answer(scan.pixels, scan.affine, pair.networks())
    judged = judge(said, scan.points, scan.expected, pair.chain)
    return as_control(judged) if isinstance(read, Control) else judged


def _kept(path: Path, header: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the lines of an earlier calibration; begin the file where there is none.

    Raises:
        ValueError: they are of other networks or scans.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    if whole and whole[0] != header:
        raise ValueError(
            f"{path} holds the evidence of other networks or scans; delete it, or name another "
            "file for the certainty"
        )
    lines = whole or [header]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return lines[1:]
