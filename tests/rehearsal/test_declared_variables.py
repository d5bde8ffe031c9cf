"""What a job declares in its environment does not lead it out of the account."""

from __future__ import annotations

import io
import zipfile

import pytest

from constructs_ml.rehearsal.functions.packages import Packages
from tests.rehearsal.jobs_data import Played

ELSEWHERE = {
    "AWS_ENDPOINT_URL": "https://sts.eu-central-1.amazonaws.com",
    "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com",
    "AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_PROFILE": "real",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "HTTPS_PROXY": "http://proxy:1",
    "http_proxy": "http://proxy:1",
}


def test_the_account_wins_over_what_is_declared(account) -> None:
    with account.running():
        found = account.environment(declared={**ELSEWHERE, "MODE": "fast", "PATH": "/bin"})
        assert found == {**account.environment(), "MODE": "fast", "PATH": "/bin"}


def test_a_processing_job_stays_in_the_account_whatever_it_declares(account) -> None:
    played = Played(account)
    names = [*ELSEWHERE, "MODE"]
    with account.running():
        played.begin()
        script = f"import os; print({{n: os.environ[n] for n in {names!r} if n in os.environ and 'KEY' not in n}})"
        played.process("job", script, Environment={**ELSEWHERE, "MODE": "fast"})
        lines = played.lines("/aws/sagemaker/ProcessingJobs", "job")
        here = account.endpoint
    assert lines == [str({"AWS_ENDPOINT_URL": here, "AWS_ENDPOINT_URL_S3": here, "MODE": "fast"})]


def test_an_archive_that_was_unpacked_by_half_is_not_taken_for_whole(tmp_path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", "a")
        archive.writestr("b.py", "to be broken")
    broken = buffer.getvalue().replace(b"to be broken", b"is now broken"[:12])
    packages = Packages(tmp_path / "functions")
    for _ in range(2):
        with pytest.raises(zipfile.BadZipFile):
            packages._unpacked("code-x", broken)
    assert not list((tmp_path / "functions").iterdir())
    assert (packages._unpacked("code-x", buffer.getvalue()) / "b.py").read_text() == "to be broken"
