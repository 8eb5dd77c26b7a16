"""The log: opaque payloads in one order, one writer at a time, kept in memory or on NATS JetStream."""
