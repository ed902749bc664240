"""Licence policies: which weights a job may use, by what is known of their terms.

```python
>>> [terms] = terms_of("saliency")
>>> terms.commercial
'unclear'
>>> check("commercial", "saliency")
RequestError: licence 'commercial': refuses the weights 'saliency' ...
```

The policies judge weights, not photos: who crops photos needs the rights on them in any case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .. import weights as store
from ..errors import RequestError
from ..weights import Commercial
from . import registry

Policy: TypeAlias = Literal["any", "not-prohibited", "commercial"]
"""Which weights are accepted.

``any``: all. ``not-prohibited``: those whose commercial use nothing excludes explicitly.
``commercial``: those alone whose commercial use their licence and all data allow.
"""

ACCEPTED: Mapping[Policy, frozenset[Commercial]] = {
    "any": frozenset({"yes", "unclear", "no"}),
    "not-prohibited": frozenset({"yes", "unclear"}),
    "commercial": frozenset({"yes"}),
}
"""The values of ``commercial`` that each policy accepts."""


@dataclass(frozen=True)
class Terms:
    """What is known of the terms of the weights that a method uses."""

    name: str
    """The name in the catalogue, or the path of the file, as it was asked for."""
    licence: str | None
    """None for a file that isn't in the catalogue and whose metadata don't tell."""
    commercial: Commercial
    commercial_reason: str
    """Why ``commercial`` is so, in one sentence without a full stop."""


def terms_of(
    method: str, *, weights: str | None = None, options: Mapping[str, object] | None = None
) -> tuple[Terms, ...]:
    """Return the terms of all weights that a method uses; none for a method without weights.

    Args:
        method: a name that ``deepcrop methods`` lists.
        weights: a catalogue name or the path of a file; by default the method's own.
        options: fields of the method's ``Options``; some decide which weights it uses.

    Raises:
        RequestError: unknown method, weights or option, or the file can't be read or has wrong
            metadata.
    """
    found = registry.find(method)
    if found.weights is None:
        return ()
    names = [weights or found.weights]
    if further := getattr(found, "further_weights", None):
        names += further(registry.validate_options(method, options or {}))
    return tuple(terms_of_weights(name) for name in dict.fromkeys(names))


def terms_of_weights(name_or_path: str) -> Terms:
    """Return the terms of named weights or of a file.

    A copy of a file of the catalogue, under whatever name, has the terms of its entry. Any other
    file has those that its metadata state (``licence``, ``commercial``, ``commercial_reason``);
    without them its commercial use is unclear.

    Raises:
        RequestError: there are no such weights, or the file can't be read or has wrong metadata.
    """
    entry = store.catalogue().get(name_or_path)
    if entry is None:
        digest = store.sha256(store.locate(name_or_path))
        known = store.catalogue().values()
        entry = next((each for each in known if digest.startswith(each.sha256)), None)
    if entry is not None:
        return Terms(name_or_path, entry.licence, entry.commercial, entry.commercial_reason)
    metadata = store.metadata(name_or_path)
    try:
        where = f"weights {name_or_path!r}: metadata"
        commercial = store.check_commercial(metadata.get("commercial", "unclear"), where)
    except ValueError as error:
        raise RequestError(str(error)) from None
    reason = "its metadata say so, without a reason"
    if "commercial" not in metadata:
        reason = "its file has no metadata 'commercial' that say yes or no"
    reason = " ".join(metadata.get("commercial_reason", reason).split())
    return Terms(name_or_path, metadata.get("licence"), commercial, reason)


def check(
    policy: Policy,
    method: str,
    *,
    weights: str | None = None,
    options: Mapping[str, object] | None = None,
) -> None:
    """Make sure that a policy accepts all weights that a method uses.

    A method without weights is always accepted.

    Args:
        policy: the policy.
        method: a name that ``deepcrop methods`` lists.
        weights: a catalogue name or the path of a file; by default the method's own.
        options: fields of the method's ``Options``.

    Raises:
        RequestError: it doesn't; the message has one line that names the weights, the reason, and
            what is accepted. Or as for :func:`terms_of`.
    """
    if policy == "any":
        return
    for terms in terms_of(method, weights=weights, options=options):
        if terms.commercial not in ACCEPTED[policy]:
            raise RequestError(
                f"licence {policy!r}: refuses the weights {terms.name!r} of the method {method!r}; "
                f"commercial use: {terms.commercial} ({terms.commercial_reason}); "
                f"accepted: {', '.join(accepted(policy))}"
            )


def accepted(policy: Policy) -> Iterator[str]:
    """Yield the methods of this package that a policy accepts, each with the weights to give it.

    The options of the methods are their defaults.
    """
    trained = {name for entry in store.catalogue().values() for name in entry.methods}
    for name in sorted(registry.BUILT_IN.keys() - trained):
        yield f"{name} (no weights)"
    for entry in store.catalogue().values():
        if entry.commercial in ACCEPTED[policy]:  # only then the methods are imported: seconds
            for name in entry.methods:
                if all(
                    each.commercial in ACCEPTED[policy]
                    for each in terms_of(name, weights=entry.name)
                ):
                    yield f"{name} with weights {entry.name}"
