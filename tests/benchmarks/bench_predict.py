"""Measure the two-stage localiser, DICOM files in to landmarks out; run by hand, asserts nothing.

    python -m tests.benchmarks.bench_predict [SLICES] [PIXELS] [BUNDLE]

Without a bundle, networks of full size with random weights are exported into a temporary folder:
the time does not depend on what they have learned, but random networks find nothing, so the fine
one is asked about ten places of its own in each of its two passes. Each runtime has a process of
its own. Wall seconds hold for a machine that does nothing else; processor seconds hold better
beside other work.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

REPEATS = 5
WANTED = {"tensorflow": 0.8, "openvino": 0.4, "cold": 10.0, "megabytes": 1500.0}
RUNTIMES = {"tensorflow": "cpu", "openvino": "auto"}


def main(slices: int = 18, pixels: int = 384, bundle: str = "") -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with tempfile.TemporaryDirectory() as scratch:
        paths = _series(Path(scratch) / "series", slices, pixels)
        folder = bundle or str(_in_process(_random_bundle, str(Path(scratch) / "bundle")))
        measured = {
            name: _in_process(_measure, folder, device, paths, not bundle)
            for name, device in RUNTIMES.items()
        }
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{slices} slices of {pixels} x {pixels}, {bundle or 'random weights'}")
    for name, one in measured.items():
        print(f"\n{one['runtime']}")
        _line("  warm: files to landmarks, s (median)", one["warm_s"], WANTED[name])
        _line("    processor seconds", one["warm_cpu_s"])
        for step, seconds in one["steps"].items():
            _line(f"    of which {step}, s", seconds)
        _line("  first series of another size, s", one["other_s"])
        _line("  cold: process start to first landmarks, s", one["cold_s"], WANTED["cold"])
        _line("    processor seconds", one["cold_cpu_s"])
        _line("  peak memory, MB", one["megabytes"], WANTED["megabytes"])
    ratio = measured["tensorflow"]["warm_cpu_s"] / measured["openvino"]["warm_cpu_s"]
    print(f"\nTensorFlow takes {ratio:.1f} times the processor time of OpenVINO")


def _line(what: str, value: float, wanted: float | None = None) -> None:
    print(f"{what:<52}{value:>9.3f}" + (f"  wanted: at most {wanted:g}" if wanted else ""))


def _series(folder: Path, slices: int, pixels: int) -> list[Path]:
    """Write a sagittal series of noise, 320 mm a side."""
    import numpy as np

    from model.phantom import drawing, series

    rng = np.random.default_rng(0)
    [template, *_] = series.datasets(drawing.draw(0))
    folder.mkdir(parents=True)
    paths = []
    for number in range(slices):
        template.SOPInstanceUID = f"1.2.3.{number + 1}"
        template.file_meta.MediaStorageSOPInstanceUID = template.SOPInstanceUID
        template.ImagePositionPatient = [4.4 * (number - slices / 2), -160.0, 160.0]
        template.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        template.PixelSpacing = [320 / pixels] * 2
        template.Rows = template.Columns = pixels
        template.PixelData = rng.integers(0, 900, (pixels, pixels)).astype("<u2").tobytes()
        paths.append(folder / f"{number}.dcm")
        template.save_as(paths[-1], enforce_file_format=True)
    return paths


def _random_bundle(folder: str) -> str:
    """Export full-size networks with random weights."""
    import tensorflow as tf

    from model.localiser import coarse, evidence, export, fine
    from model.localiser.certainty import CertaintySpec, Logistic
    from model.localiser.chain import ChainSpec
    from model.localiser.method import TwoStageMethod
    from model.localiser.spec import CoarseSpec, FineSpec

    def blank(names: tuple[str, ...]) -> Logistic:
        zeros = (0.0,) * len(names)
        return Logistic(names, zeros, (1.0,) * len(names), zeros, 0.0)

    certainty = CertaintySpec(blank(evidence.SCAN), 0.9, blank(evidence.FORAMEN), 0.9, "nothing")
    method = TwoStageMethod(CoarseSpec(), FineSpec(), ChainSpec(), certainty)
    tf.keras.utils.set_random_seed(1)
    weights = Path(folder).with_name("a.weights.h5"), Path(folder).with_name("b.weights.h5")
    coarse.build(method.coarse).save_weights(weights[0])
    fine.build(method.fine).save_weights(weights[1])
    made = export.write_bundle(
        Path(folder), "random-1", "0", method, coarse_weights=weights[0],
        fine_weights=weights[1], handles={}, card="random weights",
    )  # fmt: skip
    _set_half_precision(made.bundle.folder)
    return folder


def _set_half_precision(folder: Path) -> None:
    """Let OpenVINO compute in bf16, as trained networks may; random ones give nothing to check."""
    import json

    path = folder / "bundle.json"
    content = json.loads(path.read_text())
    content["method"]["openvino"] = ["bf16", "bf16"]
    path.write_text(json.dumps(content))


def _measure(folder: str, device: Any, paths: list[Path], pad: bool) -> dict[str, Any]:
    began, cpu = time.perf_counter(), time.process_time()
    from model import bundle, predictor, volume

    made = predictor.load(bundle.load(folder), device)
    if pad:
        _ask_for_ten(made)
    made.predict(volume.load(paths))
    # a process that is spawned has imported Python itself by now, a tenth of a second
    cold_s, cold_cpu_s = time.perf_counter() - began, time.process_time() - cpu
    rounds = [_one(made.predict, volume.load, paths) for _ in range(REPEATS)]
    wall, used, steps = sorted(rounds, key=lambda one: one[0])[REPEATS // 2]
    start = time.perf_counter()
    made.predict(volume.load(paths[:-3]))
    return {
        "runtime": made.runtime,
        "warm_s": wall,
        "warm_cpu_s": sorted(one[1] for one in rounds)[REPEATS // 2],
        "steps": {"read": wall - sum(steps.values()), **steps} if used else steps,
        "other_s": time.perf_counter() - start,
        "cold_s": cold_s,
        "cold_cpu_s": cold_cpu_s,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _one(
    predict: Callable[[Any], Any], load: Callable[[Any], Any], paths: list[Path]
) -> tuple[float, float, dict[str, float]]:
    start, cpu = time.perf_counter(), time.process_time()
    prediction = predict(load(paths))
    return time.perf_counter() - start, time.process_time() - cpu, prediction.seconds


def _ask_for_ten(made: Any) -> None:
    """Let a coarse network that has learned nothing be followed by ten sure places."""
    import dataclasses

    import numpy as np

    networks = made._networks
    spec = networks.coarse_spec

    def coarse(inputs: Any) -> tuple[Any, Any]:
        logits, presence = networks.coarse(inputs)
        logits = np.full_like(logits, -9.0)
        slices, rows, columns = logits.shape[1:4]
        for index, name in enumerate(spec.points):
            level = ("T12", "L1", "L2", "L3", "L4", "L5", "S1").index(name.split("-")[0])
            across = slices // 2 + {"left": 4, "right": -4}.get(name.rsplit("-")[-1], 0)
            row = 4 + round(level * 33 / (spec.pixel_mm * spec.stride))
            logits[0, across, min(row, rows - 1), columns // 2, index] = 9.0
        return logits, np.full_like(presence, 4.0)

    made._networks = dataclasses.replace(networks, coarse=coarse)


def _in_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, so that start and peak memory are its own."""
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.apply(function, arguments)


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:3]), *sys.argv[3:4])
