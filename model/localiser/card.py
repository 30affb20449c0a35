"""The model card of a two-stage bundle: what it is, what it learned from, what it is worth."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from model.evaluate import markdown
from model.labels import split
from model.localiser import reliability
from model.localiser.count import coarse_parameters, fine_parameters
from model.localiser.method import TwoStageMethod

_FAR_MM: Final = 10.0
_MOST_REASONS: Final = 6

CREDITS: Final = """\
- The anatomy is drawn by code of this project. Its proportions follow published summary numbers:
  keypoints of 1,821 CT spines (VID spine keypoints, CC BY-SA 4.0) and relative distances of marked
  foramina in 1,964 sagittal T1 series (RSNA 2024 challenge; aggregates only).
- Header values of synthetic series follow SPIDER (van der Graaf et al., CC BY 4.0,
  doi 10.5281/zenodo.10159290).
- No image of a patient was used for training."""

LABEL_MAP_CREDITS: Final = """\
- Label maps that were imaged beside the drawn anatomies, named by whoever trained: see the data
  above. Those of the lumbosacral model of Remus et al. 2021 (BSD-3-Clause) follow the Visible Human
  Male of the National Library of Medicine."""


def write(
    name: str,
    version: str,
    method: TwoStageMethod,
    *,
    training: Mapping[str, Any],
    calibrated: Mapping[str, Any],
    measured: tuple[Mapping[str, Any], str] | None,
) -> str:
    """Write the card.

    Args:
        name: of the bundle.
        version: of its content.
        method: specifications and certainty.
        training: `coarse` and `fine`: how each network was trained.
        calibrated: from `model.localiser.reliability.report`.
        measured: report of `model.evaluate.evaluate`, and in words on what; None: not measured.
    """
    coarse, fine = method.coarse, method.fine
    words = [training[stage]["data"] for stage in ("coarse", "fine")]
    results = "Not evaluated yet.\n"
    failed = "Not evaluated yet.\n"
    if measured is not None:
        results = f"On {measured[1]}, as `foramina model evaluate` prints it:\n\n"
        results += markdown(measured[0])
        failed = failures(measured[0])
    return _CARD.format(
        name=name,
        version=version,
        coarse=f"{coarse_parameters(coarse):,}",
        fine=f"{fine_parameters(fine):,}",
        coarse_mm=coarse.pixel_mm,
        fine_mm=fine.pixel_mm,
        crop=" x ".join(map(str, fine.shape)),
        training="\n".join(
            f"- The {stage} network: {one['steps']:,} steps on {one['data']}."
            for stage, one in ((stage, training[stage]) for stage in ("coarse", "fine"))
        ),
        credits=CREDITS
        + ("\n" + LABEL_MAP_CREDITS if any("label map" in w for w in words) else ""),
        results=results,
        failures=failed,
        certainty=reliability.markdown(calibrated, method.certainty.calibrated_on),
        slices=f"{method.limits.slices[0]} to {method.limits.slices[1]}",
    )


def failures(report: Mapping[str, Any]) -> str:
    """Tell in words what went wrong in an evaluation; no scan is named, it may be a patient's."""
    lines = [line for line in report["foramina"] if line["yz_mm"] is not None]
    wrong: Counter[str] = Counter(
        split(line["label"])[0] for line in lines if not line["right_level"]
    )
    right = [line for line in lines if line["right_level"]]
    far: Counter[str] = Counter(
        split(line["label"])[0] for line in right if line["yz_mm"] > report["within_mm"]
    )
    very_far = sum(line["yz_mm"] > _FAR_MM for line in right)
    reasons = Counter(
        _plain(line["reason"]) for line in report["foramina"] if line["yz_mm"] is None
    )
    shifted = sum(one["shifted"] for one in report["cases"])
    told = [
        f"{shifted} of {report['scans']} scans with their levels shifted",
        f"{sum(wrong.values())} of {len(lines)} points at another level{_levels(wrong)}",
        f"{sum(far.values())} points at the right level beyond {report['within_mm']:g} mm"
        f"{_levels(far)}, {very_far} of them beyond {_FAR_MM:g} mm",
        *(f"{count} foramina without a point: {why}"
          for why, count in reasons.most_common(_MOST_REASONS)),
    ]  # fmt: skip
    return "\n".join(f"- {line}." for line in told) + "\n"


def _levels(counts: Mapping[str, int]) -> str:
    return (
        f" ({', '.join(f'{level} {counts[level]}' for level in sorted(counts))})" if counts else ""
    )


def _plain(reason: str) -> str:
    """Take the numbers out of a reason, so that equal reasons are counted together."""
    words = [
        "..." if word.strip("(),;%").replace(".", "", 1).isdigit() else word
        for word in reason.replace("left", "same").replace("right", "same").split()
    ]
    return " ".join(words).split(" (probability")[0].rstrip(".")


_CARD: Final = """\
# {name} {version}

Finds the ten lumbar neural foramina on sagittal lumbar MRI, or says why it does not.

**Not a medical device.** For research; no diagnosis and no treatment may rest on it. Learned from
synthetic scans alone.

## Method

Two networks. The coarse one ({coarse} parameters) sees all slices of a series at {coarse_mm} mm and
gives a heatmap for each foramen, for the foramina above and below (so that they are not taken for
their neighbours) and for points of the vertebrae. Dynamic programming over these names the levels:
counted upward from the sacrum, L5 is the lowest open foramen above it. The fine one ({fine}
parameters) sees {crop} voxels at {fine_mm} mm around each and gives its centre. Where the levels
are doubtful the whole scan is abstained from; where a place is doubtful the foramen is missed.

## Intended use

Sagittal lumbar MRI of adults, T1-weighted (other contrasts were learned too, but the filters of the
node pass T1), {slices} slices, the sacrum in the image. To place views or crops for people who look
at them, and to measure.

## Data

{training}

Credits and licences:

{credits}

## Results

{results}
## Failures

{failures}
The worst scans as pictures lie beside the evaluation, not in the bundle.

## Certainty

{certainty}
## Limits

- A transitional S1 is not recognised as such: levels are counted from what looks like the sacrum,
  and may differ by one from what a reader with more images says.
- A scan in which no sacrum is recognised is abstained from. That was learned from synthetic scans
  that were cut off, turned, stretched, or noise.
- Ribs are rarely visible on sagittal lumbar MRI: the count from above is no independent proof.
- Metal, fractures and tumours were learned only as far as they are drawn.
"""
