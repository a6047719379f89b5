"""The Dockerfile and what it is given. What its steps make, `make deploy-check` tries."""

import re
import tomllib

from support.deployment import ROOT, judge

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_hadolint_finds_nothing() -> None:
    judge("hadolint", "--failure-threshold", "info", "Dockerfile")


def test_the_image_runs_as_a_number_that_is_not_root_and_ends_what_it_started() -> None:
    *_, last = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    assert re.findall(r"^USER (.+)$", last, re.MULTILINE) == ["10001:10001"]
    assert 'ENTRYPOINT ["tini", "--", "augury"]' in last
    assert "HEALTHCHECK" in last
    assert "org.opencontainers.image.version" in last


def test_every_package_comes_by_its_hash_and_from_no_named_host() -> None:
    assert "pip install --require-hashes -r requirements-image.lock" in DOCKERFILE
    assert re.findall(r"pip install (?!--require-hashes|--no-deps dist)", DOCKERFILE) == []
    assert "://" not in re.sub(r"http://127\.0\.0\.1", "", DOCKERFILE)


def test_the_version_of_the_image_is_that_of_the_program() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"ARG VERSION={project['version']}\n" in DOCKERFILE
    assert (
        f"augury:${{AUGURY_VERSION:-{project['version']}}}" in (ROOT / "compose.yaml").read_text()
    )


def test_what_is_copied_is_there_and_let_in_and_nothing_else_is() -> None:
    copied = {
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for name in line.split()[:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in ignore if line and not line.startswith("#")) == "*"
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
