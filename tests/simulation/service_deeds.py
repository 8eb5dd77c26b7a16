"""Service deeds: what a user asks for services of every kind: REPLICA, DAEMON, and EXTERNAL with task sets."""

from __future__ import annotations

from typing import Any

from quarterdeck.events import shapes
from quarterdeck.events.own import PutAlarmStateRequest
from tests.simulation.hooks import TARGET
from tests.simulation.records import Share, Wish
from tests.simulation.world import World

SERVICES = ("web", "api", "cron")
DAEMONS = ("node", "logs")
SETS = "sets"
ALARMS = ("smoke", "errors")
PERCENTS = ((100, 200), (50, 100), (66, 133), (0, 100), (75, 125), (90, 110), (100, 150))
ARN = "arn:aws:ecs:us-east-1:000000000000"
DISTINCT = [shapes.PlacementConstraint(type="distinctInstance")]
ZONES = [
    shapes.PlacementConstraint(
        type="memberOf", expression="attribute:ecs.availability-zone in [us-east-1a, us-east-1b]"
    )
]
CONSTRAINTS = (None, None, None, DISTINCT, ZONES)
STRATEGIES = (
    None,
    None,
    None,
    [shapes.PlacementStrategy(type="spread", field="attribute:ecs.availability-zone")],
    [shapes.PlacementStrategy(type="binpack", field="memory")],
    [
        shapes.PlacementStrategy(type="spread", field="instanceId"),
        shapes.PlacementStrategy(type="binpack", field="cpu"),
    ],
    [shapes.PlacementStrategy(type="random")],
)
BREAKER = shapes.DeploymentCircuitBreaker
RULES: tuple[dict[str, Any], ...] = (
    {},
    {"deployment_circuit_breaker": BREAKER(enable=True, rollback=True)},
    {"deployment_circuit_breaker": BREAKER(enable=True, rollback=False)},
    {"bake_time_in_minutes": 1},
    {"strategy": "BLUE_GREEN"},
    {"strategy": "CANARY", "canary_configuration": shapes.CanaryConfiguration(canary_bake_time_in_minutes=0)},
    {
        "strategy": "LINEAR",
        "linear_configuration": shapes.LinearConfiguration(step_percent=50.0, step_bake_time_in_minutes=1),
    },
)
ALARMED = tuple(
    {"alarms": shapes.DeploymentAlarms(alarm_names=list(ALARMS), enable=True, rollback=rollback)}
    for rollback in (True, False)
)
HOOKED = ("PRE_SCALE_UP", "POST_SCALE_UP", "POST_PRODUCTION_TRAFFIC_SHIFT")


async def create_service(world: World) -> None:
    chance = world.chance
    request = shapes.CreateServiceRequest(
        service_name=chance.choice(SERVICES),
        task_definition=definition(world),
        desired_count=chance.randrange(7),
        placement_constraints=chance.choice(CONSTRAINTS),
        placement_strategy=chance.choice(STRATEGIES),
        availability_zone_rebalancing=chance.choice(("ENABLED", "DISABLED")),
        deployment_configuration=_configuration(world),
    )
    await world.ask("CreateService", request)


async def deploy(world: World) -> None:
    request = shapes.UpdateServiceRequest(
        service=world.chance.choice(SERVICES),
        task_definition=definition(world),
        force_new_deployment=world.chance.happens(0.3),
    )
    await world.ask("UpdateService", request)


async def scale(world: World) -> None:
    name = world.chance.choice((*SERVICES, SETS))
    request = shapes.UpdateServiceRequest(service=name, desired_count=world.chance.randrange(9))
    await world.ask("UpdateService", request)


async def change_all(world: World) -> None:
    """Change everything of a service at once; an empty list clears."""
    chance = world.chance
    request = shapes.UpdateServiceRequest(
        service=chance.choice(SERVICES),
        task_definition=definition(world) if chance.happens(0.5) else None,
        desired_count=chance.randrange(9),
        placement_constraints=chance.choice(CONSTRAINTS) or [],
        placement_strategy=chance.choice(STRATEGIES) or [],
        availability_zone_rebalancing=chance.choice(("ENABLED", "DISABLED")),
        deployment_configuration=_configuration(world),
    )
    await world.ask("UpdateService", request)


async def stop_deployment(world: World) -> None:
    name = world.chance.choice((*SERVICES, *DAEMONS))
    wish = world.ledger.wishes.get(name)
    if wish is not None and wish.primary:
        request = shapes.StopServiceDeploymentRequest(
            service_deployment_arn=_deployment(wish), stop_type=world.chance.choice((None, "ROLLBACK", "ABORT"))
        )
        await world.ask("StopServiceDeployment", request)


async def answer_pause(world: World) -> None:
    """Answer the hooks of all services that wait for a caller."""
    for wish in list(world.ledger.wishes.values()):
        for hook in sorted(world.ledger.pauses.get(wish.name, ())):
            action = world.chance.choice(("CONTINUE", "CONTINUE", "ROLLBACK"))
            request = shapes.ContinueServiceDeploymentRequest(
                service_deployment_arn=_deployment(wish), hook_id=hook, action=action
            )
            await world.ask("ContinueServiceDeployment", request)


