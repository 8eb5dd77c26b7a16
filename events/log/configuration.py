"""Configuration: what an embedded nats-server is told."""

from pathlib import Path

import msgspec

from quarterdeck.events.log.credentials import Trust

HOST = "127.0.0.1"
LOG_BYTES_MAX = 10 << 20
LOG_FILES_MAX = 3
MEMORY_BYTES_MAX = 256 << 20
PAYLOAD_BYTES_MAX = 1 << 20


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to run the server, with all its files under ``data``.

    Port 0 picks a free one and keeps it. ``file_bytes_max`` None leaves the size of the store to the server (three
    quarters of the free disk). Without ``sync_always`` a power cut loses acknowledged writes.
    """

    data: Path
    port: int = 0
    monitor_port: int = 0
    file_bytes_max: int | None = None
    sync_always: bool = True
    binary: str | None = None

    @property
    def store(self) -> Path:
        """Where JetStream keeps its files."""
        return self.data / "store"

    @property
    def creds(self) -> Path:
        """Where the seeds and the users' credentials are."""
        return self.data / "creds"

    @property
    def log(self) -> Path:
        """What the server has to say."""
        return self.data / "nats-server.log"


class Ports(msgspec.Struct, frozen=True):
    """Where it listens, kept in ``ports.json``."""

    client: int
    monitor: int


def text(settings: ServerSettings, ports: Ports, trust: Trust) -> str:
    """Write the configuration of an embedded server."""
    accounts = "\n".join(f"  {name}: {token}" for name, token in trust.accounts.items())
    room = "" if settings.file_bytes_max is None else f"\n  max_file: {settings.file_bytes_max}"
    sync = "\n  sync_interval: always" if settings.sync_always else ""
    return f"""# Written by quarterdeck at every start; changes are lost.
server_name: quarterdeck
listen: {HOST}:{ports.client}
http: {HOST}:{ports.monitor}
max_payload: {PAYLOAD_BYTES_MAX}
write_deadline: "10s"
log_file: {msgspec.json.encode(str(settings.log)).decode()}
logfile_size_limit: {LOG_BYTES_MAX}
logfile_max_num: {LOG_FILES_MAX}
jetstream {{
  store_dir: {msgspec.json.encode(str(settings.store)).decode()}
  max_mem: {MEMORY_BYTES_MAX}{room}{sync}
}}
operator: {trust.operator_jwt}
system_account: {trust.system_account}
resolver: MEMORY
resolver_preload {{
{accounts}
}}
"""
