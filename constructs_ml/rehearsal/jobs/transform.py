"""One batch transform job: a model server of its own, every object of the input through it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from constructs_ml.rehearsal.clock import stamp
from constructs_ml.rehearsal.embedded import EmbeddedAccount
from constructs_ml.rehearsal.jobs.inputs import uris
from constructs_ml.rehearsal.jobs.records import JSON, LINES, Processing, RecordError, batches, split
from constructs_ml.rehearsal.jobs.work import job_log
from constructs_ml.rehearsal.objects import DataError, Objects, relative
from constructs_ml.rehearsal.principals import Principal
from constructs_ml.rehearsal.sagemaker.store import Resource, Store
from constructs_ml.rehearsal.serving.serving import ModelServer, ServingError
from constructs_ml.rehearsal.stand_ins import StandIn

GROUP = "/aws/sagemaker/TransformJobs"
_SEE = "See job logs for more information"
_MEGABYTE = 1024 * 1024


class TransformJob:
    """Runs one transform job; its resource tells how far it is."""

    def __init__(
        self,
        account: EmbeddedAccount,
        store: Store,
        resource: Resource,
        principal: Principal,
        model: Resource,
        stand_ins: Sequence[StandIn],
    ) -> None:
        self._account, self._store, self._resource, self._principal = account, store, resource, principal
        self._model, self._stand_ins, self._given = model, stand_ins, resource.fields
        self._objects = Objects(account, principal)
        self._log = job_log(account, principal, GROUP, resource.name)
        self._stopped = False
        self._server: ModelServer | None = None
        filters = self._given.get("DataProcessing") or {}
        self._processing = Processing(
            self._given["TransformInput"].get("ContentType", JSON),
            filters.get("InputFilter") or "$",
            filters.get("OutputFilter") or "$",
            filters.get("JoinSource") == "Input",
        )
        store.change(resource, TransformJobStatus="InProgress")

    def stop(self) -> None:
        """End it at the next request; what was written stays."""
        self._stopped = True

    def prints(self) -> Sequence[str]:
        """What the model server printed."""
        return () if self._server is None else self._server.lines

    def run(self) -> None:
        """All of it."""
        try:
            status, reason = self._run()
        except (DataError, ServingError, gzip.BadGzipFile) as refused:
            self._say(str(refused))
            status, reason = "Failed", f"ClientError: {refused}"
        finally:
            if self._server is not None:
                self._server.stop()
        if self._account.clock.stopped:
            return
        if self._log is not None:
            self._log.close()
        fields = {"FailureReason": reason[:1024]} if reason else {}
        now = self._account.clock.now()
        self._store.change(self._resource, TransformJobStatus=status, TransformEndTime=now, **fields)

    def _run(self) -> tuple[str, str]:
        """The status at the end, and the reason of a failure."""
        source = self._given["TransformInput"]["DataSource"]["S3DataSource"]
        found = uris(self._objects, source)
        if not found:
            raise DataError(f"No objects found for {source['S3Uri']}")
        self._server = ModelServer(
            self._account,
            self._resource.name,
            self._model,
            self._principal,
            self._stand_ins,
            instance_type=self._given["TransformResources"]["InstanceType"],
            environment=self._environment(),
            line=self._say,
        )
        self._store.change(self._resource, TransformStartTime=self._account.clock.now())
        # "If any object fails in the transform job batch transform marks the job as failed"; the others are written.
        failures = []
        for uri in found:
            if self._stopped:
                break
            try:
                self._transform(uri, relative(uri, source["S3Uri"]))
            except RecordError as failed:
                self._say(f"{uri}: {failed}")
                failures.append(str(failed))
        if failures:
            return "Failed", failures[0]
        if self._stopped:
            return "Stopped", ""
        self._capture(source["S3Uri"], [relative(uri, source["S3Uri"]) for uri in found])
        return "Completed", ""

    def _environment(self) -> dict[str, str]:
        strategy = "SINGLE_RECORD" if self._given.get("BatchStrategy") == "SingleRecord" else "MULTI_RECORD"
        return {
            **(self._given.get("Environment") or {}),
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_BATCH_STRATEGY": strategy,
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self._payload),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self._given.get("MaxConcurrentTransforms") or 1),
        }

    @property
    def _payload(self) -> int:
        given = self._given.get("MaxPayloadInMB")
        return 6 if given is None else int(given)

    def _transform(self, uri: str, name: str) -> None:
        """One object: `<name>.out` in the output's folder."""
        given, output = self._given["TransformInput"], self._given["TransformOutput"]
        content = self._objects.read(uri)
        if given.get("CompressionType") == "Gzip":
            content = gzip.decompress(content)
        single = self._given.get("BatchStrategy") == "SingleRecord"
        records = split(content) if given.get("SplitType", "None") == "Line" else [content]
        end = b"\n" if output.get("AssembleWith", "None") == "Line" else b""
        made = []
        for batch in batches(records, self._payload * _MEGABYTE, single):
            if self._stopped:
                return
            made += self._predictions(batch, end)
        place = f"{output['S3OutputPath'].rstrip('/')}/{name}.out"
        self._objects.write(place, b"".join(made), output.get("KmsKeyId"))

    def _predictions(self, batch: list[bytes], end: bytes) -> list[bytes]:
        """What is written for one request."""
        answer = self._invoke(b"\n".join(self._processing.sent(record) for record in batch))
        stamps = bool((self._given.get("DataCaptureConfig") or {}).get("GenerateInferenceId"))
        if self._processing.plain and not stamps:
            return [answer.removesuffix(b"\n") + end if end else answer]
        lines = split(answer) if len(batch) > 1 or self._processing.content_type != JSON else [answer]
        if self._processing.plain:
            return [self._stamped(line) for line in lines]
        if len(lines) != len(batch):
            accept = self._given["TransformOutput"].get("Accept", "the default type")
            raise RecordError(
                f"ClientError: {len(lines)} predictions came for {len(batch)} records; to be joined or filtered they "
                f"come one a line ({accept}, sent {self._processing.content_type}; {LINES} or SingleRecord for JSON)"
            )
        kept = [self._processing.kept(*pair) for pair in zip(batch, lines, strict=True)]
        return [self._stamped(line) if stamps else line + b"\n" for line in kept]

    def _stamped(self, line: bytes) -> bytes:
        moment = stamp(self._account.clock.now())
        return self._processing.stamped(line, str(uuid4()), moment) + b"\n"

    def _invoke(self, body: bytes) -> bytes:
        assert self._server is not None
        client: Mapping[str, Any] = self._given.get("ModelClientConfig") or {}
        retries = client.get("InvocationsMaxRetries")
        status, answer = 0, b""
        for _ in range(1 + (3 if retries is None else int(retries))):
            status, answer, _type = self._server.invoke(
                body,
                self._processing.content_type,
                self._given["TransformOutput"].get("Accept") or "*/*",
                seconds=float(client.get("InvocationsTimeoutInSeconds") or 600),
            )
            if status < 500 or self._stopped:
                break
        if status == 200:
            return answer
        self._say(f"Bad HTTP status received from algorithm: {status}")
        self._say(answer.decode(errors="replace")[:2000])
        raise RecordError(f"{'ClientError' if status < 500 else 'AlgorithmError'}: {_SEE}")

    def _capture(self, source: str, names: Sequence[str]) -> None:
        """Manifests of what went in and came out.

        https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
        """
        capture = self._given.get("DataCaptureConfig")
        if not capture:
            return
        hour = self._account.clock.now().strftime("%Y/%m/%d/%H")
        before = source if source.endswith("/") else f"{source.rpartition('/')[0]}/"
        after = self._given["TransformOutput"]["S3OutputPath"].rstrip("/") + "/"
        outputs = [f"{name}.out" for name in names]
        for kind, prefix, listed in (("input", before, list(names)), ("output", after, outputs)):
            place = f"{capture['DestinationS3Uri'].rstrip('/')}/{kind}/{hour}/{uuid4()}.json"
            self._objects.write(place, json.dumps([{"prefix": prefix}, *listed]).encode(), capture.get("KmsKeyId"))

    def _say(self, line: str) -> None:
        if self._log is not None:
            self._log.write(line)
