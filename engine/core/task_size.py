"""Task size: the CPU and memory of a whole task, however they are written (spec §5.2)."""

import re

from quarterdeck.engine.core.errors import ClientException

CHARACTERS_MAX = 32
CPU_UNITS_MIN, CPU_UNITS_MAX = 128, 196_608
_CPU = re.compile(r"(?P<units>\d+)|(?P<vcpu>\d*\.?\d+)\s*vcpu", re.IGNORECASE)
_MEMORY = re.compile(r"(?P<mib>\d+)|(?P<gb>\d*\.?\d+)\s*gb", re.IGNORECASE)


def cpu_units(text: str | None) -> str | None:
    """Read ``"1024"`` or ``"1 vCPU"`` as CPU units."""
    if not text:
        return None
    match = _CPU.fullmatch(text.strip())
    if match and len(text) <= CHARACTERS_MAX:
        units = int(match["units"]) if match["units"] else int(float(match["vcpu"]) * 1024)
        if CPU_UNITS_MIN <= units <= CPU_UNITS_MAX:
            return str(units)
    raise _invalid("cpu")


def memory_mib(text: str | None) -> str | None:
    """Read ``"1024"`` or ``"1 GB"`` as MiB."""
    if not text:
        return None
    match = _MEMORY.fullmatch(text.strip())
    if match and len(text) <= CHARACTERS_MAX:
        mib = int(match["mib"]) if match["mib"] else int(float(match["gb"]) * 1024)
        if mib > 0:
            return str(mib)
    raise _invalid("memory")


def _invalid(member: str) -> ClientException:
    return ClientException(
        f"Invalid '{member}' setting for task. "
        "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    )
