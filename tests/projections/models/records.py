"""Records: what callers put beside what runs: settings, attributes, tags, capacity providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.events import account_setting, capacity_provider, cluster, container_instance, secret, shapes, tag
from tests.projections.models.examples import IRELAND

if TYPE_CHECKING:
    from quarterdeck.events.catalog import AnyEvent
    from tests.projections.models.world import Cluster, World

PROVIDERS = ("spot", "large")
SETTINGS = ("containerInsights", "awsvpcTrunking")
PRINCIPALS = (IRELAND.root_arn(), "arn:aws:iam::123456789012:user/ann")
NAMES = ("rack", "disk", "gpu")


class Records:
    """What there is of them."""

    def __init__(self) -> None:
        self.providers: set[str] = set()
        self.chosen: set[tuple[str, str]] = set()
        self.secrets: set[str] = set()

    def told(self, world: World, inside: Cluster | None, choice: int) -> list[AnyEvent]:
        """Tell one event, or none if it is not possible now."""
        kind, choice = choice % 6, choice // 6
        if kind == 0:
            return self._provider(choice)
        if kind == 1:
            return self._setting(choice)
        if kind == 2:
            return self._secret(choice)
        if inside is None:
            return []
        return (self._cluster, self._attributes, self._tags)[kind - 3](world, inside, choice)

    def _provider(self, choice: int) -> list[AnyEvent]:
        name = PROVIDERS[choice % 2]
        group = shapes.AutoScalingGroupProvider(auto_scaling_group_arn=f"group-{choice}")
        if name not in self.providers:
            self.providers.add(name)
            return [
                capacity_provider.CapacityProviderCreated(
                    capacity_provider=name, auto_scaling_group_provider=group, tags=[shapes.Tag(key="a", value="b")]
                )
            ]
        match choice // 2 % 3:
            case 0:
                return [
                    capacity_provider.CapacityProviderUpdated(capacity_provider=name, auto_scaling_group_provider=group)
                ]
            case 1:
                return [capacity_provider.CapacityProviderDeletionFailed(capacity_provider=name, reason="in use")]
            case _:
                self.providers.discard(name)
                return [capacity_provider.CapacityProviderDeleted(capacity_provider=name)]

    def _setting(self, choice: int) -> list[AnyEvent]:
        key = (SETTINGS[choice % 2], PRINCIPALS[choice // 2 % 2])
        if key in self.chosen and choice // 4 % 2:
            self.chosen.discard(key)
            return [account_setting.AccountSettingDeleted(name=key[0], principal=key[1])]
        self.chosen.add(key)
        value = ("enabled", "disabled")[choice // 8 % 2]
        return [account_setting.AccountSettingPut(name=key[0], principal=key[1], value=value)]

    def _secret(self, choice: int) -> list[AnyEvent]:
        name = ("db", "api")[choice % 2]
        if name in self.secrets and choice // 2 % 2:
            self.secrets.discard(name)
            return [secret.SecretDeleted(secret=name)]
        self.secrets.add(name)
        return [secret.SecretStored(secret=name, sealed=f"sealed-{choice}")]

    def _cluster(self, _world: World, inside: Cluster, choice: int) -> list[AnyEvent]:
        if choice % 2:
            strategy = [shapes.CapacityProviderStrategyItem(capacity_provider="FARGATE", weight=choice % 7, base=0)]
            return [
                cluster.ClusterCapacityProvidersChanged(
                    cluster=inside.name,
                    capacity_providers=["FARGATE"],
                    default_capacity_provider_strategy=strategy,
                )
            ]
        defaults = shapes.ClusterServiceConnectDefaultsRequest(namespace=("", "mesh")[choice // 2 % 2])
        return [cluster.ClusterUpdated(cluster=inside.name, service_connect_defaults=defaults)]

    def _attributes(self, _world: World, inside: Cluster, choice: int) -> list[AnyEvent]:
        if not inside.instances:
            return []
        name = list(inside.instances)[choice % len(inside.instances)]
        key = NAMES[choice % 3]
        if choice // 3 % 3 == 0:
            return [container_instance.AttributesDeleted(cluster=inside.name, container_instance=name, names=[key])]
        put = [shapes.Attribute(name=key, value=str(choice % 4) if choice % 4 else None)]
        return [container_instance.AttributesPut(cluster=inside.name, container_instance=name, attributes=put)]

    def _tags(self, world: World, inside: Cluster, choice: int) -> list[AnyEvent]:
        arns = [IRELAND.cluster_arn(inside.name), IRELAND.task_definition_arn(f"web:{world.revisions['web']}")]
        arns += [IRELAND.capacity_provider_arn(each) for each in sorted(self.providers)]
        arns += [IRELAND.container_instance_arn(inside.name, each) for each in inside.instances]
        arns += [IRELAND.service_arn(inside.name, each) for each in inside.services]
        live = [each.name for each in world.tasks.values() if each.cluster == inside.name and each.last != "STOPPED"]
        arns += [IRELAND.task_arn(inside.name, each) for each in live]
        arn, key = arns[choice % len(arns)], ("a", "team")[choice // 3 % 2]
        if choice // 5 % 3 == 0:
            return [tag.ResourceUntagged(resource=arn, keys=[key])]
        return [tag.ResourceTagged(resource=arn, tags=[shapes.Tag(key=key, value=str(choice % 9))])]
