"""Read a caption: the things that it names, their colours and places, and what it excludes.

```python
caption = read_caption("the red bike on the left, no people", vocabulary)
caption.things      # (Thing(word="bicycle", said="bike", colour="red", place="left", ...),)
caption.excluded    # ("people",)
```
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .synonyms import FUNCTION_WORDS, IRREGULAR
from .vocabulary import Vocabulary, tokens

COLOURS = frozenset(
    [
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "purple",
        "pink",
        "brown",
        "black",
        "white",
        "grey",
        "gray",
    ]
)
"""Colours that a thing may be asked for by."""
PLACES = {
    "left": "left",
    "right": "right",
    "top": "top",
    "upper": "top",
    "bottom": "bottom",
    "lower": "bottom",
    "middle": "middle",
    "center": "middle",
    "centre": "middle",
    "front": "front",
    "foreground": "front",
    "nearest": "front",
    "background": "back",
    "back": "back",
    "behind": "back",
    "distance": "back",
}
"""Words of places, and the place that each stands for."""
EXCLUDING = frozenset({"no", "without", "not", "except"})
PLURALS = frozenset({"people", "men", "women", "children", "feet", "teeth", "geese", "mice"})
"""Irregular plurals."""


@dataclass(frozen=True)
class Thing:
    """Something that a caption names.

    Attributes:
        word: the word of the vocabulary.
        said: the user's word.
        plural: whether the caption names several.
        colour: one of :data:`COLOURS`, or None.
        place: a value of :data:`PLACES`, or None.
    """

    word: str
    said: str
    plural: bool = False
    colour: str | None = None
    place: str | None = None


@dataclass(frozen=True)
class Caption:
    """What a caption says.

    Attributes:
        things: what a crop should show.
        excluded: the user's words that follow "no" or "without".
        unknown: the user's words that aren't in the vocabulary.
    """

    things: tuple[Thing, ...] = ()
    excluded: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def read_caption(text: str, vocabulary: Vocabulary) -> Caption:
    """Read a caption in plain English.

    A colour belongs to the next thing, a place to the thing before it, or else to the next one.
    """
    things: list[Thing] = []
    excluded: list[str] = []
    unknown: list[str] = []
    colour: str | None = None
    place: str | None = None
    excluding = False
    said = vocabulary.phrases(tokens(text))
    for at, word in enumerate(said):
        if word in EXCLUDING:
            excluding = True
        elif word in COLOURS and at + 1 < len(said):
            colour = "grey" if word == "gray" else word
        elif word in PLACES:
            if things and _follows(said, at):
                things[-1] = replace(things[-1], place=PLACES[word])
            else:
                place = PLACES[word]
        elif word not in FUNCTION_WORDS:
            found = vocabulary.find(word)
            if excluding:
                excluded.append(word)
            elif found is None:
                unknown.append(word)
            else:
                things.append(Thing(found, word, is_plural(word, vocabulary), colour, place))
            colour = place = None
            excluding = False
    once = {(thing.word, thing.colour, thing.place): thing for thing in things}
    return Caption(tuple(once.values()), tuple(excluded), tuple(dict.fromkeys(unknown)))


def _follows(said: list[str], at: int) -> bool:
    """Return whether a place stands after its thing, as in "the dog on the left"."""
    before = said[max(0, at - 2) : at]
    return bool({"on", "in", "at", "to"} & set(before)) or said[at] == "behind"


def is_plural(word: str, vocabulary: Vocabulary) -> bool:
    """Return whether a word is a plural whose singular is known."""
    if word in PLURALS:
        return True
    if word in IRREGULAR or not word.endswith("s") or word.endswith("ss"):
        return False
    stems = [word[:-1], word[:-2], word[:-3] + "y"]
    return any(len(stem) > 2 and vocabulary.find(stem) is not None for stem in stems)
