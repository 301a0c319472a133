"""The only doors to the outside, one file each."""
