"""Letters of all scripts, for regular expressions: Python's `\\w` leaves out vowel signs and joiners."""

import unicodedata

# Combining marks, and the joiners between letters of Indic and Persian words.
MARKS = "\u200c\u200d" + "".join(
    chr(code) for code in range(0x300, 0x3100) if unicodedata.category(chr(code)).startswith("M")
)
# A word of letters.
WORD = rf"[^\W\d_](?:[^\W\d_]|[{MARKS}])*"
