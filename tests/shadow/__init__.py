"""Moving over from the old system: relays, comparisons, fallback."""
