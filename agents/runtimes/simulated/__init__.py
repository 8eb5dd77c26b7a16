"""Simulated: containers as values under a given clock, for simulations and tests."""

from quarterdeck.agents.runtimes.simulated.behaviour import Behaviour
from quarterdeck.agents.runtimes.simulated.host import SimulatedHost
from quarterdeck.agents.runtimes.simulated.runtime import SimulatedRuntime
from quarterdeck.agents.runtimes.simulated.timers import Clock

__all__ = ["Behaviour", "Clock", "SimulatedHost", "SimulatedRuntime"]
