"""Topics, title, summary and action items: from the meeting's own sentences, or asked of a language model."""
