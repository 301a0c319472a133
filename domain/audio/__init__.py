"""Audio: reading, padding, mixing and measuring sound, without any program besides the packages."""
