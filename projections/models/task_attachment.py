"""Task attachment: the network interface of an awsvpc task, as DescribeTasks has it (spec §6.1). Pure."""

from collections.abc import Sequence

from msgspec.structs import replace

from quarterdeck.events import shapes
from quarterdeck.events.names import attachment_uuid, network_interface_id
from quarterdeck.events.task import NetworkAttachment, TaskRequested

INTERFACE = "ElasticNetworkInterface"


def wanted(requested: TaskRequested) -> list[shapes.Attachment]:
    """Describe the interface a new task is to have; none without a network of its own."""
    network = requested.network_configuration
    if network is None or network.awsvpc_configuration is None:
        return []
    subnets = network.awsvpc_configuration.subnets or ()
    details = [shapes.KeyValuePair(name="subnetId", value=subnets[0])] if len(subnets) == 1 else []
    return [_attachment(requested.task, "PRECREATED", details)]


def attached(task: str, found: NetworkAttachment | None) -> list[shapes.Attachment] | None:
    """Describe the interface as the agent told it; None if it told of none."""
    if found is None:
        return None
    told = {
        "subnetId": found.subnet,
        "networkInterfaceId": network_interface_id(task),
        "macAddress": found.mac_address,
        "privateIPv4Address": found.private_ipv4_address,
    }
    details = [shapes.KeyValuePair(name=name, value=value) for name, value in told.items() if value]
    return [_attachment(task, "ATTACHED", details)]


def interfaces(
    containers: Sequence[shapes.Container], task: str, found: NetworkAttachment | None
) -> list[shapes.Container]:
    """Say of all containers where they are: in their task's network."""
    if found is None:
        return list(containers)
    interface = shapes.NetworkInterface(
        attachment_id=attachment_uuid(task), private_ipv4_address=found.private_ipv4_address
    )
    return [replace(each, network_interfaces=[interface]) for each in containers]


def deleted(attachments: Sequence[shapes.Attachment] | None) -> list[shapes.Attachment]:
    """A task that STOPPED has no interface any more."""
    return [replace(each, status="DELETED") for each in attachments or ()]


def _attachment(task: str, status: str, details: list[shapes.KeyValuePair]) -> shapes.Attachment:
    return shapes.Attachment(id=attachment_uuid(task), type=INTERFACE, status=status, details=details)
