"""A world that lives by the rules of the engine: any list of numbers is a story, and every story is possible."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import msgspec

from quarterdeck.events import alarm, cluster, container_instance, service, shapes, tag, task, task_set
from quarterdeck.events import task_definition as definitions
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.commit import Commit
from tests.projections.models.examples import EXPLANATION, IRELAND, PORTS, START, ZONE
from tests.projections.models.records import Records

PLAIN = shapes.TaskDefinition(
    family="web", container_definitions=[shapes.ContainerDefinition(name="web", image="nginx", cpu=10, memory=300)]
)
SIDECAR = shapes.TaskDefinition(
    family="job",
    cpu="256",
    memory="512",
    network_mode="bridge",
    container_definitions=[
        shapes.ContainerDefinition(
            name="main",
            image="busybox",
            cpu=64,
            memory_reservation=128,
            health_check=shapes.HealthCheck(command=["x"]),
            port_mappings=[shapes.PortMapping(container_port=9000, host_port=9000, protocol="tcp")],
        ),
        shapes.ContainerDefinition(name="side", image="proxy", essential=False, memory=64),
    ],
)


class Task(msgspec.Struct):
    name: str
    cluster: str
    deployment: str = ""
    service: str = ""
    instance: str = ""
    desired: str = "RUNNING"
    last: str = "PROVISIONING"
    family: str = "web"
    definition: str = ""


class Service(msgspec.Struct):
    name: str
    status: str = "ACTIVE"
    deployment: str = ""


class Cluster(msgspec.Struct):
    name: str
    status: str = "ACTIVE"
    instances: dict[str, str] = {}
    services: dict[str, Service] = {}


class World:
    """What there is, as far as it is needed to go on."""

    def __init__(self) -> None:
        self.clusters: dict[str, Cluster] = {}
        self.tasks: dict[str, Task] = {}
        self.revisions = {"web": 0, "job": 0}
        self.hosts: dict[str, str] = {}
        self._numbers = count(1)
        self._records = Records()
        self._steps: list[Callable[[int], list[AnyEvent]]] = [
            self._cluster,
            self._definition,
            self._instance,
            self._agent,
            self._service,
            self._change_service,
            self._say,
            self._run,
            self._run,
            self._start,
            self._start,
            self._report,
            self._stop,
            self._stopping,
            self._stopped,
            self._stopped,
            self._end,
            lambda choice: self._records.told(self, self._inside(choice), choice // 2),
            lambda choice: self._records.told(self, self._inside(choice), choice // 2),
        ]

    def commits(self, choices: Iterable[int]) -> list[Commit]:
        """Tell a story: each choice is a commit, or nothing if what it stands for is not possible now."""
        return [self._commit(events) for events in (self._begin(), *map(self._step, choices)) if events]

    def _commit(self, events: list[AnyEvent]) -> Commit:
        number = next(self._numbers)
        at = START + 7.0 * number
        return Commit(id=f"1.{number}", at=at, namespace=str(IRELAND), actor="me", operation="Story", events=events)

    def _begin(self) -> list[AnyEvent]:
        return [*self._cluster(0), *self._definition(0), *self._definition(1), *self._instance(0), *self._service(0)]

    def _step(self, choice: int) -> list[AnyEvent]:
        return self._steps[choice % len(self._steps)](choice // len(self._steps))

    def _name(self) -> str:
        return f"{next(self._numbers):032x}"

    def _cluster(self, choice: int) -> list[AnyEvent]:
        name = ("prod", "test")[choice % 2]
        if name in self.clusters and self.clusters[name].status == "ACTIVE":
            return []
        self.clusters[name] = Cluster(name)
        self.tasks = {key: each for key, each in self.tasks.items() if each.cluster != name}
        return [cluster.ClusterCreated(cluster=name, tags=[shapes.Tag(key="a", value="b")])]

    def _definition(self, choice: int) -> list[AnyEvent]:
        family = ("web", "job")[choice % 2]
        self.revisions[family] += 1
        definition = (PLAIN, SIDECAR)[choice % 2]
        revision = self.revisions[family]
        told: list[AnyEvent] = [
            definitions.TaskDefinitionRegistered(family=family, revision=revision, definition=definition)
        ]
        if revision > 2:
            told.append(definitions.TaskDefinitionDeregistered(family=family, revision=revision - 2))
        if revision > 3:
            told.append(definitions.TaskDefinitionDeletionRequested(family=family, revision=revision - 3))
            used = {each.definition for each in self.tasks.values()}
            gone = revision - 4
            if gone and f"{family}:{gone}" not in used:
                told.append(definitions.TaskDefinitionDeleted(family=family, revision=gone))
        return told

    def _inside(self, choice: int) -> Cluster | None:
        active = [each for each in self.clusters.values() if each.status == "ACTIVE"]
        return active[choice % len(active)] if active else None

    def _instance(self, choice: int) -> list[AnyEvent]:
        inside = self._inside(choice)
        if inside is None:
            return []
        name = self._name()
        inside.instances[name] = "ACTIVE"
        self.hosts[name] = f"{inside.name}-{choice % 3}"
        capacity = container_instance.Capacity(cpu=100_000, memory=100_000, ports=PORTS)
        attributes = [shapes.Attribute(name="ecs.cpu-architecture", value=("x86_64", "arm64")[choice % 2])]
        registered = container_instance.ContainerInstanceRegistered(
            cluster=inside.name,
            container_instance=name,
            zone=ZONE,
            host=self.hosts[name],
            capacity=capacity,
            attributes=attributes,
        )
        return [registered, container_instance.AgentConnected(cluster=inside.name, container_instance=name)]

    def _agent(self, choice: int) -> list[AnyEvent]:
        inside = self._inside(choice)
        if inside is None or not inside.instances:
            return []
        name = list(inside.instances)[choice % len(inside.instances)]
        of: dict[str, Any] = {"cluster": inside.name, "container_instance": name}
        match choice % 7:
            case 5:
                health = {"status": ("OK", "IMPAIRED")[choice // 7 % 2], "reason": "because"}
                return [container_instance.RuntimeHealthChanged(**of, **health)]
            case 6:
                return [container_instance.AgentUpdateRequested(**of)]
            case 0:
                return [container_instance.AgentDisconnected(**of), container_instance.AgentConnected(**of)]
            case 1:
                lost = container_instance.AgentLost(**of, after_seconds=60.0)
                return [container_instance.AgentDisconnected(**of), lost, container_instance.AgentConnected(**of)]
            case 2:
                capacity = container_instance.Capacity(cpu=200_000 + choice, memory=100_000, ports=PORTS[:2])
                return [container_instance.ContainerInstanceReregistered(**of, capacity=capacity)]
            case 3:
                status = "DRAINING" if inside.instances[name] == "ACTIVE" else "ACTIVE"
                inside.instances[name] = status
                return [container_instance.ContainerInstanceStatusChanged(**of, status=status)]
            case _:
                return self._deregister(inside, name)

    def _deregister(self, inside: Cluster, name: str) -> list[AnyEvent]:
        told: list[AnyEvent] = []
        for each in self.tasks.values():
            if each.instance == name and each.last != "STOPPED":
                told += self._stop_one(each, "UserInitiated") + self._stopped_one(each, "UserInitiated")
        del inside.instances[name]
        gone = container_instance.ContainerInstanceDeregistered(cluster=inside.name, container_instance=name)
        return [*told, gone]

    def _service(self, choice: int) -> list[AnyEvent]:
        inside = self._inside(choice)
        name = ("api", "shop")[choice // 2 % 2]
        if inside is None or (name in inside.services and inside.services[name].status != "INACTIVE"):
            return []
        inside.services[name] = Service(name)
        settings = service.ServiceSettings(
            scheduling_strategy=("REPLICA", "DAEMON")[choice // 4 % 2],
            deployment_configuration=shapes.DeploymentConfiguration(),
        )
        created = service.ServiceCreated(cluster=inside.name, service=name, desired_count=2, settings=settings)
        return [created, self._deploy(inside, inside.services[name])]

    def _deploy(self, inside: Cluster, held: Service) -> AnyEvent:
        held.deployment = f"ecs-svc/{next(self._numbers)}"
        definition = f"web:{self.revisions['web']}"
        of: dict[str, Any] = {"cluster": inside.name, "service": held.name}
        return service.DeploymentStarted(**of, deployment=held.deployment, task_definition=definition)

    def _held(self, choice: int) -> tuple[Cluster, Service] | None:
        every = [(inside, held) for inside in self.clusters.values() for held in inside.services.values()]
        alive = [(inside, held) for inside, held in every if held.status == "ACTIVE"]
        return alive[choice % len(alive)] if alive else None

    def _change_service(self, choice: int) -> list[AnyEvent]:
        found = self._held(choice)
        if found is None:
            return []
        inside, held = found
        of: dict[str, Any] = {"cluster": inside.name, "service": held.name}
        match choice % 5:
            case 0:
                return [service.ServiceUpdated(**of, desired_count=choice % 7)]
            case 4:
                return self._task_set(of, choice)
            case 1:
                return [service.ServiceUpdated(**of), self._deploy(inside, held)]
            case 2:
                return [service.DeploymentCompleted(**of, deployment=held.deployment)]
            case _:
                return self._delete(inside, held)

    def _task_set(self, of: dict[str, Any], choice: int) -> list[AnyEvent]:
        """Tell a task set's whole life at once; its tasks are told of elsewhere."""
        this = {**of, "task_set": f"ecs-svc/{next(self._numbers)}"}
        arn = IRELAND.task_set_arn(this["cluster"], this["service"], this["task_set"])
        told: list[AnyEvent] = [
            task_set.TaskSetCreated(**this, task_definition="web:1", scale=50.0),
            task_set.TaskSetScaled(**this, scale=float(choice % 100)),
            tag.ResourceTagged(resource=arn, tags=[shapes.Tag(key="a", value=str(choice % 9))]),
            task_set.PrimaryTaskSetChanged(**this),
            task_set.TaskSetSteadyStateReached(**this),
        ]
        gone: list[AnyEvent] = [task_set.TaskSetDeleted(**this), task_set.TaskSetDrained(**this)]
        return [*told, *gone] if choice % 2 else told

    def _delete(self, inside: Cluster, held: Service) -> list[AnyEvent]:
        told: list[AnyEvent] = [service.ServiceDeleted(cluster=inside.name, service=held.name)]
        for each in self.tasks.values():
            if (each.cluster, each.service, each.desired) == (inside.name, held.name, "RUNNING"):
                told += self._stop_one(each, "ServiceSchedulerInitiated")
        held.status = "INACTIVE"
        return [*told, service.ServiceDrained(cluster=inside.name, service=held.name)]

    def _say(self, choice: int) -> list[AnyEvent]:
        found = self._held(choice)
        if found is None:
            return []
        of: dict[str, Any] = {"cluster": found[0].name, "service": found[1].name}
        deployment = found[1].deployment
        return [
            service.ServiceSteadyStateReached(**of),
            service.ServiceTaskPlacementFailed(
                **of, deployment=deployment, count=1, reason="AGENT", closest="x", explanation=EXPLANATION
            ),
            service.ServiceTaskStartImpaired(**of, deployment=deployment, failures=1, delay_seconds=1.0),
            service.ServiceRebalancingStarted(**of, zones={"a": 3, "b": 1}),
            service.ServiceRebalancingTaskStarted(**of, task="none", zone="b", source="a"),
            service.ServiceRebalancingBlocked(**of, deployment=deployment, zone="b"),
            service.ServiceRebalancingStopped(**of, reason="x"),
            service.ServiceRebalancingCompleted(**of, zones={"a": 2, "b": 2}),
            service.ServiceScaleInBlocked(**of, deployment=deployment, protected=3),
            service.ServiceDesiredCountChanged(**of, desired_count=2),
            service.ServiceDaemonConstraintViolated(**of, deployment=deployment, container_instances=["x"]),
            alarm.AlarmStateChanged(alarm="errors", state=("OK", "ALARM")[choice % 2]),
            service.DeploymentBaking(**of, deployment=deployment, until=START),
            service.DeploymentStopRequested(**of, deployment=deployment, stop_type=("ROLLBACK", "ABORT")[choice % 2]),
            service.DeploymentStageEntered(**of, deployment=deployment, stage="PRE_SCALE_UP"),
            service.DeploymentHookStarted(
                **of,
                deployment=deployment,
                hook="h",
                stage="PRE_SCALE_UP",
                target_type="PAUSE",
                expires_at=START,
                timeout_action="ROLLBACK",
            ),
            service.DeploymentHookEnded(**of, deployment=deployment, hook="h", status="SUCCEEDED"),
            service.DeploymentTrafficShifted(**of, deployment=deployment, test=100.0, production=10.0),
            service.DeploymentFailuresCounted(**of, deployment=deployment, failures=choice % 4, threshold=3),
            *([service.DeploymentFailed(**of, deployment=deployment, cause="x", reason="x")] if choice % 3 else []),
            service.ServiceDeploymentBlocked(**of, deployment=deployment, lower=1, upper=2),
            task.TaskPlacementFailed(
                cluster=found[0].name, task_definition="web:1", group="x", count=1, explanation=EXPLANATION
            ),
        ]

    def _run(self, choice: int) -> list[AnyEvent]:
        inside = self._inside(choice)
        usable = [name for name, status in inside.instances.items() if status == "ACTIVE"] if inside else []
        if inside is None or not usable:
            return []
        found = self._held(choice)
        told: list[AnyEvent] = []
        for place in range(1 + choice % 12):
            fresh = Task(self._name(), inside.name)
            if found is not None and found[0] is inside and choice % 3:
                fresh.service, fresh.deployment = found[1].name, found[1].deployment
            told += self._run_one(fresh, usable[place % len(usable)], choice)
        return told

    def _family(self, fresh: Task, instance: str, choice: int) -> str:
        """A job takes a port of its host, so there is one at a time."""
        host = self.hosts[instance]
        alive = {each.instance for each in self.tasks.values() if each.family == "job" and each.last != "STOPPED"}
        busy = {self.hosts[each] for each in alive}
        return "web" if fresh.deployment or host in busy else ("web", "job")[choice % 2]

    def _run_one(self, fresh: Task, instance: str, choice: int) -> list[AnyEvent]:
        family = fresh.family = self._family(fresh, instance, choice)
        fresh.definition = f"{family}:{self.revisions[family]}"
        requested = task.TaskRequested(
            cluster=fresh.cluster,
            task=fresh.name,
            task_definition=fresh.definition,
            group=f"service:{fresh.service}" if fresh.deployment else f"family:{family}",
            deployment=fresh.deployment,
            started_by=fresh.deployment or ("", "me")[choice % 2],
        )
        fresh.instance, fresh.last = instance, "PENDING"
        self.tasks[fresh.name] = fresh
        of: dict[str, Any] = {"cluster": fresh.cluster, "task": fresh.name}
        waits = task.TaskQueued(**of, until=START, reason="RESOURCE:CPU", explanation=EXPLANATION)
        queued = [waits] if choice % 2 and not fresh.deployment else []
        return [requested, *queued, task.TaskPlaced(**of, container_instance=instance, zone=ZONE)]

    def _one(self, choice: int, *last: str) -> Task | None:
        found = [each for each in self.tasks.values() if each.last in last]
        return found[choice % len(found)] if found else None

    def _start(self, choice: int) -> list[AnyEvent]:
        found = self._one(choice, "PENDING")
        if found is None:
            return []
        found.last = "RUNNING"
        reports = [task.ContainerReport(name="web", status="RUNNING", runtime_id="r", health_status="HEALTHY")]
        return [task.TaskStarted(cluster=found.cluster, task=found.name, containers=reports)]

    def _report(self, choice: int) -> list[AnyEvent]:
        found = self._one(choice, "PENDING", "RUNNING")
        if found is None:
            return []
        of: dict[str, Any] = {"cluster": found.cluster, "task": found.name}
        if found.service and found.desired == "RUNNING" and choice % 3:
            until = START + 60.0 * choice
            told: list[AnyEvent] = [task.TaskProtectionEnabled(**of, expires_at=until)]
            return [*told, task.TaskProtectionDisabled(**of)] if choice % 3 == 2 else told
        if choice % 7 == 6:
            return [task.ExecuteCommandRequested(**of, container="main", command="sh", session="ecs-execute-command-1")]
        report = task.ContainerReport(name="main", status="RUNNING", health_status="UNHEALTHY")
        return [
            task.ContainerStateChanged(**of, container=report),
            task.TaskHealthChanged(**of, health_status="UNHEALTHY"),
        ]

    def _stop(self, choice: int) -> list[AnyEvent]:
        found = self._one(choice, "PENDING", "RUNNING")
        if found is None or found.desired == "STOPPED":
            return []
        return self._stop_one(found, ("UserInitiated", "ServiceSchedulerInitiated")[choice % 2])

    def _stop_one(self, found: Task, code: str) -> list[AnyEvent]:
        if found.desired == "STOPPED":
            return []
        found.desired = "STOPPED"
        return [task.TaskStopRequested(cluster=found.cluster, task=found.name, stop_code=code, reason="asked")]

    def _stopping(self, choice: int) -> list[AnyEvent]:
        found = self._one(choice, "RUNNING")
        if found is None or found.desired == "STOPPED":
            return []
        found.last, found.desired = "STOPPING", "STOPPED"
        of: dict[str, Any] = {"cluster": found.cluster, "task": found.name}
        return [task.TaskStopping(**of, stop_code="EssentialContainerExited", reason="over")]

    def _stopped(self, choice: int) -> list[AnyEvent]:
        found = self._one(choice, "PENDING", "RUNNING", "STOPPING")
        codes = ("EssentialContainerExited", "TaskFailedToStart")
        return self._stopped_one(found, codes[choice % 2]) if found else []

    def _stopped_one(self, found: Task, code: str) -> list[AnyEvent]:
        found.desired = found.last = "STOPPED"
        reports = [task.ContainerReport(name="main", status="STOPPED", exit_code=1)]
        of: dict[str, Any] = {"cluster": found.cluster, "task": found.name}
        return [task.TaskStopped(**of, stop_code=code, reason="ended", containers=reports)]

    def _end(self, choice: int) -> list[AnyEvent]:
        inside = self._inside(choice)
        if inside is None or choice % 4:
            return []
        told: list[AnyEvent] = []
        for held in list(inside.services.values()):
            told += self._delete(inside, held) if held.status == "ACTIVE" else []
        for name in list(inside.instances):
            told += self._deregister(inside, name)
        inside.status = "INACTIVE"
        return [*told, cluster.ClusterDeleted(cluster=inside.name)]
