"""Operations on recordings: running, refreshing, retiring and querying them."""
