"""Compare captions with people's, by BLEU (Papineni et al. 2002) and CIDEr (arXiv 1411.5726).

Both metrics take lists of words: one candidate and several references for each image.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

Words = Sequence[str]
Gram = tuple[str, ...]
Vector = dict[Gram, float]
"""The TF-IDF weight of each n-gram."""
LONGEST = 4
"""Number of words of the longest n-grams that are counted."""


def _grams(words: Words, n: int) -> Counter[Gram]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def bleu(candidates: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """Return BLEU-1 to BLEU-4 of the whole corpus, 0 to 1, without smoothing.

    The brevity penalty uses the reference of the nearest length; at a tie, the shorter one.
    """
    length = sum(len(candidate) for candidate in candidates)
    nearest = sum(
        min((abs(len(words) - len(candidate)), len(words)) for words in each)[1]
        for candidate, each in zip(candidates, references, strict=True)
    )
    penalty = 1.0 if length > nearest else math.exp(1 - nearest / max(length, 1))
    scores, logs = [], 0.0
    for n in range(1, LONGEST + 1):
        matched = total = 0
        for candidate, each in zip(candidates, references, strict=True):
            grams = _grams(candidate, n)
            most: Counter[Gram] = Counter()
            for words in each:
                most |= _grams(words, n)
            matched += sum((grams & most).values())
            total += sum(grams.values())
        precision = matched / total if total else 0.0
        logs += math.log(precision) if precision else -math.inf
        scores.append(penalty * math.exp(logs / n))
    return scores


def cider(candidates: Sequence[Words], references: Sequence[Sequence[Words]]) -> float:
    """Return CIDEr, 0 to 10: the cosine of TF-IDF vectors of n-grams, averaged over n = 1 to 4.

    An n-gram's document frequency is the number of images whose references have it. Words aren't
    stemmed.
    """
    images = len(candidates)
    score = 0.0
    for n in range(1, LONGEST + 1):
        frequency = Counter(
            gram for each in references for gram in set().union(*(_grams(r, n) for r in each))
        )

        def vector(words: Words, n: int = n, known: Counter[Gram] = frequency) -> Vector:
            grams = _grams(words, n)
            return {
                gram: count * (math.log(images) - math.log(max(known[gram], 1)))
                for gram, count in grams.items()
            }

        for candidate, each in zip(candidates, references, strict=True):
            ours = vector(candidate)
            score += sum(_cosine(ours, vector(words)) for words in each) / len(each)
    return 10 * score / (LONGEST * images)


def _cosine(first: Vector, second: Vector) -> float:
    product = sum(value * second.get(gram, 0.0) for gram, value in first.items())
    norms = math.hypot(*first.values()) * math.hypot(*second.values())
    return product / norms if norms else 0.0
