"""Text: words with times, topics, captions, Markdown and search."""
