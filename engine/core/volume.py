"""Volume: what a task definition's volumes may be, and how its containers refer to them (spec §5.5)."""

from quarterdeck.engine.core.errors import ClientException
from quarterdeck.engine.core.turn import valid_name
from quarterdeck.events import shapes

KINDS = (
    "docker_volume_configuration",
    "efs_volume_configuration",
    "fsx_windows_file_server_volume_configuration",
    "s3files_volume_configuration",
    "configured_at_launch",
)
AT_LAUNCH_MAX = 1


def check(definition: shapes.TaskDefinition) -> None:
    """Check that volumes have names, one kind at most, and that mounts name volumes there are."""
    volumes = definition.volumes or []
    names = [each.name for each in volumes]
    for volume in volumes:
        if not valid_name(volume.name):
            raise ClientException(f"Invalid volume name '{volume.name or ''}'.")
        _check_kind(volume)
    if len(set(names)) < len(names):
        raise ClientException("Volume names must be unique within a task definition.")
    for container in definition.container_definitions or []:
        _check_mounts(container, names)
    _check_at_launch(definition)


def at_launch(definition: shapes.TaskDefinition) -> list[str]:
    """Name the volumes that whoever runs the task has to configure."""
    return [each.name or "" for each in definition.volumes or [] if each.configured_at_launch]


def _check_kind(volume: shapes.Volume) -> None:
    kinds = [name for name in KINDS if getattr(volume, name)]
    if volume.host is not None and volume.host.source_path:
        kinds.append("host")
    if len(kinds) > 1:
        raise ClientException(f"Volume '{volume.name}' can be of one kind only.")
    if volume.efs_volume_configuration is not None:
        _check_efs(volume.efs_volume_configuration)
    docker = volume.docker_volume_configuration
    if docker is not None:
        if docker.scope not in {None, "task", "shared"}:
            raise ClientException("scope should be one of [task,shared]")
        if docker.autoprovision and docker.scope != "shared":
            raise ClientException(f"Volume '{volume.name}': autoprovision is only supported with scope shared.")


def _check_efs(efs: shapes.EFSVolumeConfiguration) -> None:
    encrypted = efs.transit_encryption == "ENABLED"
    if efs.transit_encryption_port is not None and not encrypted:
        raise ClientException("TransitEncryptionPort requires that TransitEncryption is enabled")
    authorization = efs.authorization_config
    if authorization is None:
        return
    if authorization.iam == "ENABLED" and not encrypted:
        raise ClientException("EFS IAM authorization requires that TransitEncryption is enabled")
    if authorization.access_point_id and efs.root_directory not in {None, "", "/"}:
        raise ClientException("rootDirectory must be omitted or / when an EFS access point is specified")


def _check_mounts(container: shapes.ContainerDefinition, names: list[str | None]) -> None:
    for mount in container.mount_points or []:
        if mount.source_volume not in names:
            raise ClientException(f"Unknown volume '{mount.source_volume}'.")
        if not mount.container_path:
            raise ClientException(f"Mount point of volume '{mount.source_volume}' needs a containerPath.")


def _check_at_launch(definition: shapes.TaskDefinition) -> None:
    configured = at_launch(definition)
    if len(configured) > AT_LAUNCH_MAX:
        raise ClientException(f"At most {AT_LAUNCH_MAX} volume of a task definition can be configured at launch.")
    mounted = {
        mount.source_volume
        for container in definition.container_definitions or []
        for mount in container.mount_points or []
    }
    unused = [name for name in configured if name not in mounted]
    if unused:
        raise ClientException(f"Volumes [{', '.join(unused)}] are not referenced by any of the containers")
