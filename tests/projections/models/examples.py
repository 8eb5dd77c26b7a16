"""Examples: the events behind the canonical JSON of the ECS API, and a short way to fold them."""

from itertools import count

from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.commit import Chained, Commit
from quarterdeck.events.container_instance import AgentConnected, Capacity, ContainerInstanceRegistered
from quarterdeck.events.explanation import Explanation
from quarterdeck.events.names import Namespace
from quarterdeck.events.service import DeploymentStarted, ServiceCreated, ServiceSettings
from quarterdeck.events.task import TaskPlaced, TaskRequested
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from quarterdeck.projections.models.store import ReadModels

IRELAND = Namespace("eu-west-1", "123456789012")
PROD = "prod"
ZONE = "eu-west-1a"
INSTANCE = "0123456789abcdef0123456789abcdef"
TASK = "d6f51cc5bbc94a47969c92035e9f66f8"
FIRST, SECOND = "ecs-svc/1234567890123456789", "ecs-svc/4567890123456789012"
START = 1_700_600_000.0
EXPLANATION = Explanation(considered=1)
PORTS = [22, 2375, 2376, 51678, 51679]

WEB = shapes.TaskDefinition(
    family="web",
    revision=3,
    container_definitions=[
        shapes.ContainerDefinition(
            name="web",
            image="nginx",
            cpu=10,
            memory=300,
            essential=True,
            environment=[],
            mount_points=[],
            volumes_from=[],
            system_controls=[],
            port_mappings=[shapes.PortMapping(container_port=80, host_port=8080, protocol="tcp")],
        )
    ],
    volumes=[],
    placement_constraints=[],
    compatibilities=["EXTERNAL", "EC2"],
)


def commit(*events: AnyEvent, at: float = START, number: int = 0, actor: str = "scheduler") -> Commit:
    return Commit(
        id=f"1.{number}", at=at, namespace=str(IRELAND), actor=actor, operation="Example", events=list(events)
    )


def task_name(number: int) -> str:
    return f"{number + 1:032x}"


def cluster_created(name: str = PROD) -> ClusterCreated:
    return ClusterCreated(
        cluster=name,
        settings=[shapes.ClusterSetting(name="containerInsights", value="disabled")],
        configuration=shapes.ClusterConfiguration(
            execute_command_configuration=shapes.ExecuteCommandConfiguration(logging="DEFAULT")
        ),
        tags=[shapes.Tag(key="team", value="web")],
    )


def registered(name: str = INSTANCE, *, cpu: int = 2048, memory: int = 3767, host: str = "") -> list[AnyEvent]:
    return [
        ContainerInstanceRegistered(
            cluster=PROD,
            container_instance=name,
            ec2_instance_id="i-0abcdef1234567890",
            instance_type="t3.medium",
            zone=ZONE,
            host=host,
            capacity=Capacity(cpu=cpu, memory=memory, ports=PORTS),
            attributes=[
                shapes.Attribute(name="ecs.availability-zone", value=ZONE),
                shapes.Attribute(name="ecs.cpu-architecture", value="x86_64"),
                shapes.Attribute(name="ecs.capability.task-eni"),
            ],
            version_info=shapes.VersionInfo(
                agent_version="1.96.0", agent_hash="aebcbca1", docker_version="DockerVersion: 25.0.8"
            ),
            tags=[shapes.Tag(key="rack", value="7")],
        ),
        AgentConnected(cluster=PROD, container_instance=name),
    ]


def defined(family: str = "web", revision: int = 3, definition: shapes.TaskDefinition = WEB) -> AnyEvent:
    return TaskDefinitionRegistered(
        family=family, revision=revision, definition=definition, tags=[shapes.Tag(key="tier", value="front")]
    )


def requested(
    name: str = TASK, *, definition: str = "web:3", deployment: str = "", service: str = "web", started_by: str = ""
) -> TaskRequested:
    group = f"service:{service}" if deployment else f"family:{definition.partition(':')[0]}"
    return TaskRequested(
        cluster=PROD,
        task=name,
        task_definition=definition,
        group=group,
        deployment=deployment,
        started_by=started_by,
        tags=[shapes.Tag(key="who", value="me")],
    )


def placed(name: str = TASK, instance: str = INSTANCE) -> TaskPlaced:
    return TaskPlaced(cluster=PROD, task=name, container_instance=instance, zone=ZONE, explanation=EXPLANATION)


def run(name: str = TASK, *, instance: str = INSTANCE, deployment: str = "", service: str = "web") -> list[AnyEvent]:
    return [requested(name, deployment=deployment, service=service), placed(name, instance)]


def served(
    name: str = "web", *, desired_count: int = 3, deployment: str = FIRST, settings: ServiceSettings | None = None
) -> list[AnyEvent]:
    settings = settings or ServiceSettings(deployment_configuration=shapes.DeploymentConfiguration())
    return [
        ServiceCreated(
            cluster=PROD,
            service=name,
            desired_count=desired_count,
            settings=settings,
            tags=[shapes.Tag(key="team", value="web")],
            created_by="arn:aws:iam::123456789012:user/dev",
        ),
        DeploymentStarted(cluster=PROD, service=name, deployment=deployment, task_definition="web:3"),
    ]


class Recorder:
    """Read models that take events one commit at a time, ten seconds apart."""

    def __init__(self, models: ReadModels) -> None:
        self.models = models
        self._numbers = count(1)

    async def record(self, *events: AnyEvent, at: float | None = None, actor: str = "scheduler") -> float:
        number = next(self._numbers)
        time = START + 10.0 * number if at is None else at
        told = commit(*events, at=time, number=number, actor=actor)
        await self.models.apply([Chained(number, 1, f"hash-{number}", [told])], "log")
        return time

    async def prod(self) -> "Recorder":
        await self.record(cluster_created(), *registered(), defined())
        return self
