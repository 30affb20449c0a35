"""The weighting of a series: by its timing, and as the description says.

Thresholds, from real headers (SPIDER, doi 10.5281/zenodo.10159290, 447 lumbar series): T1 spin echo
has RepetitionTime 446..746 and EchoTime 7..14 ms (196 series); T2 spin echo 1970..5570 and
80..124 ms (210 series); T2 SPACE 1000..1430 and 123..124 ms (41 series). Low-field T1 reaches an
EchoTime of 25 ms. Between the classes lies a gap where timing does not tell, and the description
decides.
"""

import re
from typing import Final

from pydicom.dataset import Dataset

from node.filters.finding import Finding, agreed
from node.filters.wording import described, description, words
from node.headers import Headers, first_number, tokens

WEIGHTINGS: Final = ("T1", "T2", "T2*", "PD", "STIR", "FLAIR")

T1_SPIN_ECHO_MAX_TR_MS: Final = 1000
T1_MAX_TE_MS: Final = 30
T2_MIN_TR_MS: Final = 1000
T2_MIN_TE_MS: Final = 60
PD_MIN_TR_MS: Final = 1500
PD_MAX_TE_MS: Final = 40
STIR_MAX_TI_MS: Final = 300  # fat is nulled at about 150 ms (1.5 T) to 230 ms (3 T)
T1_MAX_TI_MS: Final = 1400  # T1-FLAIR and MPRAGE: 400..1000 ms in real headers
T1_INVERSION_MAX_TE_MS: Final = 45
FLAIR_MIN_TI_MS: Final = 1500  # water is nulled at 1700..2800 ms
T2_STAR_MIN_TE_MS: Final = 12
T1_GRADIENT_MIN_FLIP_DEG: Final = 40
SPOILED_MAX_TR_MS: Final = 50

_VERTEBRAE = re.compile(r"(?<![a-z0-9])[ctl]\d{1,2}\s*[-/]\s*[ctls]\d{0,2}(?![a-z0-9])")
_TIMES = re.compile(r"(?<![\d/])(\d{2,5})/(\d{1,3})(?:/\d{1,4})?(?![\d/])")
_T1 = re.compile(
    r"(?<![a-z0-9])(?:e|s|o|w?fs)?t1(?![0-9])"
    r"|(?<![a-z])(?:tiwi|mp-?rage|ir-?spgr|vibe|lava|thrive|bravo)(?![a-z])"
)
_T2 = re.compile(
    r"(?<![a-z0-9])(?:e|s|o|w?fs)?t2(?![0-9])|(?<![a-z])(?:haste|myelo[a-z]*|ciss|fiesta)(?![a-z])"
)
_T2_STAR = re.compile(r"t2[ _w]*(?:\*|star)|(?<![a-z])(?:medic|merge|swi|swan)(?![a-z])")
_PD = words("e?pdw?i?", "proton", "dp")
_STIR = words("stir[a-z]*", "tirm", "ir-?fse", "irtse")
_FLAIR = words("flair", "dark.?fluid")
_BY_WORD = (
    ("FLAIR", _FLAIR), ("STIR", _STIR), ("T1", _T1), ("T2*", _T2_STAR), ("T2", _T2), ("PD", _PD),
)  # fmt: skip
_DIFFUSION = words("dwi?i?", "dti", "diff[a-z]*", "adc", "trace")


def weighting(headers: Headers) -> Finding:
    """Tell the weighting, timing first, the description when timing does not tell.

    Without RepetitionTime and EchoTime the description alone decides (SeriesDescription, or
    ProtocolName when there is none).
    """
    timed = timed_weighting(headers)
    if timed.value is not None:
        return timed
    keyword, text = description(headers)
    value = weighting_in_words(text)
    if value is not None:
        return Finding(value, f"{keyword}, as {timed.source}")
    return Finding(None, f"{timed.source}; {keyword} names no single weighting")


def described_weighting(headers: Headers) -> Finding:
    """Tell the weighting, SeriesDescription first (thesis section 5.2), then the timing."""
    value = weighting_in_words(described(headers, "SeriesDescription"))
    if value is not None:
        return Finding(value, "SeriesDescription")
    timed = timed_weighting(headers)
    if timed.value is not None:
        return timed
    return Finding(None, f"SeriesDescription names no single weighting; {timed.source}")


def description_contradiction(headers: Headers) -> Finding:
    """Tell whether description and timing disagree on being T1-weighted.

    True when the description says T2, T2*, PD, STIR, TIRM, FLAIR or diffusion and the timing says
    T1, or the description says T1 and the timing says otherwise. T2 against PD is no contradiction
    here: both are long, and neither is T1.
    """
    keyword, text = description(headers)
    said = weighting_in_words(text)
    if said is None and _DIFFUSION.search(text):
        said = "diffusion"
    timed = timed_weighting(headers)
    if said is None or timed.value is None:
        return Finding(False, f"{keyword} or timing names no weighting")
    contradicts = (said == "T1") != (timed.value == "T1")
    measured = " and ".join(str(value) for value in timed.values)
    return Finding(contradicts, f"{keyword} says {said}, {timed.source} says {measured}")


