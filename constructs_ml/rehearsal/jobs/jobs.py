"""The jobs of an account: created through SageMaker's API, they run in threads of the rehearsal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from constructs_ml.rehearsal.access import assume, check_access
from constructs_ml.rehearsal.background import Background
from constructs_ml.rehearsal.calls import Call, Json, invalid
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.images import local_versions
from constructs_ml.rehearsal.jobs import checks
from constructs_ml.rehearsal.jobs.definitions import definitions, training_fields
from constructs_ml.rehearsal.jobs.inputs import check_there
from constructs_ml.rehearsal.jobs.processing import ProcessingJob
from constructs_ml.rehearsal.jobs.training import TrainingJob
from constructs_ml.rehearsal.jobs.transform import TransformJob
from constructs_ml.rehearsal.jobs.tuned import listed
from constructs_ml.rehearsal.jobs.tuning import TuningJob
from constructs_ml.rehearsal.objects import Objects
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource, Store
from constructs_ml.rehearsal.serving.serving import ServingError, container_of
from constructs_ml.rehearsal.stand_ins import StandIn

_WORDS = {
    "TrainingJob": "training job",
    "ProcessingJob": "processing job",
    "TransformJob": "transform job",
    "HyperParameterTuningJob": "hyperparameter tuning job",
}
_ENDED = ("Completed", "Failed", "Stopped")


class Jobs:
    """Runs what CreateTrainingJob, CreateProcessingJob, CreateTransformJob and CreateHyperParameterTuningJob create."""

    def __init__(
        self,
        account: EmbeddedAccount,
        store: Store,
        stand_ins: Sequence[StandIn] = (),
        *,
        tuning_budget: int = 4,
    ) -> None:
        self.account, self.store, self.stand_ins = account, store, tuple(stand_ins)
        self._running: dict[tuple[str, str], Any] = {}
        self._background = Background(account.clock)
        self._noted: set[str] = set()
        self._faults: list[tuple[str, float]] = []
        self.tuning_budget = tuning_budget
        self._searches: dict[str, TuningJob] = {}
        store.on("Create", "TrainingJob", lambda resource, _: self._train(resource))
        store.on("Create", "ProcessingJob", self._process)
        store.on("Create", "TransformJob", self._transform)
        store.on("Create", "HyperParameterTuningJob", self._tune)
        account.gate.serve(
            "sagemaker",
            {f"Stop{noun}": partial(self._stop, noun) for noun in _WORDS},
        )
        listing = "ListTrainingJobsForHyperParameterTuningJob"
        account.gate.serve("sagemaker", {listing: self._list_of_tuning})
        account.at_end(self._end)

    def prints(self, job: str) -> tuple[str, ...]:
        """What a running job printed up to now; empty once it ended: its log stream has the lines then."""
        found = next((running for (_, name), running in list(self._running.items()) if name == job), None)
        return () if found is None else tuple(found.prints())

    def interrupt(self, job: str) -> None:
        """Take the machine of a running spot training job away. Raises `ValueError` for any other job."""
        running = self._running.get(("TrainingJob", job))
        if running is None or not running.resource.fields.get("EnableManagedSpotTraining"):
            raise ValueError(f"{job} is no running spot training job")
        running.work.interrupt()

    def interrupt_after(self, jobs: str, seconds: float) -> None:
        """Interrupt the next spot training job whose name fits a glob, once, after it ran `seconds` of real time."""
        self._faults.append((jobs, seconds))

    def _train(self, resource: Resource) -> None:
        command, principal = self._check_training(resource.fields, resource.name)
        image, resources = resource.fields["AlgorithmSpecification"]["TrainingImage"], resource.fields["ResourceConfig"]
        self._note(resource.name, image, command, checks.hosts(resources))
        job = TrainingJob(self.account, self.store, resource, principal, command, self._fault(resource))
        self._go("TrainingJob", resource, job, "TrainingJobStatus")

    def _check_training(self, given: Mapping[str, Any], name: str) -> tuple[Sequence[str], Principal]:
        """What starts a training job, and its role. Raises `ServiceError` for one that cannot run."""
        checks.check_training(given)
        image, resources = given["AlgorithmSpecification"]["TrainingImage"], given["ResourceConfig"]
        script = checks.training_script(given)
        kind = checks.first_type(resources)
        command = checks.command_for(image, kind, self.stand_ins, "training", script=script)
        principal = assume(self.account, given["RoleArn"], name)
        check_access(self.account, principal, image, given.get("VpcConfig"), resources.get("VolumeKmsKeyId"))
        for channel in given.get("InputDataConfig") or ():
            source = channel["DataSource"]["S3DataSource"]
            check_there(Objects(self.account, principal), source["S3Uri"], given["RoleArn"])
        return command, principal

    def _tune(self, resource: Resource, call: Call) -> None:
        for definition in definitions(resource.fields):
            self._check_training(training_fields(definition, {}), resource.name)
        job = TuningJob(self.account, self.store, resource, self._train, self._stop_running, self.tuning_budget)
        self._searches[resource.name] = job
        self._go("HyperParameterTuningJob", resource, job, "HyperParameterTuningJobStatus")

    def _list_of_tuning(self, call: Call) -> Json:
        name = call.parameters["HyperParameterTuningJobName"]
        resource = self.store.get("HyperParameterTuningJob", name)
        return listed(self._searches[resource.name].trials, call.parameters)

    def _process(self, resource: Resource, call: Call) -> None:
        given = resource.fields
        checks.check_processing(given)
        image, resources = given["AppSpecification"]["ImageUri"], given["ProcessingResources"]["ClusterConfig"]
        script = bool(given["AppSpecification"].get("ContainerEntrypoint"))
        kind = checks.first_type(resources)
        command = checks.command_for(image, kind, self.stand_ins, "processing", script=script)
        principal = assume(self.account, given["RoleArn"], resource.name)
        network = (given.get("NetworkConfig") or {}).get("VpcConfig")
        check_access(self.account, principal, image, network, resources.get("VolumeKmsKeyId"))
        self._note(resource.name, image, command, checks.hosts(resources))
        job = ProcessingJob(self.account, self.store, resource, principal, command)
        self._go("ProcessingJob", resource, job, "ProcessingJobStatus")

    def _transform(self, resource: Resource, call: Call) -> None:
        given = resource.fields
        checks.check_transform(given)
        model = self.store.find("Model", given["ModelName"])
        if model is None:
            arn = self.account.arn("sagemaker", f"model/{given['ModelName']}")
            raise invalid(f'Could not find model "{arn}".')
        try:
            image = container_of(self.account, model)["Image"]
        except ServingError as refused:
            raise invalid(str(refused)) from refused
        resources = given["TransformResources"]
        command = checks.command_for(image, resources["InstanceType"], self.stand_ins, "transform")
        principal = assume(self.account, model.fields["ExecutionRoleArn"], resource.name)
        check_access(self.account, principal, image, model.fields.get("VpcConfig"), resources.get("VolumeKmsKeyId"))
        self._note(resource.name, image, command, checks.hosts(resources))
        job = TransformJob(self.account, self.store, resource, principal, model, self.stand_ins)
        self._go("TransformJob", resource, job, "TransformJobStatus")

    def _go(self, noun: str, resource: Resource, job: Any, status: str) -> None:
        """Run a job in a thread; what goes wrong in the rehearsal itself fails the job with its own words."""

        def work() -> None:
            try:
                job.run()
            finally:
                self._running.pop((noun, resource.name), None)

        def failed(broken: Exception) -> None:
            reason = f"InternalServerError: the rehearsal failed: {broken!r}"
            self.store.change(resource, **{status: "Failed", "FailureReason": reason[:1024]})

        self._running[noun, resource.name] = job
        self._background.start(f"{noun} {resource.name}", work, failed)

    def _stop(self, noun: str, call: Call) -> Json:
        resource = self.store.get(noun, call.parameters[f"{noun}Name"])
        running = self._running.get((noun, resource.name))
        if running is None or resource.status in _ENDED:
            text = f"The request was rejected because the {_WORDS[noun]} is in status {resource.status}."
            raise invalid(text)
        self._end_early(noun, resource)
        return None

    def _stop_running(self, resource: Resource) -> None:
        """Stop a training job of a tuning job, once."""
        if ("TrainingJob", resource.name) in self._running and resource.status == "InProgress":
            self._end_early("TrainingJob", resource)

    def _end_early(self, noun: str, resource: Resource) -> None:
        self.store.change(resource, **{f"{noun}Status": "Stopping"})
        running = self._running.get((noun, resource.name))
        if running is not None:
            running.stop()

    def _fault(self, resource: Resource) -> float | None:
        """The declared interruption of a spot job, taken off the list."""
        if not resource.fields.get("EnableManagedSpotTraining"):
            return None
        found = next((item for item in self._faults if fnmatchcase(resource.name, item[0])), None)
        if found is None:
            return None
        self._faults.remove(found)
        return found[1]

    def _note(self, job: str, image: str, command: Sequence[str], hosts: int) -> None:
        """Say what is not as it would be on AWS: once for each image, and for each job that has several machines."""
        write = self.account.journal.write
        if len(command) > 1:
            write("stand-in", job, f"{command[1]} runs in the place of {image}", image=image, script=command[1])
        elif image not in self._noted:
            self._noted.add(image)
            write("stand-in", image, f"{local_versions(image)} of this machine in its place", image=image)
        if hosts > 1:
            write("stand-in", job, f"one process in the place of {hosts} machines", hosts=hosts)

    def _end(self) -> None:
        for job in list(self._running.values()):
            job.stop()
        self.account.processes.stop()
        self._background.end()
