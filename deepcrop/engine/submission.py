"""A job submitted to a Ray cluster through its Jobs API, where it outlives its submitter.

What travels is the job's specification, as the one file of the driver's working folder, and a
runtime environment if one is given. Credentials don't: the Jobs API shows both to everyone who
may open the dashboard, so the cluster's nodes need their own.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp  # this and requests come with Ray's client for the Jobs API
import requests
import tenacity
from ray.exceptions import AuthenticationError
from ray.job_submission import JobStatus, JobSubmissionClient

from ..errors import JobIncomplete, RequestError
from ..job import Job
from ..storage import canonical, strip_credentials
from .addresses import refusal
from .cluster import quiet_stderr
from .logs import quiet_loggers

JOB_FILE = "job.yaml"
"""The name of the job's specification in the driver's working folder."""
RECONNECT_TIMEOUT_S = 120.0
"""Seconds for which a connection is tried again before following a job ends."""

_SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|(ACCESS|PRIVATE|API)_?KEY", re.IGNORECASE)
_CLIENT_LOGGERS = [each.__module__ for each in JobSubmissionClient.__mro__[:-1]]
"""Loggers of Ray's client, which tell of each upload and connection."""

TRANSPORT_ERRORS = (requests.RequestException, ConnectionError, aiohttp.ClientError, RuntimeError)
"""What Ray's client raises when a connection can't be made, or breaks."""


class Submission:
    """A job on a cluster."""

    def __init__(self, client: JobSubmissionClient, identity: str) -> None:
        """Take the client, and the id that the cluster gave the job."""
        self.client = client
        self.identity = identity
        self.log_offset = 0

    def follow(self, write: Callable[[str], object]) -> int:
        """Pass on the job's output until it ends; return the exit status of its driver.

        A connection that breaks is made again, and no output is passed on twice.

        Args:
            write: is called with each piece of the output.

        Raises:
            JobIncomplete: the job was cancelled or never began, or the cluster doesn't answer.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TRANSPORT_ERRORS),
            wait=tenacity.wait_fixed(1),
            stop=tenacity.stop_after_delay(RECONNECT_TIMEOUT_S),
            reraise=True,
        )
        try:
            with quiet_loggers(*_CLIENT_LOGGERS):
                while True:
                    retrying(self._listen, write)
                    details = retrying(self.client.get_job_info, self.identity)
                    if details.status.is_terminal():
                        break
                self._pass_on(retrying(self.client.get_job_logs, self.identity), write)
        except TRANSPORT_ERRORS as error:
            raise JobIncomplete(
                f"the cluster doesn't answer any more ({_first_line(error)}); "
                "its job goes on if it lives, and submitting it again resumes it"
            ) from error
        if details.status == JobStatus.SUCCEEDED:
            return 0
        if details.status == JobStatus.FAILED and details.driver_exit_code:
            return int(details.driver_exit_code)
        reason = _first_line(details.message or "no reason given")
        raise JobIncomplete(
            f"{self.identity}: {details.status} ({reason}); submit it again to resume"
        )

    def cancel(self) -> None:
        """Ask the cluster to stop the job; what it has done stays, and it can be resumed."""
        self.client.stop_job(self.identity)

    def _listen(self, write: Callable[[str], object]) -> None:
        asyncio.run(self._tail(write))

    async def _tail(self, write: Callable[[str], object]) -> None:
        """Pass on the log from where it broke off: the server begins at its start each time."""
        position = 0
        async for text in self.client.tail_job_logs(self.identity):
            fresh = text[max(0, self.log_offset - position) :]
            position += len(text)
            if fresh:
                self.log_offset = position
                write(fresh)

    def _pass_on(self, log: str, write: Callable[[str], object]) -> None:
        """Pass on the rest of a finished job's log."""
        if rest := log[self.log_offset :]:
            self.log_offset = len(log)
            write(rest)


def submit(
    job: Job,
    address: str,
    *,
    overwrite: bool = False,
    environment: Mapping[str, Any] | None = None,
) -> Submission:
    """Hand a job to the cluster at ``address``; return once it is accepted there.

    Args:
        job: what to do; its local paths must mean the same on every node.
        address: the dashboard's URL, such as http://head:8265.
        overwrite: remove the output's job first.
        environment: Ray's runtime environment for the job (``pip``, ``env_vars``, ...).

    Raises:
        RequestError: the address is none, its token is another one, or a secret would travel.
        JobIncomplete: no cluster answers there, or it refuses the job.
    """
    if not re.match(r"https?://[^/]", address):
        raise RequestError(
            f"--address {address!r}: expected the URL of the cluster's dashboard, "
            "such as http://head:8265"
        )
    runtime = dict(environment or {})
    _check_secrets(job, runtime)
    travelling = job.model_copy(
        update={"input": canonical(job.input), "output": canonical(job.output)}
    )
    command = ["python", "-m", "deepcrop", "run", JOB_FILE]
    with tempfile.TemporaryDirectory(prefix="deepcrop-") as folder:
        Path(folder, JOB_FILE).write_text(travelling.to_yaml(), encoding="utf-8")
        try:
            with quiet_stderr():
                client = JobSubmissionClient(address)
            with quiet_loggers(*_CLIENT_LOGGERS):
                identity = _submit_when_ready(
                    client.submit_job,
                    entrypoint=shlex.join(command + ["--overwrite"] * overwrite),
                    runtime_env=runtime | {"working_dir": folder},
                    metadata={"output": travelling.output, "method": job.method},
                )
        except (AuthenticationError, *TRANSPORT_ERRORS) as error:
            if refused := refusal(f"--address {address}", error):
                raise refused from error
            raise JobIncomplete(
                f"--address {address}: no Ray cluster takes the job there ({_first_line(error)})"
            ) from error
    return Submission(client, identity)


def _submit_when_ready(call: Callable[..., str], **arguments: Any) -> str:
    """Call once the cluster has an agent that takes jobs; a young one has none for some seconds."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_message(match="(?s).*No available agent"),
        wait=tenacity.wait_fixed(2),
        stop=tenacity.stop_after_delay(RECONNECT_TIMEOUT_S),
        reraise=True,
    )
    return str(retrying(call, **arguments))


def _check_secrets(job: Job, environment: Mapping[str, Any]) -> None:
    for name in ("input", "output"):
        if strip_credentials(getattr(job, name)) != getattr(job, name):
            raise RequestError(
                f"{name}: holds a secret, which the cluster's dashboard would show; "
                "put the URIs into a list that the nodes can read"
            )
    if "working_dir" in environment:
        raise RequestError("runtime environment: working_dir is taken by the job's specification")
    variables = environment.get("env_vars", {})
    if secrets := [name for name in variables if _SECRET_NAME.search(name)]:
        raise RequestError(
            f"runtime environment: {', '.join(secrets)} would be shown by the cluster's "
            "dashboard; give the nodes credentials of their own"
        )


def _first_line(text: object) -> str:
    return (str(text or "").strip().splitlines() or ["no reason given"])[0]
