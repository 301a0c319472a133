"""What starts runs by itself: sensors over the inbox, staleness and failures."""
