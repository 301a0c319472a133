"""Daily.co: its REST API, its bucket, and polling."""
