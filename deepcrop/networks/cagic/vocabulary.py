"""A network's vocabulary, and the lookup of a user's words in it.

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
"""The special tokens, which a vocabulary may have at any index."""

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?(?:-[a-z]+)*")


def tokens(text: str) -> list[str]:
    """Split a text into lower-case words without digits and punctuation."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Bag:
    """A caption's words in a vocabulary: Eq. 4's mean of the one-hot word vectors.

    Attributes:
        known: the share of each vocabulary word; the shares sum to 1 unless there are no words.
        mapped: the vocabulary word that replaces each of the user's words, if they differ.
        unknown: the user's words without a match in the vocabulary.
    """

    known: Mapping[str, float]
    mapped: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


class Vocabulary:
    """The words of a network by index; words of two tokens are joined by ``_``."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.index = {word: i for i, word in enumerate(self.words)}
        self.content = frozenset(self.words) - frozenset(SPECIAL)

    def __len__(self) -> int:
        return len(self.words)

    def find(self, word: str) -> str | None:
        """Return the first match: the word itself, another form of it, or a synonym; else None."""
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
            caption: the user's text.
            function_words: whether to keep articles, prepositions and the like, as the paper does.
                They have no information about image content, but get a share of the loss.
        """
        counted: Counter[str] = Counter()
        mapped: dict[str, str] = {}
        unknown: list[str] = []
        for word in self.phrases(tokens(caption)):
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

    def phrases(self, words: list[str]) -> list[str]:
        """Join two tokens to one word, such as ``teddy_bear``, if the vocabulary has it."""
        at, joined = 0, []
        while at < len(words):
            pair = "_".join(words[at : at + 2])
            if at + 1 < len(words) and self.find(pair):
                joined.append(pair)
                at += 2
            else:
                joined.append(words[at])
                at += 1
        return joined


class OpenVocabulary(Vocabulary):
    """A vocabulary of all words, for a network that reads text."""

    def __init__(self) -> None:
        super().__init__(())

    def find(self, word: str) -> str | None:
        """Return the word itself; None for two tokens, which aren't joined."""
        return None if "_" in word else word


def _forms(word: str) -> Iterator[str]:
    """Yield a word, then its possible inflections, likelier first; most of them don't exist."""
    stems = [word, *_stems(word)]
    yield from stems
    for stem in stems:
        yield from _inflections(stem)


def _stems(word: str) -> Iterator[str]:
    """Yield the possible stems of a word."""
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
    """Yield the possible inflections of a stem."""
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
