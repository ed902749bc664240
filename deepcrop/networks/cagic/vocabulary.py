"""Words that a network knows, and the way from a user's words to them.

```python
vocabulary = Vocabulary(["<pad>", "dog", "run", "sofa"])
bag = vocabulary.bag("Puppies running near a couch, quokka!")
bag.known       # {"dog": ..., "run": ..., "sofa": ...}
bag.unknown     # ("quokka",)
```
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .synonyms import FUNCTION_WORDS, IRREGULAR, SYNONYMS

SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")
"""Words that are no words; a vocabulary has them at any place."""

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?(?:-[a-z]+)*")


def tokens(text: str) -> list[str]:
    """Cut a text into lower-case words; digits and punctuation go."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Bag:
    """What a vocabulary makes of a caption: Eq. 4's mean of the one-hot word vectors.

    Attributes:
        known: word of the vocabulary to its share; the shares sum to 1, or there are none.
        mapped: word of the user to the word of the vocabulary that stands for it, where they
            differ.
        unknown: the user's words that nothing stands for.
    """

    known: Mapping[str, float]
    mapped: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


class Vocabulary:
    """The words of a network, by their index; ``_`` joins those of two tokens."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.index = {word: i for i, word in enumerate(self.words)}
        self.content = frozenset(self.words) - frozenset(SPECIAL)

    def __len__(self) -> int:
        return len(self.words)

    def find(self, word: str) -> str | None:
        """Return the word itself, another form of it, a synonym, or None, in that order."""
        forms = list(_forms(word))
        for form in forms:
            if form in self.content:
                return form
        for form in forms:
            for synonym in SYNONYMS.get(form, ()):
                for candidate in _forms(synonym):
                    if candidate in self.content:
                        return candidate
        return None

    def bag(self, caption: str, *, function_words: bool = False) -> Bag:
        """Look up a caption's words.

        Args:
            caption: what the user typed.
            function_words: keep articles, prepositions and the like, as the paper does. They say
                nothing of where to look, and take a share of the loss.
        """
        counted: Counter[str] = Counter()
        mapped: dict[str, str] = {}
        unknown: list[str] = []
        for word in self._phrases(tokens(caption)):
            if word in FUNCTION_WORDS and not function_words:
                continue
            found = self.find(word)
            if found is None:
                unknown.append(word)
                continue
            counted[found] += 1
            if found != word:
                mapped[word] = found
        total = sum(counted.values())
        known = {word: count / total for word, count in counted.items()}
        return Bag(known, mapped, tuple(dict.fromkeys(unknown)))

    def _phrases(self, words: list[str]) -> Iterator[str]:
        """Join two tokens to one word, such as ``teddy_bear``, where that is known."""
        at = 0
        while at < len(words):
            pair = "_".join(words[at : at + 2])
            if at + 1 < len(words) and self.find(pair):
                yield pair
                at += 2
            else:
                yield words[at]
                at += 1


def _forms(word: str) -> Iterator[str]:
    """Yield a word, then its other inflections, the likelier first; most are no words at all."""
    stems = [word, *_stems(word)]
    yield from stems
    for stem in stems:
        yield from _inflections(stem)


def _stems(word: str) -> Iterator[str]:
    """Yield what a word may be an inflection of."""
    yield from IRREGULAR.get(word, ())
    if "-" in word:
        yield word.replace("-", "")
        yield word.rsplit("-", 1)[-1]
    for suffix, endings in _SUFFIXES:
        base = word[: len(word) - len(suffix)]
        if word.endswith(suffix) and len(base) >= 2:
            yield from (base + ending for ending in endings)
            if suffix in ("ing", "ed", "er") and base[-1] == base[-2]:
                yield base[:-1]


def _inflections(word: str) -> Iterator[str]:
    """Yield what a stem may become."""
    yield from (word + ending for ending in ("s", "es", "ing", "ed"))
    if word.endswith("e"):
        yield from (word[:-1] + "ing", word + "d")
    if word.endswith("y"):
        yield word[:-1] + "ies"
    yield from (word + word[-1] + ending for ending in ("ing", "ed"))


_SUFFIXES = (
    ("'s", ("",)),
    ("ies", ("y", "ie")),
    ("ves", ("f", "fe", "ve")),
    ("es", ("", "e")),
    ("s", ("",)),
    ("ing", ("", "e")),
    ("ied", ("y",)),
    ("ed", ("", "e")),
    ("er", ("", "e")),
)
