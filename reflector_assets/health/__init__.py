"""Health checks: `reflector doctor` and /health/ready."""
