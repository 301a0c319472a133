"""Stores of results: a local folder or S3, and erasing audio from them."""
