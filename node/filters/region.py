"""Which part of the body a series shows, as its descriptions say."""

from typing import Final

from node.filters.finding import Finding
from node.filters.wording import described, words
from node.headers import Headers

REGIONS: Final = (
    "lumbar",
    "cervical",
    "thoracic",
    "sacral",
    "whole spine",
    "other body part",
    "several",
    "unknown",
)

_SOURCES = ("SeriesDescription", "ProtocolName", "StudyDescription", "BodyPartExamined")

# fmt: off
_WHOLE = words(
    "(?:whole|total|full|entire|complete)\\W?spine", "gws", "rachis entier",
    "(?:totale|hele|ganze) (?:wk|wervelkolom|ws)", "columna (?:completa|total)",
)
_WORDS = {
    "lumbar": words(
        "[a-z]*l[uo]mb[a-z]*", "lw[ksz]", "lenden[a-z]*", "(?:t[ _-]?)?l[ _-]?sp(?:ine)?",
        "l[ _/-]?s[ _-]?sp(?:ine)?", "l5?[/ -]s1?", "ls", "l\\d\\s*[-/]\\s*[ls]\\d?",
    ),
    "cervical": words(
        "cerv[a-z]*", "zervi[a-z]*", "cw[ksz]", "hws", "c[ _-]?(?:t[ _-]?)?sp(?:ine)?",
        "hals[a-z]*", "neck", "nuque", "cou", "cuello", "c\\d\\s*[-/]\\s*[ct]\\d{1,2}",
    ),
    "thoracic": words(
        "[a-z]*thora[a-z]*", "tora[ck][a-z]*", "(?:cervico)?dors[ao][a-z]*", "tw[ksz]", "thwk",
        "bw[ksz]", "dwk", "brustw[a-z]*", "th?[ _-]?(?:l[ _-]?)?sp(?:ine)?",
        "c[ _-]?t[ _-]?sp(?:ine)?", "(?:t|th)\\d{1,2}\\s*[-/]\\s*(?:t|th)\\d{1,2}",
    ),
    "sacral": words(
        "sacr[a-z]*", "sakr[a-z]*", "si\\W?(?:joints?|gewricht[a-z]*|gelenk[a-z]*)", "isg",
        "iliosa[ck]r[a-z]*", "s[ _-]?spine", "coccyx", "stuit[a-z]*", "steissbein",
    ),
    "other body part": words(
        "head", "brain", "hoofd", "hersen[a-z]*", "schedel", "kopf", "gehirn", "schadel", "tete",
        "crane", "cerebr[a-z]*", "encephal[a-z]*", "cabeza", "craneo", "orbit[a-z]*", "pituitary",
        "hypophy[a-z]*",
        "knee", "knie", "genou", "rodilla", "hips?", "heup", "hufte", "hanche", "cadera",
        "shoulder", "schouder", "schulter", "epaule", "hombro", "elbow", "elleboog", "ellbogen",
        "coude", "codo", "wrist", "pols", "handgelenk", "poignet", "muneca", "hand", "mano",
        "ankle", "enkel", "sprunggelenk", "cheville", "tobillo", "foot", "voet", "fuss", "pied",
        "femur", "thigh", "tibia", "leg", "humerus",
        "abdom[a-z]*", "bauch", "buik", "liver", "lever", "leber", "foie", "higado", "kidney[a-z]*",
        "nier[a-z]*", "pelvis", "pelvic", "bekken", "becken", "bassin", "prosta[a-z]*", "uterus",
        "rectum", "breast", "mamma[a-z]*", "borst", "chest", "heart", "hart", "herz",
        "cardia[a-z]*", "coeur", "corazon", "aorta",
    ),
}
# fmt: on


def spine_region(headers: Headers) -> Finding:
    """Tell the region from the first attribute that names one.

    SeriesDescription, ProtocolName, StudyDescription, BodyPartExamined are asked in this order, for
    words of English, Dutch, German, French and Spanish. BodyPartExamined comes last because it lies
    most: it was wrong in 15 % of images (Gueld et al. 2002, doi 10.1117/12.467017); a real cervical
    series says LSPINE, a real lumbar one TSPINE.

    Lumbar with sacral is lumbar (`L-S`, lumbosacral). Two regions in one attribute are `several`,
    except in StudyDescription: a study of two regions says nothing about one of its series. A
    series that no attribute places (`MRI RUGPOLI`, `SPINE`) is `unknown`.
    """
    for keyword in _SOURCES:
        named = _regions(described(headers, keyword))
        if len(named) == 1:
            return Finding(named[0], keyword)
        if named and keyword != "StudyDescription":
            return Finding("several", f"{keyword} names {' and '.join(named)}")
    return Finding("unknown", f"{', '.join(_SOURCES)} name none")


def _regions(text: str) -> list[str]:
    if _WHOLE.search(text):
        return ["whole spine"]
    named = [region for region, pattern in _WORDS.items() if pattern.search(text)]
    if "lumbar" in named and "sacral" in named:
        named.remove("sacral")
    return named
