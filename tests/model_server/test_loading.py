"""Loading: by hash, from known places only, proven before anything is sold from it."""

import hashlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.inference_processes import (
    ArtifactHost,
    InferenceProcess,
    inference_process,
    load_parameters,
)
from support.tiny_models import Tiny, proven, save_linear, save_onnx, save_remote


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArtifactHost]:
    """A place to fetch artefacts from."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "api/v1/artifacts").mkdir(parents=True)
    opened = ArtifactHost(folder)
    opened.folder = folder / "api/v1/artifacts"  # type: ignore[attr-defined]
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def process(
    tmp_path_factory: pytest.TempPathFactory, host: ArtifactHost
) -> Iterator[InferenceProcess]:
    """A process that fetches from there, and holds three versions at most."""
    options = ["--artifacts-from", f"{host.url}/api/", "--most-models", "3"]
    with inference_process(tmp_path_factory.mktemp("loading"), *options) as running:
        yield running


_gains = itertools.count(1)


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A model whose content no other test has."""
    path = save_onnx(tmp_path / "tiny.onnx", gain=1 + next(_gains) / 1000)
    return proven(path, "onnx")


def offer(host: ArtifactHost, tiny: Tiny, content: bytes | None = None) -> str:
    """Let an artefact be fetched and return its address."""
    sha256 = tiny.manifest.artifact.sha256
    place: Path = host.folder / sha256  # type: ignore[attr-defined]
    place.write_bytes(tiny.path.read_bytes() if content is None else content)
    return f"{host.url}/api/v1/artifacts/{sha256}?expires=1&signature=ab"


def fetched(host: ArtifactHost, tiny: Tiny) -> int:
    return sum(tiny.manifest.artifact.sha256 in path for path in host.paths)


def test_an_artefact_is_fetched_once_and_kept_under_its_hash(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny
) -> None:
    """Loading again, and in another version, finds it in the cache; versions stand side by side."""
    url = offer(host, tiny)
    first = process.load(tiny, 1, artifact_url=url)
    assert first.status_code == 200, first.text
    assert process.load(tiny, 1, artifact_url=url).json() == first.json()
    assert process.load(tiny, 2, artifact_url=url).status_code == 200
    assert fetched(host, tiny) == 1
    # Others have loaded versions of it, too: the process is shared.
    assert {"1", "2"} <= set(process.get("/v2/models/tiny").json()["versions"])


def test_many_who_load_the_same_at_once_load_it_once(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny
) -> None:
    url = offer(host, tiny)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: process.load(tiny, 5, artifact_url=url), range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert fetched(host, tiny) == 1


def test_other_content_takes_the_place_of_a_version(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny, tmp_path: Path
) -> None:
    process.load(tiny, 1, artifact_url=offer(host, tiny)).raise_for_status()
    other = proven(save_linear(tmp_path / "tiny.json"), "linear")
    process.load(other, 1, artifact_url=offer(host, other)).raise_for_status()
    assert process.get("/v2/models/tiny/versions/1").json()["platform"] == "augury_linear"


def test_what_was_asked_longest_ago_makes_room(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny
) -> None:
    url = offer(host, tiny)
    for number in (11, 12, 13):
        process.load(tiny, number, artifact_url=url).raise_for_status()
    row = {"name": "rows", "shape": [1, 5], "datatype": "FP32", "data": [30, 1, 10.5, 0, 5.5]}
    asked = process.post(
        "/v2/models/tiny/versions/11/infer", msgspec.json.encode({"inputs": [row]})
    )
    asked.raise_for_status()
    process.load(tiny, 14, artifact_url=url).raise_for_status()
    assert process.get("/v2/models/tiny").json()["versions"] == ["11", "13", "14"]


def test_a_file_in_the_cache_that_has_changed_is_fetched_again(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny
) -> None:
    process.keep(Tiny(Path(__file__), tiny.manifest))
    process.load(tiny, 1, artifact_url=offer(host, tiny)).raise_for_status()
    assert fetched(host, tiny) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/v1/artifacts/{sha256}",
        "https://{host}/api/v1/artifacts/{sha256}",
        "http://{host}/v1/artifacts/{sha256}",
        "http://{host}/api/v1/artifacts/{sha256}/../../../secret",
        "http://{host}/api/v1/artifacts/" + "0" * 64,
        "http://user@{host}/api/v1/artifacts/{sha256}",
        "http://{host}@evil.example/api/v1/artifacts/{sha256}",
        "file:///etc/passwd",
        "http://[::1",
        "",
    ],
)
def test_nothing_is_fetched_from_anywhere_else(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny, url: str
) -> None:
    told = url.format(host=host.url.removeprefix("http://"), sha256=tiny.manifest.artifact.sha256)
    before = len(host.paths)
    answer = process.load(tiny, 1, artifact_url=told)
    assert answer.status_code in {400, 403}, answer.text
    assert len(host.paths) == before


