"""Shell: reads, decides, appends, keeps timers and leases."""
