"""The asset graph: thin assets that read inputs, call the domain, store the result and report metadata."""
