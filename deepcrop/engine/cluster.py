"""The Ray cluster that a job runs on: this process's, that of an address, or one of our own."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from importlib import import_module
from typing import Any

import ray

from ..errors import JobIncomplete
from .addresses import check_address, refusal
from .compat import without_node_services, without_ray_data_services

OBJECT_STORE_BYTES = 1 << 30
"""Bytes of the object store of a cluster of our own; Ray's default takes 30% of the memory."""


@contextmanager
def connected() -> Iterator[None]:
    """Use the cluster at hand: this process's, that of RAY_ADDRESS, or one made for the time.

    Raises:
        RequestError: the cluster at the address has another token, or it is no cluster.
        JobIncomplete: no cluster answers at the address, or none could be started.
    """
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    with ThreadPoolExecutor(1) as pool:
        # Ray Data takes most of a second to import, in which Ray waits for its own services. If
        # this import fails, that of the stream does too, and is the one that is reported.
        pool.submit(import_module, "ray.data")
        _join(address)
    with ExitStack() as stack:
        try:
            if not address:
                stack.enter_context(without_ray_data_services())  # until the cluster has ended
            yield
        finally:
            ray.shutdown()


def _join(address: str | None) -> None:
    """Join the cluster of an address, or start one of our own."""
    if address:
        check_address(address)
    # Ray's own messages; what matters to the user reaches them as rows and errors.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        alone = nullcontext() if address else without_node_services()
        with quiet_stderr(), own_sigterm(), alone:
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=None if address else OBJECT_STORE_BYTES,
                include_dashboard=None if address else False,
            )
    except Exception as error:
        # Ray raises many classes, Exception itself among them: where a machine is busy, its node
        # may start too slowly.
        ray.shutdown()
        if address and (refused := refusal(f"RAY_ADDRESS {address}", error)):
            raise refused from error
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        raise JobIncomplete(
            f"Ray cluster {address or 'of this machine'}: {first}; the same command tries again"
        ) from error
    except BaseException:  # Ctrl-C: what was started ends too
        ray.shutdown()
        raise


def node_resources() -> list[Mapping[str, float]]:
    """Return the resources of the cluster's living nodes, such as ``CPU`` and ``GPU``."""
    nodes: Callable[[], list[dict[str, Any]]] = ray.nodes  # which has no annotations
    return [node["Resources"] for node in nodes() if node["Alive"]]


@contextmanager
def own_sigterm() -> Iterator[None]:
    """Put this process's handler of SIGTERM back, in whose place ``ray.init`` puts its own.

    Ray's exits with status 15 and no message. Where it did so already, that is an interrupt.
    """
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as error:
        if error.code != signal.SIGTERM:
            raise
        raise KeyboardInterrupt from None
    finally:
        # Handlers are the main thread's to set; None is one that Python can't name.
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop what native code prints while the engine starts: what fails, raises."""
    sys.stderr.flush()
    stderr, devnull = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(devnull)
