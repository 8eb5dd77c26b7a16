"""Third-party programs from PyPI, as they come, doing what they are for."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installed import Installed

SLEEPER = {"name": "web", "image": "busybox:1", "memory": 16, "command": ["sleep", "600"]}

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(180)]


def service(ecs: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = ecs.describe_services(services=[name])["services"][0]
    return found


def container(ecs: Any, task_definition: str) -> dict[str, Any]:
    described = ecs.describe_task_definition(taskDefinition=task_definition)["taskDefinition"]
    only: dict[str, Any] = described["containerDefinitions"][0]
    return only


def remove(ecs: Any, name: str) -> None:
    ecs.delete_service(service=name, force=True)


def test_ecs_deploy_deploys_scales_and_runs(ecs: Any, installed: Installed) -> None:
    ecs.register_task_definition(family="shop", containerDefinitions=[SLEEPER])
    ecs.create_service(serviceName="shop", taskDefinition="shop", desiredCount=1)
    said = installed.run(
        *("ecs", "deploy", "default", "shop", "--image", "web", "busybox:2", "--timeout", "60"),
        *("--env", "web", "COLOUR", "green"),
    )
    assert "Deployment successful" in said
    deployed = service(ecs, "shop")
    assert [each["status"] for each in deployed["deployments"]] == ["PRIMARY"]
    described = container(ecs, deployed["taskDefinition"])
    assert (described["image"], described["environment"]) == ("busybox:2", [{"name": "COLOUR", "value": "green"}])
    assert ecs.describe_task_definition(taskDefinition="shop:1")["taskDefinition"]["status"] == "INACTIVE"

    assert "Scaling successful" in installed.run("ecs", "scale", "default", "shop", "3", "--timeout", "60")
    assert service(ecs, "shop")["runningCount"] == 3

    said = installed.run("ecs", "run", "default", "shop", "2", "--command", "web", "true")
    assert "Successfully started 2 instances" in said
    remove(ecs, "shop")


def test_ecs_deplojo_creates_and_updates_services(ecs: Any, installed: Installed, tmp_path: Path) -> None:
    web = {**SLEEPER, "image": "busybox:${tag}"}
    template = {"volumes": [], "containerDefinitions": [web]}
    (tmp_path / "template.json").write_text(json.dumps(template))
    configuration = {
        "cluster_name": "default",
        "environment": {"COLOUR": "green"},
        "task_definitions": {"site": {"template": "template.json"}},
        "services": {"site": {"task_definition": "site"}},
        "before_deploy": [{"task_definition": "site", "container": "web", "command": "true"}],
    }
    (tmp_path / "site.yml").write_text(json.dumps(configuration))  # JSON is YAML
    for tag in ("1", "2"):
        line = ("ecs-deplojo", "--config", str(tmp_path / "site.yml"), "--var", f"tag={tag}")
        assert "Deployment finished: site (1/1)" in installed.run(*line, "--create-missing-services", "true")
        assert container(ecs, service(ecs, "site")["taskDefinition"])["image"] == f"busybox:{tag}"
    (active,) = ecs.list_task_definitions(familyPrefix="site")["taskDefinitionArns"]
    assert active.endswith("task-definition/site:2")
    assert len(ecs.list_tasks(startedBy="ecs-deplojo", desiredStatus="STOPPED")["taskArns"]) == 2
    remove(ecs, "site")


LUIGI = """
    import luigi
    from luigi.contrib.ecs import ECSTask

    class Job(ECSTask):
        task_def = {
            "family": "luigi-job",
            "volumes": [],
            "containerDefinitions": [
                {"name": "job", "essential": True, "memory": 16, "image": "busybox", "command": ["false"]}
            ],
        }

        @property
        def command(self):
            return [{"name": "job", "command": ["sh", "-c", "exit 4"]}]

        def complete(self):
            return bool(self.ecs_task_ids)
"""


def test_luigi_runs_a_task_to_its_end(ecs: Any, installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(textwrap.dedent(LUIGI))
    luigi = (sys.executable, "-m", "luigi", "--module", "jobs", "Job", "--local-scheduler")
    assert "This progress looks :)" in installed.run(*luigi, PYTHONPATH=str(tmp_path))
    arns = ecs.list_tasks(family="luigi-job", desiredStatus="STOPPED")["taskArns"]
    (ended,) = ecs.describe_tasks(tasks=arns)["tasks"]
    assert (ended["lastStatus"], ended["containers"][0]["exitCode"]) == ("STOPPED", 4)
