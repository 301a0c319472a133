"""What is stored of a recording, as it was made and as it stands with corrections, and its row in the catalogue."""