def timed_weighting(headers: Headers) -> Finding:
    """Tell the weighting from the timing of every instance; the source names the numbers."""
    found = agreed([_timed(header) for header in headers], _timing(headers))
    if found.value is not None:
        return found
    return Finding(None, f"timing does not tell: {found.source}")


def weighting_in_words(text: str) -> str | None:
    """Find the weighting that a folded description names; None when it names none or several.

    Vertebra ranges such as `C1-T1` are no weighting. Old consoles write the timing instead:
    `SE 420/19` is RepetitionTime 420 and EchoTime 19.
    """
    text = _VERTEBRAE.sub(" ", text)
    t1 = _T1.search(text) is not None
    if t1 and (_T2.search(text) or _T2_STAR.search(text)):
        return None
    if t1 and _FLAIR.search(text):
        return "T1"
    for name, pattern in _BY_WORD:
        if pattern.search(text):
            return name
    times = _TIMES.search(text)
    return spin_echo(float(times[1]), float(times[2])) if times else None


def spin_echo(tr_ms: float, te_ms: float) -> str | None:
    """Classify a spin echo by RepetitionTime and EchoTime; None in the gaps between classes."""
    if te_ms >= T2_MIN_TE_MS and tr_ms >= T2_MIN_TR_MS:
        return "T2"
    if tr_ms <= SPOILED_MAX_TR_MS:
        return None  # no spin echo repeats that fast
    if tr_ms < T1_SPIN_ECHO_MAX_TR_MS and te_ms < T1_MAX_TE_MS:
        return "T1"
    if tr_ms >= PD_MIN_TR_MS and te_ms <= PD_MAX_TE_MS:
        return "PD"
    return None


def inversion_recovery(te_ms: float, ti_ms: float | None, gradient: bool) -> str | None:
    """Classify an inversion recovery by InversionTime and EchoTime.

    Short: fat is nulled (STIR, TIRM). Middle, with a short echo: T1 (T1-FLAIR, MPRAGE), whatever
    the RepetitionTime. Long: water is nulled (FLAIR). Without an InversionTime only a long echo
    tells: T2.
    """
    if ti_ms is None:
        return "T2" if te_ms >= T2_MIN_TE_MS else None
    if ti_ms <= STIR_MAX_TI_MS:
        return None if gradient else "STIR"
    if ti_ms <= T1_MAX_TI_MS and te_ms < T1_INVERSION_MAX_TE_MS:
        return "T1"
    return "FLAIR" if ti_ms >= FLAIR_MIN_TI_MS else None


def gradient_echo(
    tr_ms: float, te_ms: float, flip_angle_deg: float | None, variant: frozenset[str]
) -> str | None:
    """Classify a gradient echo: a long echo is T2*, a short one T1 when spoiled or flipped far.

    `variant` is SequenceVariant (PS3.3 section C.8.3.1): SP spoiled, MP magnetisation prepared.
    """
    if te_ms >= T2_STAR_MIN_TE_MS:
        return "T2*"
    if tr_ms <= SPOILED_MAX_TR_MS:
        return "T1" if variant & {"SP", "MP"} else None
    far = flip_angle_deg is not None and flip_angle_deg >= T1_GRADIENT_MIN_FLIP_DEG
    return "T1" if far else None


def _timed(header: Dataset) -> str | None:
    """Classify one instance; InversionTime 0 (GE, Hitachi) means none."""
    tr_ms, te_ms = first_number(header, "RepetitionTime"), first_number(header, "EchoTime")
    if tr_ms is None or te_ms is None or tr_ms <= 0 or te_ms <= 0:
        return None
    sequence = tokens([header], "ScanningSequence")
    ti_ms = first_number(header, "InversionTime") or None
    if ti_ms is not None or "IR" in sequence:
        return inversion_recovery(te_ms, ti_ms, "GR" in sequence)
    if "GR" in sequence:
        flip_angle_deg = first_number(header, "FlipAngle")
        return gradient_echo(tr_ms, te_ms, flip_angle_deg, tokens([header], "SequenceVariant"))
    return spin_echo(tr_ms, te_ms)


def _timing(headers: Headers) -> str:
    """Name the timing of the series: `RepetitionTime 560, EchoTime 9.4`."""
    said = []
    for keyword in ("RepetitionTime", "EchoTime", "InversionTime"):
        known = {number for header in headers if (number := first_number(header, keyword))}
        if known:
            said.append(f"{keyword} {' or '.join(f'{number:g}' for number in sorted(known)[:3])}")
        elif keyword != "InversionTime":
            said.append(f"no {keyword}")
    sequence = sorted(tokens(headers, "ScanningSequence"))
    return ", ".join(said + ([f"ScanningSequence {'/'.join(sequence[:4])}"] if sequence else []))
