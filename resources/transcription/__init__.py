"""Transcription: the embedded Whisper, a GPU service, or an OpenAI-compatible endpoint."""
