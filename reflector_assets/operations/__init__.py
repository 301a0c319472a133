"""Operations on recordings: run, refresh, retire and query."""
