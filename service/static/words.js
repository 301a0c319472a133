// All words of a meeting: in turns, by time, and as one text to search in; no page here.

// Chinese, Japanese and Thai have no spaces between words.
const UNSPACED = /[\u0e00-\u0e7f\u3001-\u30ff\u3400-\u9fff\uff01-\uffef]/;
// A turn with more words is cut at the end of a sentence.
const MAX_TURN_WORDS = 70;
const PAUSE_S = 10;

/** Return the index of the last of sorted numbers that is at most `value`, or -1. */
export function lastUpTo(numbers, value) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Words ({text, start, end, turn, doubtful}), and turns ({speaker, name, start, from, to, topic}) of rows in `words`. */
export class Words {
  constructor(segments, topics = []) {
    this.words = [];
    this.turns = [];
    const begins = topics.map(({ timestamp }) => timestamp);
    for (const segment of segments) this.#add(segment, lastUpTo(begins, segment.start + 0.05));
    this.#index();
  }

  #add(segment, topic) {
    let turn = this.turns.at(-1);
    const continues =
      turn && turn.speaker === segment.speaker && turn.name === segment.name && turn.topic === topic &&
      turn.to - turn.from < MAX_TURN_WORDS && segment.start - turn.end < PAUSE_S;
    if (!continues) {
      turn = { speaker: segment.speaker, name: segment.name, start: segment.start, from: this.words.length, topic };
      this.turns.push(turn);
    }
    const doubtful = new Set(segment.doubtful);
    for (const [at, [text, start, end]] of segment.words.entries()) {
      this.words.push({ text, start, end, turn: this.turns.length - 1, doubtful: doubtful.has(at) });
    }
    turn.to = this.words.length;
    turn.end = segment.end;
  }

  #index() {
    // Who talks at the same time comes in the order of sentences, so that words aren't in the order of time.
    this.byTime = this.words.map((_, row) => row).sort((a, b) => this.words[a].start - this.words[b].start);
    this.starts = this.byTime.map((row) => this.words[row].start);
    this.offsets = [];
    let text = "";
    this.words.forEach((word, row) => {
      if (row) text += word.turn === this.words[row - 1].turn ? this.space(row) : "\n";
      this.offsets.push(text.length);
      const lower = word.text.toLowerCase();
      // Some letters get longer in lower case, which would shift all offsets after them.
      text += lower.length === word.text.length ? lower : word.text;
    });
    this.text = text;
  }

  /** Return the separator before a word that isn't the first of its turn. */
  space(row) {
    const [before, after] = [this.words[row - 1].text.at(-1) ?? "", this.words[row].text[0] ?? ""];
    return UNSPACED.test(before) && UNSPACED.test(after) ? "" : " ";
  }

  /** Return the row that is spoken at a time, and from when to when: [row or -1, from, to]. */
  at(seconds) {
    const place = lastUpTo(this.starts, seconds);
    const to = this.starts[place + 1] ?? Infinity;
    return place < 0 ? [-1, 0, to] : [this.byTime[place], this.starts[place], to];
  }

  /** Return all matches of a text: [{row, offset, endRow, endOffset}], with offsets in words. */
  find(query) {
    const wanted = query.toLowerCase().trim().replace(/\s+/g, " ");
    const places = [];
    if (!wanted) return places;
    for (let at = this.text.indexOf(wanted); at >= 0; at = this.text.indexOf(wanted, at + wanted.length)) {
      const row = lastUpTo(this.offsets, at);
      const end = at + wanted.length;
      const endRow = lastUpTo(this.offsets, end - 1);
      places.push({ row, offset: at - this.offsets[row], endRow, endOffset: end - this.offsets[endRow] });
    }
    return places;
  }
}
