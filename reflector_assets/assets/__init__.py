"""The asset graph: thin assets that fetch, call the domain, store, and say what they did."""
