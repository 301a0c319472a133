"""A recording's results with the corrections that stand, whether or not a run has taken them."""

from domain.corrections import spoken
from domain.corrections.gathered import Corrections
from domain.corrections.people import person_of
from domain.corrections.preview import preview
from domain.recording import Participants
from domain.results import Summary, Title, Transcript
from domain.text import words
from domain.text.table import Table
from resources.results.once import computed_once
from resources.results.originals import generated, source_people, transcribed
from resources.results.stored_results import StoredResults

TRANSCRIPT, WORDS, PARTICIPANTS = "transcript.json", "words.parquet", "participants.json"
CORRECTIONS = "corrections.json"


class CorrectedResults:
    """Reads what is needed of a recording, once; only finished transcripts are corrected.

    While edits wait for a run, and while that run replaces one file after another, they are applied to what was
    recognized, and not to files that may have them already.
    """

    def __init__(self, results: StoredResults, corrections: Corrections | None = None) -> None:
        self.results, self.corrections = results, corrections or Corrections()

    @computed_once
    def transcript(self) -> Transcript | None:
        """The transcript, None before it is finished; its sentences are those of the last run."""
        if self.made is None or not self.is_pending:
            return self.made
        recording_id, store = self.results.id, self.results.store
        title, summary = generated(recording_id, Title, store), generated(recording_id, Summary, store)
        return preview(self.made, self.corrections, self._source_people, title, summary)

    @property
    def people_before(self) -> Participants:
        """The participants before correction, none before they are known."""
        return self._source_people or self.results.find(PARTICIPANTS, Participants) or Participants(())

    @computed_once
    def _source_people(self) -> Participants | None:
        source = source_people(self.results.id, self.results.store)
        return source and source.participants

    @property
    def document(self) -> Transcript | None:
        """The transcript with the sentences as they stand."""
        if self.transcript is None or not self.is_pending or self._speaks_as_made:
            return self.transcript
        segments = words.segments(words.sentences(self.table), self.participants.names())
        return self.transcript.model_copy(update={"segments": segments, "words": len(self.table)})

    @property
    def _speaks_as_made(self) -> bool:
        """True if the last run took the same edits of words and people: applying them takes a third of a second."""
        revision = self.made.revision if self.made else 0
        taken = self.results.find(CORRECTIONS, Corrections) if revision else Corrections()
        if taken is None or taken.number != revision:
            return False
        return all(taken.of(part) == self.corrections.of(part) for part in ("people", "words"))

    @computed_once
    def made(self) -> Transcript | None:
        """The transcript of the last run."""
        return self.results.find(TRANSCRIPT, Transcript)

    @computed_once
    def is_pending(self) -> bool:
        """True if no run has taken the last edits."""
        number = self.corrections.number
        return number > 0 and self.made is not None and self.made.revision != number

    @computed_once
    def participants(self) -> Participants:
        """The participants, none before they are known."""
        if self.is_pending and self.transcript is not None:
            return Participants(self.transcript.participants)
        return self.results.find(PARTICIPANTS, Participants) or Participants(())

    def has_speaker(self, number: int) -> bool:
        """Return True if a person has a speaker number, or words have it."""
        return person_of(self.participants.root, number) is not None or number in self.table["speaker"].tolist()

    @computed_once
    def stored_words(self) -> bytes:
        """The words of the last run as Parquet; raises NotFound before there are any."""
        return self.results.read(WORDS)

    @computed_once
    def table(self) -> Table:
        """The words by person; raises NotFound before there are any."""
        if self.is_pending:
            table, duration = transcribed(self.results.id, self.results.store)
            said = spoken.apply(words.words(table), self.corrections.of("words"), duration)
            table = words.table(said.words)
        else:
            table = words.from_parquet(self.stored_words)
        return words.by_person(table, self.participants.numbers())
