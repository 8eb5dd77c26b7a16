"""DAEMON services at the doors: what callers see of them."""

from __future__ import annotations

from tests.engine.doors.asking import asking


async def test_a_daemon_service_is_described_with_the_count_of_its_instances_and_deleted_without_force() -> None:
    async with asking() as asker:
        await asker.furnish(instances=2)
        answer = await asker.ask("CreateService", serviceName="logs", taskDefinition="app", schedulingStrategy="DAEMON")
        assert answer["service"]["deploymentConfiguration"]["maximumPercent"] == 100
        await asker.appear(2)
        found = await asker.settle("logs")
        assert (found["schedulingStrategy"], found["desiredCount"], found["runningCount"]) == ("DAEMON", 2, 2)
        assert found["deployments"][0]["desiredCount"] == 2
        assert "has reached a steady state." in found["events"][0]["message"]
        await asker.join()
        await asker.appear(3)
        listed = await asker.ask("ListServices", schedulingStrategy="DAEMON")
        assert len(listed["serviceArns"]) == 1
        await asker.ask("DeleteService", service="logs")
        await asker.until(asker.tasks, [])


async def test_constraints_and_strategies_are_described_as_they_were_given() -> None:
    async with asking() as asker:
        await asker.furnish()
        placing = {
            "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.availability-zone exists"}],
            "placementStrategy": [{"type": "binpack", "field": "memory"}],
        }
        await asker.ask("CreateService", serviceName="web", taskDefinition="app", desiredCount=1, **placing)
        found = await asker.settle()
        assert {key: found[key] for key in placing} == placing
        assert found["availabilityZoneRebalancing"] == "DISABLED"