@pytest.mark.parametrize("content", [b"", b"short", None], ids=["empty", "short", "changed"])
def test_what_is_not_its_hash_is_not_kept(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny, content: bytes | None
) -> None:
    if content is None:
        content = b"x" * tiny.manifest.artifact.bytes
    answer = process.load(tiny, 1, artifact_url=offer(host, tiny, content))
    assert answer.status_code == 502
    cache = next(process._folder.glob("cache-*"))
    assert not list(cache.glob(f"{tiny.manifest.artifact.sha256}*"))
    assert not list(cache.glob("draft-*"))


def test_more_than_was_promised_is_not_read_to_its_end(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny
) -> None:
    answer = process.load(tiny, 1, artifact_url=offer(host, tiny, b"x" * 10_000_000))
    assert (answer.status_code, "were promised" in answer.text) == (502, True)


def test_a_signature_is_in_no_answer_and_no_log(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny
) -> None:
    url = f"{host.url}/api/v1/artifacts/{tiny.manifest.artifact.sha256}?signature=hush"
    answer = process.load(tiny, 1, artifact_url=url)
    assert answer.status_code == 502
    assert "hush" not in answer.text + process.log()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"manifest": "{}"}, 422),
        ({"manifest": "[" * 100_000}, 422),
        ({"manifest": " " * (2**20 + 1)}, 413),
        ({"manifest": 5}, 400),
        ({"sha256": "0" * 64}, 400),
        ({"version": "0"}, 400),
        ({"version": "latest"}, 400),
        ({"version": "9" * 5000}, 400),
        ({"version": "²"}, 400),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(
    process: InferenceProcess, tiny: Tiny, changes: dict[str, Any], status: int
) -> None:
    told = msgspec.json.encode({"parameters": {**load_parameters(tiny), **changes}})
    answer = process.post("/v2/repository/models/tiny/load", told)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}


def test_a_model_that_fails_its_self_test_is_not_loaded(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny
) -> None:
    lying = {**msgspec.to_builtins(tiny.manifest.self_test), "probabilities": [0.5] * 4}
    liar = Tiny(tiny.path, tiny.but(self_test=lying))
    answer = process.load(liar, 21, artifact_url=offer(host, tiny))
    assert (answer.status_code, "self-test" in answer.text) == (422, True)
    assert process.get("/v2/models/tiny/versions/21/ready").status_code == 404


def test_an_artefact_that_no_runtime_can_open_is_not_loaded(
    process: InferenceProcess, host: ArtifactHost, tiny: Tiny
) -> None:
    content = b"not a graph"
    artifact = {"file": "x.onnx", "sha256": hashlib.sha256(content).hexdigest(), "bytes": 11}
    broken = Tiny(tiny.path, tiny.but(artifact=artifact))
    answer = process.load(broken, 1, artifact_url=offer(host, broken, content))
    assert answer.status_code == 422


def test_a_model_on_another_server_is_not_loaded_here(
    process: InferenceProcess, tmp_path: Path
) -> None:
    """Else whoever reaches the port could have the process call any address."""
    path = save_remote(tmp_path / "tiny.json", "http://127.0.0.1:9")
    content = path.read_bytes()
    artifact = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    plain = proven(save_linear(tmp_path / "linear.json"), "linear")
    remote = Tiny(path, plain.but(runtime="remote", artifact=artifact))
    process.keep(remote)
    answer = process.load(remote)
    assert (answer.status_code, "asked directly" in answer.text) == (400, True)


def test_an_artefact_that_is_too_large_is_not_fetched(tmp_path: Path, tiny: Tiny) -> None:
    with inference_process(tmp_path, "--most-artifact-mb", "1") as small:
        artifact = {**msgspec.to_builtins(tiny.manifest.artifact), "bytes": 2 * 2**20}
        answer = small.load(Tiny(tiny.path, tiny.but(artifact=artifact)))
    assert answer.status_code == 413
