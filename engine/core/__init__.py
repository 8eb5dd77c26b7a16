"""Core: decisions as pure functions; decide, place, deploy, reconcile."""
