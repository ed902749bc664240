"""Rules for photos that don't fit a ratio: conditions that a person understands, and what is done.

A rule is written ``CONDITION: ACTION``; the first whose condition holds decides, and without one
the photo is cropped.

================  ==============================================================================
condition         holds where
================  ==============================================================================
``head-cut``      the crop box cuts a head (the flag of this name)
``subject-cut``   the crop box cuts the subject on a plain ground (the flag of this name)
``focal-outside`` the crop box leaves out the focal point (the flag of this name)
``width<600``     the crop box has fewer than 600 pixels of the source from left to right
``score<0.3``     the method's score of the crop is below 0.3
``kept<0.5``      the crop box has less than half of the photo's area
``else``          always
================  ==============================================================================

Several conditions with ``&`` between them hold where all do: ``head-cut & kept<0.5``.

================  ==============================================================================
action            what is made
================  ==============================================================================
``crop``          the crop
``pad``           the whole photo, with bars in the preset's background
``blur``          the whole photo, over itself, enlarged and blurred
``retarget``      the whole photo, rearranged by the method ``dnr``
``skip``          nothing
``review``        the crop, with the flag ``review``
================  ==============================================================================
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, PlainSerializer

from ..errors import RequestError
from ..flags import Flag

Action: TypeAlias = Literal["crop", "pad", "blur", "retarget", "skip", "review"]
ACTIONS: tuple[Action, ...] = get_args(Action)
WHOLE_PHOTO: frozenset[Action] = frozenset({"pad", "blur", "retarget"})
"""Actions that show the whole photo, so that no crop box is used."""
RETARGETING = "dnr"
"""The method of the action ``retarget``."""

ALWAYS = "else"
FLAG_CONDITIONS = (Flag.HEAD_CUT, Flag.SUBJECT_CUT, Flag.FOCAL_OUTSIDE)
_LIMIT = re.compile(r"^(width|score|kept)<(\d+(?:\.\d+)?)$")


@dataclass(frozen=True)
class Judged:
    """What conditions look at: a crop that a method found."""

    width: int
    """Width of the crop box, in pixels of the source."""
    score: float
    kept: float
    """Share of the photo's area in the crop box, 0..1."""
    flags: Collection[str]


@dataclass(frozen=True)
class Rule:
    """One line of a rule."""

    condition: str
    action: Action

    def __post_init__(self) -> None:
        """Check both.

        Raises:
            RequestError: there is no such condition or action.
        """
        known = (ALWAYS, *FLAG_CONDITIONS)
        for part in self.condition.split("&"):
            if part not in known and not _LIMIT.match(part):
                raise RequestError(
                    f"fit: condition {part!r}: expected {', '.join(known)}, width<PIXELS, "
                    "score<SHARE or kept<SHARE"
                )
        if self.action not in ACTIONS:
            raise RequestError(
                f"fit: {self.condition}: {self.action!r}: expected {', '.join(ACTIONS)}"
            )

    def reason(self, crop: Judged) -> str | None:
        """Return why the rule holds for a crop, such as ``width<600: 480``; None if it doesn't."""
        reasons = [_reason(part, crop) for part in self.condition.split("&")]
        told = [each for each in reasons if each is not None]
        return " & ".join(told) if len(told) == len(reasons) else None


def _reason(condition: str, crop: Judged) -> str | None:
    """Return why one condition holds; None if it doesn't."""
    if condition == ALWAYS or condition in crop.flags:
        return condition
    if (match := _LIMIT.match(condition)) is None:
        return None
    # Manifests hold scores in single precision, so they are compared in fewer digits.
    values = {"width": crop.width, "score": round(crop.score, 5), "kept": round(crop.kept, 5)}
    value = values[match[1]]
    return f"{condition}: {value:g}" if value < float(match[2]) else None


Rules: TypeAlias = tuple[Rule, ...]


@dataclass(frozen=True)
class Fit:
    """What is done with a photo that a preset asks for, and why."""

    action: Action
    reason: str | None = None
    """The condition that held, with what was measured; None where none did."""


BY_PERSON = Fit("crop", "a person set the box")
"""What is done where a person set the crop box: rules don't apply."""


def decide(rules: Rules, crop: Judged) -> Fit:
    """Return what the first rule that holds says; the crop where none does."""
    for rule in rules:
        if (reason := rule.reason(crop)) is not None:
            return Fit(rule.action, reason)
    return Fit("crop")


def read_rules(value: object) -> object:
    """Read rules in any of the forms that people write.

    Args:
        value: a mapping of conditions to actions, in its order; a list of such mappings; an action
            alone, which then is always taken; or a text such as ``head-cut:pad,width<600:skip``.

    Raises:
        RequestError: it is none of these, or there is no such condition or action.
    """
    if isinstance(value, str):
        if value in ACTIONS:
            return (Rule(ALWAYS, value),)
        parts = [each.rpartition(":") for each in value.split(",")]
        return tuple(_rule(condition, action) for condition, _, action in parts)
    if isinstance(value, Mapping):
        return tuple(_rule(condition, action) for condition, action in value.items())
    if isinstance(value, Sequence):
        rules: list[Rule] = []
        for each in value:
            if isinstance(each, Rule):
                rules.append(each)
            elif isinstance(each, Mapping):
                rules += [_rule(condition, action) for condition, action in each.items()]
            else:
                raise RequestError(f"fit: {each!r}: expected CONDITION: ACTION")
        return tuple(rules)
    raise RequestError(f"fit: {value!r}: expected conditions, each with an action")


def _rule(condition: object, action: object) -> Rule:
    if not (isinstance(condition, str) and isinstance(action, str)):
        raise RequestError(f"fit: {condition!r}: {action!r}: expected CONDITION: ACTION")
    name = "".join(condition.split())
    return Rule(name, action.strip())  # type: ignore[arg-type]  # the rule checks it


def plain(rules: Rules) -> list[dict[str, str]]:
    """Return rules as plain values that :func:`read_rules` reads."""
    return [{rule.condition: rule.action} for rule in rules]


RulesField = Annotated[
    tuple[Rule, ...],
    BeforeValidator(read_rules),
    PlainSerializer(plain, return_type=list[dict[str, str]]),
]
"""Rules as a field of a preset."""
