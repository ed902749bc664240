"""The sources of a run: what the input has, what the output has, and which are to be worked on."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, cast

import ray

from ..job import Job
from ..manifest import survey_process
from ..manifest.store import Manifest
from ..manifest.survey import Question, Survey, list_and_survey, survey_locally
from ..progress import Progress
from ..stages.child import Child
from ..storage import Storage
from .heartbeat import (
    Heartbeat,
    get_with_heartbeat,
    iterate_with_heartbeat,
    unwrap_task_error,
)
from .mapping import ray_map
from .session import Session


@dataclass(frozen=True)
class SourceLoader:
    """Makes the survey of a job.

    A small one is made in this process. A larger one is made in a process of its own, which gives
    its memory back, and the largest on the cluster: a run with nothing to do starts none.
    """

    job: Job
    storage: Storage
    manifest: Manifest
    session: Session
    progress: Progress
    heartbeat: Heartbeat

    def load(self, question: Question) -> Survey:
        """Return what there is to do.

        Raises:
            RequestError: there is no input.
        """
        self.progress.note("listing, looking for duplicates" if self.job.dedupe else "listing")
        found = survey_locally(question, self.storage, self.manifest.output)
        if found is not None:
            return found
        try:
            return self._in_child(question)
        except survey_process.TakesCluster:
            return self._on_cluster(question)

    def _in_child(self, question: Question) -> Survey:
        def answers() -> Generator[Survey, None, None]:
            with Child(f"{survey_process.__name__}:make") as child:
                child.prepare(self.storage, self.manifest.output)
                yield cast(Survey, child.ask(question))

        [survey] = iterate_with_heartbeat(answers(), self.heartbeat)
        return survey

    def _on_cluster(self, question: Question) -> Survey:
        self.session.connect()
        # Ray's annotations know functions of positional arguments alone.
        task: Any = ray.remote(num_cpus=0, max_calls=1)(list_and_survey)
        try:
            answer = task.remote(question, self.storage, self.manifest.output, parallel_map=ray_map)
            return cast(Survey, get_with_heartbeat(answer, self.heartbeat))
        except ray.exceptions.RayTaskError as error:
            raise unwrap_task_error(error) from error
