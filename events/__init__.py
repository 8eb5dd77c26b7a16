"""Events: the facts and names everything else speaks in, and the log that keeps them."""
