"""Stores of results: a local folder or S3, and translated_erase_errors audio from them."""
