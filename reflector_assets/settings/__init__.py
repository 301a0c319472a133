"""Settings: environment variables or `.env`, each declared and documented once."""
