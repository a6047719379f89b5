"""Which of several forms of a thing a reader wants: the `Accept` header of RFC 9110."""

import re
from collections.abc import Sequence

from augury.kit.errors import Refusal

_MOST_RANGES = 50
_RANGE = re.compile(r"([\w!#$&^.+\-]+|\*)/([\w!#$&^.+\-]+|\*)")
_WEIGHT = re.compile(r"q\s*=\s*([01](?:\.\d{0,3})?)")


class NotAcceptable(Refusal):
    """None of the forms that there are is one that the reader takes."""

    code = "not_acceptable"
    status = 406


def choose(accept: str | None, offered: Sequence[str]) -> str:
    """Return the media type that the reader likes best, or raise `NotAcceptable`.

    Of two that are liked alike, the one that is named more exactly wins, then the one that is
    offered first. A reader that says nothing gets the first.
    """
    if not (accept or "").strip():
        return offered[0]
    ranges = [_parsed(part) for part in (accept or "").lower().split(",")[:_MOST_RANGES]]
    liked = []
    for place, media_type in enumerate(offered):
        # How exactly a range names it decides which range speaks of it at all.
        exactness, weight = max(
            (_exactness(wanted, media_type), weight) for wanted, weight in ranges
        )
        if exactness and weight:
            liked.append((-weight, -exactness, place))
    if not liked:
        raise NotAcceptable(offered=", ".join(offered))
    return offered[min(liked)[2]]


def _parsed(part: str) -> tuple[str, float]:
    """Return a media range and its weight; one that is no range matches nothing."""
    wanted, *parameters = (piece.strip() for piece in part.split(";"))
    weights = [found[1] for one in parameters if (found := _WEIGHT.fullmatch(one))]
    return wanted if _RANGE.fullmatch(wanted) else "", min(float((weights or ["1"])[0]), 1.0)


def _exactness(wanted: str, media_type: str) -> int:
    kind = media_type.partition("/")[0]
    return {media_type: 3, f"{kind}/*": 2, "*/*": 1}.get(wanted, 0)
