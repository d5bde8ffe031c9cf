"""Objects of S3 on this machine: none is written outside of the folder it is meant for."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from constructs_ml.rehearsal.jobs.inputs import download
from constructs_ml.rehearsal.objects import DataError, Objects, below, packed, unpack


@pytest.fixture
def objects(account):
    with account.running():
        s3 = account.client("s3")
        s3.create_bucket(Bucket="bbb-data", CreateBucketConfiguration={"LocationConstraint": account.region})
        yield Objects(account)


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/absolute.txt", "", ".", "a/.."])
def test_a_name_that_leads_out_of_its_folder_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="outside of its folder"):
        below(tmp_path / "in", name)


def test_names_below_the_folder_stay_where_they_are(tmp_path):
    assert below(tmp_path, "a/..b/c") == tmp_path.resolve() / "a" / "..b" / "c"


@pytest.mark.parametrize("key", ["in/../../out.txt", "in//{tmp}/out.txt"])
def test_keys_of_a_prefix_are_not_written_outside_of_the_folder(objects, tmp_path, key):
    objects.write(f"s3://bbb-data/{key.format(tmp=tmp_path)}", b"x")
    with pytest.raises(DataError, match="outside of its folder"):
        objects.download("s3://bbb-data/in/", tmp_path / "deep" / "in")
    assert not list(tmp_path.rglob("out.txt"))


def test_names_of_a_manifest_are_not_written_outside_of_the_folder(objects, tmp_path):
    objects.write("s3://bbb-data/in/../out.txt", b"x")
    objects.write("s3://bbb-data/m", json.dumps([{"prefix": "s3://bbb-data/in/"}, "../out.txt"]).encode())
    source = {"S3Uri": "s3://bbb-data/m", "S3DataType": "ManifestFile"}
    with pytest.raises(DataError, match="outside of its folder"):
        download(objects, source, tmp_path / "in")
    assert not list(tmp_path.rglob("out.txt"))


def an_archive(tmp_path, content: bytes) -> bytes:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "model.bin").write_bytes(content)
    return packed(folder)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_an_archive_that_was_cut_off_is_named(tmp_path, share):
    whole = an_archive(tmp_path, bytes(range(256)) * 500)
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match=r"model\.tar\.gz is no tar\.gz"):
        unpack(archive, tmp_path / "model")


def test_an_archive_with_a_broken_middle_is_named(tmp_path):
    whole = bytearray(an_archive(tmp_path, bytes(range(256)) * 500))
    whole[40:60] = b"\xff" * 20
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(whole)
    with pytest.raises(DataError, match=r"model\.tar\.gz is no tar\.gz"):
        unpack(archive, tmp_path / "model")


def test_an_archive_does_not_reach_outside_of_its_folder(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("../out.txt")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    (tmp_path / "m.tar.gz").write_bytes(buffer.getvalue())
    with pytest.raises(DataError):
        unpack(tmp_path / "m.tar.gz", tmp_path / "model")
    assert not (tmp_path / "out.txt").exists()
