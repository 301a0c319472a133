"""The old system, while both run: relays to it, its transcripts for comparison, its participants' consents."""