async def ring_alarm(world: World) -> None:
    state = world.chance.choice(("ALARM", "ALARM", "OK", "INSUFFICIENT_DATA"))
    request = PutAlarmStateRequest(alarm_name=world.chance.choice(ALARMS), state_value=state)
    await world.ask("PutAlarmState", request)


async def delete_service(world: World) -> None:
    name = world.chance.choice((*SERVICES, *SERVICES, *DAEMONS, SETS))
    await world.ask("DeleteService", shapes.DeleteServiceRequest(service=name, force=True))


async def create_daemon(world: World) -> None:
    chance = world.chance
    breaker = BREAKER(enable=True, rollback=True) if chance.happens(0.3) else None
    request = shapes.CreateServiceRequest(
        service_name=chance.choice(DAEMONS),
        task_definition=_daemon(world),
        scheduling_strategy="DAEMON",
        placement_constraints=chance.choice((None, None, ZONES)),
        deployment_configuration=shapes.DeploymentConfiguration(
            minimum_healthy_percent=chance.choice((0, 50, 66)),
            maximum_percent=100,
            deployment_circuit_breaker=breaker,
        ),
    )
    await world.ask("CreateService", request)


async def change_daemon(world: World) -> None:
    chance = world.chance
    request = shapes.UpdateServiceRequest(
        service=chance.choice(DAEMONS),
        task_definition=_daemon(world) if chance.happens(0.7) else None,
        placement_constraints=chance.choice((None, None, [], ZONES)),
        force_new_deployment=chance.happens(0.2),
    )
    await world.ask("UpdateService", request)


async def create_external(world: World) -> None:
    request = shapes.CreateServiceRequest(
        service_name=SETS,
        deployment_controller=shapes.DeploymentController(type="EXTERNAL"),
        desired_count=world.chance.randrange(6),
        placement_constraints=world.chance.choice(CONSTRAINTS),
    )
    await world.ask("CreateService", request)
    await create_set(world)


async def create_set(world: World) -> None:
    request = shapes.CreateTaskSetRequest(
        cluster="default",
        service=SETS,
        task_definition=definition(world),
        scale=shapes.Scale(value=float(world.chance.choice((0, 30, 50, 100))), unit="PERCENT"),
    )
    await world.ask("CreateTaskSet", request)


async def change_set(world: World) -> None:
    """Scale a task set, make it PRIMARY, or delete it."""
    found = _share(world)
    if found is None:
        return
    match world.chance.randrange(4):
        case 0:
            primary = shapes.UpdateServicePrimaryTaskSetRequest(
                cluster="default", service=SETS, primary_task_set=found.id
            )
            await world.ask("UpdateServicePrimaryTaskSet", primary)
        case 1:
            force = world.chance.happens(0.7)
            deleted = shapes.DeleteTaskSetRequest(cluster="default", service=SETS, task_set=found.id, force=force)
            await world.ask("DeleteTaskSet", deleted)
        case _:
            scale_ = shapes.Scale(value=float(world.chance.choice((0, 30, 50, 100))), unit="PERCENT")
            request = shapes.UpdateTaskSetRequest(cluster="default", service=SETS, task_set=found.id, scale=scale_)
            await world.ask("UpdateTaskSet", request)


def definition(world: World) -> str:
    """Choose what tasks are made from."""
    return f"app:{world.chance.randrange(1, 5)}"


def _daemon(world: World) -> str:
    return f"daemon:{world.chance.randrange(1, 4)}"


def _configuration(world: World) -> shapes.DeploymentConfiguration:
    chance = world.chance
    minimum, maximum = chance.choice(PERCENTS)
    rule = dict(chance.choice(RULES))
    if chance.happens(0.25):
        rule |= chance.choice(ALARMED)
    if "strategy" in rule and chance.happens(0.5):
        rule["lifecycle_hooks"] = [_hook(world)]
    return shapes.DeploymentConfiguration(minimum_healthy_percent=minimum, maximum_percent=maximum, **rule)


def _hook(world: World) -> shapes.DeploymentLifecycleHook:
    paused = world.chance.happens(0.4)
    return shapes.DeploymentLifecycleHook(
        target_type="PAUSE" if paused else "AWS_LAMBDA",
        hook_target_arn=None if paused else TARGET,
        lifecycle_stages=[world.chance.choice(HOOKED)],
        timeout_configuration=shapes.DeploymentLifecycleHookTimeoutConfiguration(
            timeout_in_minutes=1, action=world.chance.choice(("CONTINUE", "ROLLBACK"))
        ),
    )


def _deployment(wish: Wish) -> str:
    return f"{ARN}:service-deployment/default/{wish.name}/{wish.primary[8:]}"


def _share(world: World) -> Share | None:
    wish = world.ledger.wishes.get(SETS)
    found = list(wish.shares.values()) if wish is not None else []
    return world.chance.choice(found) if found else None
