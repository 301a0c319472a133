"""Audio: reading, padding, mixing and measuring, without external programs."""
