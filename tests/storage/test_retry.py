"""The decorator that retries what a store could not do."""

import pytest

from deepcrop.errors import AccessDenied, NotFound
from deepcrop.storage import Blob, Entry, StorageOptions
from deepcrop.storage.attributes import NO_ATTRIBUTES
from deepcrop.storage.base import Page, Retry, StoreError
from deepcrop.storage.retry import FEW_ATTEMPTS, RetryingStore


class Flaky:
    """A store whose operations fail with the errors that it is given, then succeed."""

    def __init__(self, *errors: StoreError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def _answer(self, result):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return result

    def get(self, uri):
        return self._answer(Blob(b"data", "v1"))

    def get_range(self, uri, start, length):
        return self._answer(Blob(b"data", "v1"))

    def put(self, uri, data, content_type, sync, attributes):
        return self._answer(1)

    def delete(self, uris):
        return self._answer(None)

    def stat(self, uri):
        return self._answer(Entry(uri, 4))

    def is_prefix(self, uri):
        return self._answer(False)

    def list_page(self, uri, *, recursive, name_prefix="", token=""):
        return self._answer(Page([Entry(uri, 4)]))


def refusal():
    return StoreError("access denied", AccessDenied, Retry.FEW)


def transient():
    return StoreError("slow down", retry=Retry.FULL)


def retrying(store, **options):
    return RetryingStore(store, StorageOptions(**{"backoff": 0, "max_attempts": 6, **options}))


OPERATIONS = {
    "get": lambda store: store.get("s3://b/x"),
    "get_range": lambda store: store.get_range("s3://b/x", 0, 4),
    "put": lambda store: store.put("s3://b/x", b"", None, True, NO_ATTRIBUTES),
    "delete": lambda store: store.delete(["s3://b/x"]),
    "stat": lambda store: store.stat("s3://b/x"),
    "is_prefix": lambda store: store.is_prefix("s3://b/x"),
    "list_page": lambda store: store.list_page("s3://b/x", recursive=True),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_is_retried(operation):
    calm, flaky = Flaky(), Flaky(transient(), transient())
    expected, found = operation(calm), operation(retrying(flaky))
    assert (calm.calls, flaky.calls) == (1, 3)
    if isinstance(expected, Blob):
        assert found == Blob(b"data", "v1", attempts=3)
    elif expected == 1 and expected is not False:
        assert found == 3
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (lambda: StoreError("no such object", NotFound), 1),
        (refusal, FEW_ATTEMPTS),
        (transient, 6),
    ],
)
def test_an_error_says_how_often_it_is_worth_another_attempt(error, attempts):
    store = Flaky(*(error() for _ in range(20)))
    with pytest.raises(StoreError) as caught:
        retrying(store).get("s3://b/x")
    assert caught.value.attempts == store.calls == attempts


def test_no_limit_of_an_error_exceeds_that_of_the_options():
    store = Flaky(*(refusal() for _ in range(20)))
    with pytest.raises(StoreError) as caught:
        retrying(store, max_attempts=2).get("s3://b/x")
    assert caught.value.attempts == store.calls == 2


def test_a_bucket_that_only_refuses_is_asked_once_from_then_on():
    store = Flaky(*(refusal() for _ in range(FEW_ATTEMPTS + 1)))
    client = retrying(store)
    for attempts, uri in ((FEW_ATTEMPTS, "s3://closed/x"), (1, "s3://closed/y")):
        with pytest.raises(StoreError) as caught:
            client.get(uri)
        assert caught.value.attempts == attempts
    # Another bucket is not affected, and one that answers again is retried again.
    store.errors = [refusal()]
    assert client.get("s3://open/x").attempts == 2
    assert client.get("s3://closed/x").attempts == 1
    store.errors = [refusal()]
    assert client.get("s3://closed/x").attempts == 2


def test_a_bucket_that_answered_once_is_retried_after_any_number_of_refusals():
    store = Flaky()
    client = retrying(store)
    client.get("s3://b/x")
    for _ in range(2):
        store.errors = [refusal() for _ in range(FEW_ATTEMPTS)]
        with pytest.raises(StoreError) as caught:
            client.get("s3://b/x")
        assert caught.value.attempts == FEW_ATTEMPTS


def test_errors_of_other_kinds_pass(monkeypatch):
    store = Flaky()
    monkeypatch.setattr(store, "_answer", lambda result: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        retrying(store).get("s3://b/x")
