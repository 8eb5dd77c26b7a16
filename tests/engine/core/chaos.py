"""Chaos: a story in which anything may happen next, told by small numbers that hypothesis chooses and shrinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quarterdeck.engine.core import (
    attribute,
    container_instance,
    placement_options,
    queued_task,
    report,
    service,
    service_deployment,
    task,
    task_definition,
    task_protection,
)
from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.core.placement import Placed, closest, matrix, place
from quarterdeck.engine.core.query_match import matcher
from quarterdeck.engine.core.queue_step import work_queue
from quarterdeck.engine.core.reconcile import reconcile
from quarterdeck.engine.core.turn import Settings, Turn
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.task import TaskPlaced, TaskRequested
from quarterdeck.projections.live.demand import Demand, constrained
from quarterdeck.projections.live.rule import Rule
from quarterdeck.projections.live.states import ClusterState, TaskState
from quarterdeck.projections.live.task import SERVICE_GROUP
from quarterdeck.projections.live.task_definition import find
from tests.checkers import Watch, check, check_never_overbooked
from tests.engine.core.story import Story, chain, defined, hexadecimal, joined

SERVICES = ("web", "api", "cron")
GROUPS = ("family:app", "batch", *(f"service:{name}" for name in SERVICES))
DEFINITIONS = (
    defined("app:1", cpu=256, memory=512),
    defined("app:2", cpu=1024, memory=100),
    defined("app:3", cpu=0, memory=2000),
    defined("app:4", cpu=100, memory=100, port=80),
    defined("app:5", cpu=100, memory=100, needs=("ecs.capability.task-eni",)),
    defined("app:6", cpu=100, memory=200, only="attribute:rack == r1 or attribute:ecs.capability.task-eni exists"),
    defined("app:7", cpu=50, memory=50, only="not (task:group == batch) and runningTasksCount < 3"),
    defined("app:8", cpu=300, memory=300, checked=True),
)
HEALTHS = ("UNHEALTHY", "UNHEALTHY", "HEALTHY", "UNKNOWN")
STRATEGIES: tuple[list[shapes.PlacementStrategy], ...] = (
    [],
    [],
    chain("spread attribute:rack", "binpack memory"),
    chain("spread attribute:ecs.availability-zone", "spread instanceId", "binpack cpu"),
    chain("binpack cpu"),
    chain("binpack memory", "spread attribute:ecs.availability-zone", "spread attribute:rack"),
    chain("random"),
    chain("spread attribute:ecs.availability-zone", "random", "binpack cpu"),
    chain("spread host", "random"),
    chain("binpack memory", "binpack cpu", "random"),
    chain("spread instanceId", "spread attribute:rack", "spread attribute:none", "binpack memory", "binpack cpu"),
)
CONSTRAINTS: tuple[list[shapes.PlacementConstraint], ...] = (
    [],
    [],
    [shapes.PlacementConstraint(type="distinctInstance")],
    [shapes.PlacementConstraint(type="memberOf", expression="attribute:rack in [r0, r2]")],
    [
        shapes.PlacementConstraint(type="distinctInstance"),
        shapes.PlacementConstraint(type="memberOf", expression="attribute:rack !exists || task:group =~ service:.*"),
    ],
)
PERCENTS = ((100, 200), (50, 100), (66, 133), (0, 100), (75, 125), (90, 110))
HOOK = shapes.DeploymentLifecycleHook(
    hook_target_arn="nats:qd.hook.chaos",
    lifecycle_stages=["PRE_SCALE_UP", "TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"],
    timeout_configuration=shapes.DeploymentLifecycleHookTimeoutConfiguration(timeout_in_minutes=1, action="CONTINUE"),
)
RULES: tuple[dict[str, Any], ...] = (
    {},
    {"deployment_circuit_breaker": shapes.DeploymentCircuitBreaker(enable=True, rollback=True)},
    {
        "deployment_circuit_breaker": shapes.DeploymentCircuitBreaker(
            enable=True,
            rollback=False,
            reset_on_healthy_task=False,
            threshold_configuration=shapes.ThresholdConfiguration(type="COUNT", value=1),
        )
    },
    {"strategy": "LINEAR", "bake_time_in_minutes": 1},
    {"strategy": "CANARY", "lifecycle_hooks": [HOOK]},
)
ROUNDS_MAX = 200


class StrictTurn(Turn):
    """A turn that lets no task go where its constraints do not let it be (§14.6), each judged by itself."""

    def emit(self, event: AnyEvent) -> None:
        """Look at a placement before the state has it."""
        if isinstance(event, TaskPlaced):
            self._check(event)
        super().emit(event)

    def _check(self, event: TaskPlaced) -> None:
        cluster = self.state.clusters[event.cluster]
        placed, instance = cluster.tasks[event.task], cluster.instances[event.container_instance]
        if event.explanation is None and not placed.deployment:
            return  # StartTask says where
        assert (instance.status, instance.connected) == ("ACTIVE", True)
        for each in self._constraints(cluster, placed):
            if each.type == "distinctInstance":
                assert placed.group not in instance.tasks.values(), f"{placed.group} twice on {instance.id}"
            else:
                assert matcher(each.expression or "")(instance), f"{each.expression} on {instance.id}"

    def _constraints(
        self, cluster: ClusterState, placed: TaskState
    ) -> list[shapes.PlacementConstraint | shapes.TaskDefinitionPlacementConstraint]:
        asked = [each for each in self.events if isinstance(each, TaskRequested) and each.task == placed.id]
        own = asked[0].placement_constraints if asked else cluster.queued[placed.id].constraints
        if placed.deployment:
            own = cluster.services[placed.group.removeprefix(SERVICE_GROUP)].settings.placement_constraints
        return [*own, *(find(self.state, placed.definition).definition.placement_constraints or [])]


class Chaos(Story):
    """A cluster of a few instances, some of which share a host, and operations chosen by numbers."""

    def __init__(self) -> None:
        super().__init__(settings=Settings(lost_after=60.0, healthy_after=5.0))
        self.watch = Watch()
        self.seen = 0
        self.resized = False
        self.given(ClusterCreated(cluster="default"), DEFINITIONS)
        for number in range(4):
            self.join(number, number)

    def turn(self, digest: str = "") -> Turn:
        """Begin a decision whose placements are looked at."""
        return StrictTurn(self.state, self.now, "test", self.ids, self.settings, digest)

    @property
    def placements(self) -> int:
        """How many placements were looked at."""
        return sum(isinstance(event, TaskPlaced) for commit in self.commits for event in commit.events)

    def join(self, number: int, size: int) -> None:
        """Have an instance join; some share a host, some can do more than others."""
        self.given(
            joined(
                f"i{len(self.cluster().instances):03}",
                "abc"[number % 3],
                cpu=(1024, 2048, 600)[size % 3],
                memory=(2048, 4096, 700)[size % 3],
                host="shared" if number % 4 in {1, 2} else "",
                attributes={"ecs.capability.task-eni": ""} if size % 2 else None,
                connected=size % 5 != 4,
            )
        )

    def act(self, kind: int, one: int, two: int) -> None:
        """Do one thing; what is refused changes nothing."""
        self.now += 1.0
        before = self.view.fingerprint()
        events = len(self.commits)
        try:
            ACTS[kind % len(ACTS)](self, one, two)
        except Refusal:
            assert self.view.fingerprint() == before
            assert len(self.commits) == events

    def checked(self) -> None:
        """Check all that must hold after every step."""
        events: list[AnyEvent] = []
        for commit in self.commits[self.seen :]:
            events.extend(commit.events)
        self.seen = len(self.commits)
        check(self.state)
        self.watch.step(self.state, events)
        if not self.resized:
            check_never_overbooked(self.cluster())

    def rest(self) -> None:
        """Let scheduler and agents work, and time pass, until there is nothing left to do."""
        for done in range(ROUNDS_MAX):
            before = len(self.commits)
            self.when(task_protection.expire)
            self.when(lambda turn: work_queue(turn, self.cluster()))
            for name in self.cluster().services:
                self.settle(name)
            self.agents_start()
            self.agents_stop()
            for each in self.live():
                if each.checks is not None and each.health == "UNKNOWN":
                    turn_health(self, each, "HEALTHY")
            self.now += 2000.0
            if len(self.commits) == before and done:  # time has passed since the round before
                return
        raise AssertionError("it does not come to rest")

    def instance(self, number: int) -> str:
        """Pick an instance."""
        names = list(self.cluster().instances)
        return names[number % len(names)]

    def pick(self, number: int, status: str) -> TaskState | None:
        """Pick a task of a status, if there is one."""
        found = [each for each in self.live() if each.last_status == status]
        return found[number % len(found)] if found else None


def best(story: Story, group: str, demand: Demand, rule: Rule, seed: str) -> str:
    """Name the instance to choose, found by looking at every one; empty if none fits."""
    verdicts = matrix(story.cluster(), group, demand, rule, seed)
    return verdicts[0].container_instance if verdicts and not verdicts[0].reason else ""


def ask(story: Chaos, one: int, two: int) -> None:
    """Hold the indexes to the rule they are indexes of."""
    constraints, strategies = options(one, two)
    rule = placement_options.rule(constraints, strategies)
    group, demand = GROUPS[one % len(GROUPS)], constrained(_demand(story, two), constraints)
    if group in story.cluster().room.daemons:
        return  # nobody chooses where a daemon goes
    found = place(story.cluster(), group, demand, rule, f"seed {one}")
    assert (found.instance.id if isinstance(found, Placed) else "") == best(story, group, demand, rule, f"seed {one}")
    rejected = sum(found.explanation.rejected.values())
    present = sum(1 for each in story.cluster().instances.values() if each.status != "INACTIVE")
    assert found.explanation.considered == present
    assert rejected < present if isinstance(found, Placed) else rejected == present
    if not isinstance(found, Placed):
        name = closest(story.cluster(), group, demand, rule, found.reason)
        assert bool(name) == bool(present)
        assert not present or story.cluster().instances[name].status != "INACTIVE"


def ask_everything(story: Chaos) -> None:
    """Ask for every group and demand there is."""
    for group in range(len(GROUPS)):
        for demand in range(len(DEFINITIONS)):
            ask(story, group + len(GROUPS) * demand, demand + len(DEFINITIONS) * group)


def run(story: Chaos, one: int, two: int) -> None:
    """Run up to three tasks, each of which must go where the whole matrix says."""
    group = GROUPS[one % 2]
    constraints, strategies = options(one, two)
    rule, demand = placement_options.rule(constraints, strategies), constrained(_demand(story, two), constraints)
    request = shapes.RunTaskRequest(
        task_definition=named(two),
        group=group,
        placement_constraints=constraints,
        placement_strategy=strategies,
        tags=[shapes.Tag(key=queued_task.TAG, value="9")] if two % 3 == 0 else None,
    )
    for _ in range(one % 3 + 1):
        expected = best(story, group, demand, rule, hexadecimal(story.ids.count + 1))
        events = story.when(task.run, request)
        assert [each.container_instance for each in events if isinstance(each, TaskPlaced)] == [expected][
            : bool(expected)
        ]


def options(one: int, two: int) -> tuple[list[shapes.PlacementConstraint], list[shapes.PlacementStrategy]]:
    """Choose constraints and strategies."""
    return CONSTRAINTS[(one + two) % len(CONSTRAINTS)], STRATEGIES[(one + 5 * two) % len(STRATEGIES)]


def mark(story: Chaos, one: int, two: int) -> None:
    """Give an instance an attribute, or take it away."""
    target = {"target_id": story.instance(one), "target_type": "container-instance"}
    marked = [shapes.Attribute(name="rack", value=f"r{two % 3}" if two % 4 else None, **target)]
    if two % 4:
        story.when(attribute.put, shapes.PutAttributesRequest(attributes=marked))
    else:
        story.when(attribute.delete, shapes.DeleteAttributesRequest(attributes=marked))


def start(story: Chaos, one: int, two: int) -> None:
    request = shapes.StartTaskRequest(
        task_definition=named(two), container_instances=[story.instance(one), story.instance(one + 1)]
    )
    story.when(task.start, request)


def stop(story: Chaos, one: int, two: int) -> None:
    found = story.pick(one, "RUNNING" if two % 2 else "PENDING")
    if found is not None:
        story.when(task.stop, shapes.StopTaskRequest(task=found.id))


def protect(story: Chaos, one: int, two: int) -> None:
    found = story.pick(one, "RUNNING" if two % 2 else "PENDING")
    if found is not None:
        request = shapes.UpdateTaskProtectionRequest(
            cluster="default", tasks=[found.id], protection_enabled=two % 3 != 0, expires_in_minutes=1
        )
        story.when(task_protection.update, request)


def told_running(story: Chaos, one: int, two: int) -> None:
    found = story.pick(one, "PENDING")
    if found is not None:
        story.when(report.task, shapes.SubmitTaskStateChangeRequest(task=found.id, status="RUNNING"))


def turn_health(story: Chaos, found: TaskState, health: str) -> None:
    """Have the agent report what the health check of its one container says."""
    change = shapes.ContainerStateChange(container_name="main", status="RUNNING", health_status=health)
    story.when(report.task, shapes.SubmitTaskStateChangeRequest(task=found.id, status="RUNNING", containers=[change]))


def told_health(story: Chaos, one: int, two: int) -> None:
    found = [each for each in story.live() if each.checks is not None]
    if found:
        turn_health(story, found[one % len(found)], HEALTHS[two % len(HEALTHS)])


def told_stopped(story: Chaos, one: int, two: int) -> None:
    tasks = list(story.cluster().tasks)
    if tasks:
        story.when(
            report.task, shapes.SubmitTaskStateChangeRequest(task=tasks[one % len(tasks)], status="STOPPED", reason="x")
        )


def agents(story: Chaos, one: int, two: int) -> None:
    story.agents_start(one)
    story.agents_stop(two)


def connect(story: Chaos, one: int, two: int) -> None:
    story.when(container_instance.connect, "default", story.instance(one), "s")


def disconnect(story: Chaos, one: int, two: int) -> None:
    story.when(container_instance.disconnect, "default", story.instance(one), "gone")


def lose(story: Chaos, one: int, two: int) -> None:
    story.after(70.0 * (two % 2)).when(container_instance.lose_overdue)


def drain(story: Chaos, one: int, two: int) -> None:
    request = shapes.UpdateContainerInstancesStateRequest(
        container_instances=[story.instance(one)], status="DRAINING" if two % 2 else "ACTIVE"
    )
    story.when(container_instance.update_state, request)


def deregister(story: Chaos, one: int, two: int) -> None:
    request = shapes.DeregisterContainerInstanceRequest(container_instance=story.instance(one), force=bool(two % 2))
    story.when(container_instance.deregister, request)


def reregister(story: Chaos, one: int, two: int) -> None:
    name = story.instance(one)
    story.when(
        container_instance.register,
        shapes.RegisterContainerInstanceRequest(
            container_instance_arn=story.state.namespace.container_instance_arn("default", name),
            instance_identity_document='{"instanceType":"m5.large"}',
            total_resources=[
                shapes.Resource(name="CPU", integer_value=(512, 4096)[two % 2]),
                shapes.Resource(name="MEMORY", integer_value=(512, 4096)[two % 2]),
                shapes.Resource(name="PORTS", string_set_value=["80"] if two % 4 == 3 else ["22"]),
            ],
            attributes=[shapes.Attribute(name="ecs.capability.task-eni")] if two % 3 else None,
        ),
    )
    story.resized = True


def create_service(story: Chaos, one: int, two: int) -> None:
    minimum, maximum = PERCENTS[two % len(PERCENTS)]
    if one % 4 == 3:
        create_daemon(story, one, two)
        return
    story.when(
        service.create,
        shapes.CreateServiceRequest(
            service_name=SERVICES[one % len(SERVICES)],
            task_definition=named(two),
            desired_count=two % 7,
            placement_constraints=options(one, two)[0],
            placement_strategy=options(one, two)[1],
            health_check_grace_period_seconds=30 * (one % 2),
            deployment_configuration=shapes.DeploymentConfiguration(
                minimum_healthy_percent=minimum,
                maximum_percent=maximum,
                **RULES[one // len(SERVICES) % len(RULES)],
            ),
        ),
    )


def create_daemon(story: Chaos, one: int, two: int) -> None:
    story.when(
        service.create,
        shapes.CreateServiceRequest(
            service_name=SERVICES[two % len(SERVICES)],
            task_definition=named(two),
            scheduling_strategy="DAEMON",
            placement_constraints=options(one, two)[0],
        ),
    )


def update_service(story: Chaos, one: int, two: int) -> None:
    story.when(
        service.update,
        shapes.UpdateServiceRequest(
            service=SERVICES[one % len(SERVICES)],
            desired_count=two % 7 if one % 2 else None,
            task_definition=named(two) if two % 2 else None,
            placement_constraints=options(one, two)[0] if two % 3 else None,
            placement_strategy=options(one, two)[1] if two % 5 else None,
            force_new_deployment=two % 6 == 0,
        ),
    )


def delete_service(story: Chaos, one: int, two: int) -> None:
    story.when(service.delete, shapes.DeleteServiceRequest(service=SERVICES[one % len(SERVICES)], force=bool(two % 2)))


def schedule(story: Chaos, one: int, two: int) -> None:
    names = list(story.cluster().services)
    if names:
        name = names[one % len(names)]
        story.when(lambda turn: reconcile(turn, story.cluster(), story.service(name)))


def stop_deployment(story: Chaos, one: int, two: int) -> None:
    """Stop what a service deploys, if it does; a hook it waits for may answer."""
    services = list(story.cluster().services.values())
    if not services or not services[one % len(services)].deployments:
        return
    held = services[one % len(services)]
    primary = held.deployments[0]
    for hook in list(primary.hooks) if two % 3 == 0 else ():
        place = service_deployment.HookPlace("default", held.name, primary.id, hook)
        story.when(service_deployment.end_hook, place, ("SUCCEEDED", "FAILED")[two % 2], "")
    arn = story.state.namespace.service_deployment_arn("default", held.name, primary.rolls_back or primary.id)
    kind = ("ROLLBACK", "ABORT")[one % 2]
    if two % 3:
        request = shapes.StopServiceDeploymentRequest(service_deployment_arn=arn, stop_type=kind)
        story.when(service_deployment.stop, request)


def retire(story: Chaos, one: int, two: int) -> None:
    if two % 4 == 0:
        story.when(task_definition.deregister, shapes.DeregisterTaskDefinitionRequest(task_definition=named(one)))


def queue(story: Chaos, one: int, two: int) -> None:
    story.when(lambda turn: work_queue(turn, story.cluster()))


def settle(story: Chaos, one: int, two: int) -> None:
    names = list(story.cluster().services)
    if names:
        story.settle(names[one % len(names)])


def named(number: int) -> str:
    """Name a task definition."""
    return f"app:{number % len(DEFINITIONS) + 1}"


def _demand(story: Story, number: int) -> Demand:
    return story.state.families["app"].revisions[number % len(DEFINITIONS) + 1].demand


ACTS: tuple[Callable[[Chaos, int, int], Any], ...] = (
    ask,
    run,
    told_running,
    told_stopped,
    agents,
    create_service,
    settle,
    schedule,
    update_service,
    start,
    stop,
    connect,
    disconnect,
    lose,
    drain,
    Chaos.join,
    protect,
    deregister,
    reregister,
    delete_service,
    mark,
    queue,
    told_health,
    retire,
    stop_deployment,
)

CONSTRAINED = (
    run,
    run,
    create_service,
    update_service,
    settle,
    settle,
    agents,
    mark,
    mark,
    stop,
    queue,
    drain,
    connect,
)

PLACING = (
    run,
    run,
    stop,
    stop,
    told_stopped,
    agents,
    start,
    connect,
    connect,
    disconnect,
    drain,
    reregister,
    deregister,
    mark,
    mark,
)
