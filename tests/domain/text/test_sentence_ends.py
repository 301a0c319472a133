"""Where sentences end, and what stands between and behind words, in many scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.summarize import extractive
from domain.text.captions import webvtt
from domain.text.sentence_ends import ended
from domain.text.spacing import continues, join
from domain.text.words import segments, sentences
from tests.domain.meetings import ADA, NAMES, spoken


def split(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(spoken((ADA, text)))]


@pytest.mark.parametrize(
    "text",
    [
        "Wir beginnen am 3. Oktober mit dem Umzug.",
        "Die 2. Etage ist fertig, und im 19. Jahrhundert war sie es nicht.",
        "Es ist der 1. Versuch vom 24. Dezember.",
        "Vi begynder den 3. oktober.",
        "Alkaa 3. lokakuuta tai 4. päivänä.",
        "Začínáme 3. října v 9. patře.",
        "We start on Jan. 5 with the move.",
        "We start on the 5th of Jan. Then is too late.",
        "Ask Eva Maier, Ph.D. Maier knows it.",
        "Ask John Smith Sr. Smith about it.",
        "El Sr. López y la Sra. Ruiz están aquí.",
        "Das ist Nr. Drei, oder Nr. 5.",
        "Montag bzw. Dienstag, z. B. Mittwoch oder z.B. Freitag.",
        "Das kostet ca. Zehn Euro inkl. Steuer, d. h. mehr.",
        "Это, т. е. Склад, готово.",
        "Mme. Dupont et M. Durand sont là.",
        "We pay 3. 5 percent.",
        "Das kostet 3 Mio. Euro inkl. MwSt. pro Jahr.",
        "Spotkamy się np. w piątek itd. w biurze, ul. Długa 3.",
        "Ing. Novák a tzv. sklad.",
        "Склад, офис и др. вещи готовы.",
        "Vedi l'art. 3 e il n. 5 della dott.ssa Verdi.",
        "Der depto. de EE. UU. y la Cía. Pérez, tlf. 555.",
        "J.-P. Martin et MM. Petit et Roux sont là.",
        "Mamy tzw. plan, godz. 10, m.in. Anna.",
        "Prof. Ahmet ve Sn. Kaya, örn. bu.",
        "Møtet er kl. 10 med fr. Olsen, jf. side 3.",
        "Lt. Col. Smith pays 5 lbs. of it.",
        "Vitamin C. elegans has none.",
        "Plan by J. B. Good is here.",
        "The group A. P. Møller is here.",
        "Der Plan z. B. Wird geändert.",
        "Der Plan v. Müller ist gut.",
        "Ask Kaplan B. Schmidt and Mr. Hall C. Jones.",
        "Der Plan von B. Gut ist fertig.",
        "El plan de B. Ruiz está listo.",
        "План от Б. Иванова готов.",
        "Ask Dr. You or Prof. He about it.",
        "Der Ph.D. Sie haben ihn.",
        "A Ph.D. Ella Smith has it.",
        "Ask Sr. Yolanda in the U.S. Army.",
        "Es ist Jan. Erst später.",
    ],
)
def test_no_sentence_ends_there(text: str) -> None:
    assert split(text) == [text]


@pytest.mark.parametrize(
    "parts",
    [
        ["हम बात कर रहे हैं।", "गोदाम तैयार है।"],
        ["هل المستودع جاهز؟", "نعم هو جاهز."],
        ["کیا گودام تیار ہے؟", "جی ہاں، تیار ہے۔", "ٹھیک ہے۔"],
        ["倉庫は完成しました。", "検査は五月です！"],
        ["ဂိုဒေါင်အဆင်သင့်။", "ကောင်းပြီ။"],
        ["ឃ្លាំងរួចរាល់។", "ល្អ។"],
        ["Wir treffen uns um 10.", "Danach gehen wir."],
        ["We meet at 5.", "Then we go."],
        ["This is modern art.", "The hall is full."],
        ["It was him and I.", "Then we left."],
        ["He said “yes.”", "Then we left."],
        ["„Das ist alles.“", "Dann gehen wir."],
        ["We buy from Acme Inc.", "They are cheap."],
        ["Είναι έτοιμη η αποθήκη;", "Ναι, είναι."],
        ["བཀྲ་ཤིས།", "བདེ་ལེགས།"],
        ["Stäng av.", "Sedan går vi."],
        ["Das ist, was ich mag.", "Dann gehen wir."],
        ["I changed my mind.", "Let's go."],
        ["Det var hon.", "Sedan gick vi."],
        ["Questo è mio.", "Poi andiamo."],
        ["It is done.", "iPhones are next."],
        ["ეს არის.", "ჩვენ წავედით."],
        ["We take plan B.", "Good."],
        ["It is “plan B.", "“Good.”"],
        ["Backup-Plan B.", "Gut.", "Arbeitsgruppe A.", "Weiter."],
        ["Vamos con la opción C.", "¿Bien?", "Grupo A.", "Bien."],
        ["On prend la variante A.", "Parfait."],
        ["We nemen optie B.", "Goed."],
        ["Scegliamo il piano B.", "Bene."],
        ["Bierzemy wariant A.", "Dobrze."],
        ["Берём план Б.", "Хорошо."],
        ["Παίρνουμε το σχέδιο Β.", "Ωραία."],
        ["Otetaan vaihtoehto C.", "Hyvä."],
        ["플랜 B.", "좋아요."],
        ["نختار الخطة B.", "جيد."],
        ["It is phase II.", "Good."],
        ["He has a Ph.D.", "She knows."],
        ["She has an M.Sc.", "They don't.", "He has a B.A.", "It's fine."],
        ["Er hat einen Ph.D.", "Wir nicht."],
        ["Tiene un M.A.", "Él no."],
        ["Il a un Ph.D.", "C'est bien.", "Elle a un M.A.", "Nous non."],
        ["Ask John Smith Sr.", "He knows."],
        ["We start in Jan.", "She's ready."],
        ["It is in Main St.", "They live in the U.S.", "We live in the U.K.", "You live here."],
        ["Vive en EE. UU.", "Ellos no."],
        ["We take A, not B.", "We start today."],
    ],
)
def test_sentences_end_there(parts: list[str]) -> None:
    assert split(" ".join(parts)) == parts


@pytest.mark.parametrize(
    "text",
    ["हम गोदाम के बारे में बात कर रहे हैं।", "هل المستودع جاهز لنا؟", "کیا گودام تیار ہے۔", "倉庫は完成しました。"],
)
def test_captions_and_summaries_have_the_mark_as_said(text: str) -> None:
    words = spoken((ADA, text))
    assert webvtt(segments(sentences(words), NAMES)).strip().endswith(f"<v Ada>{text}")
    assert extractive.topics(words, NAMES).root[0].summary == f"Ada: {text}"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("It is done", "It is done."),
        ("Склад готов", "Склад готов."),
        ("It costs 5 €", "It costs 5 €."),
        ("It is done!", "It is done!"),
        ("हम गोदाम में हैं", "हम गोदाम में हैं"),
        ("المستودع جاهز", "المستودع جاهز"),
        ("โกดังพร้อมแล้ว", "โกดังพร้อมแล้ว"),
        ("倉庫は完成", "倉庫は完成"),
        ("창고가 준비됐어요", "창고가 준비됐어요."),
    ],
)
def test_a_full_stop_is_added_only_in_scripts_that_have_one(text: str, marked: str) -> None:
    assert ended(text) == marked


@given(st.text(max_size=20))
def test_a_mark_is_added_once(text: str) -> None:
    assert ended(ended(text)) == ended(text)
    assert ended(text) in {text, f"{text}."}


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (["ສາງ", "ພ້ອມ", "ແລ້ວ"], "ສາງພ້ອມແລ້ວ"),
        (["ဂိုဒေါင်", "အဆင်သင့်"], "ဂိုဒေါင်အဆင်သင့်"),
        (["ឃ្លាំង", "រួចរាល់"], "ឃ្លាំងរួចរាល់"),
        (["โกดัง", "พร้อม"], "โกดังพร้อม"),
        (["倉庫", "は", "完成"], "倉庫は完成"),
        (["我们", "用", "Kubernetes", "。"], "我们用 Kubernetes。"),
        (["창고가", "준비됐어요"], "창고가 준비됐어요"),
        (["गोदाम", "तैयार"], "गोदाम तैयार"),
    ],
)
def test_spaces(words: list[str], joined: str) -> None:
    assert join(words) == joined


def test_parts_of_latin_words_and_numbers_continue_in_scripts_without_spaces() -> None:
    assert continues("K", "ub")
    assert continues("20", "24")
    assert continues("10", ",000")
    assert not continues("用", "K")
    assert not continues("24", "年")
    assert not continues("用", "户")
    assert not continues("K", "。")


def test_the_title_of_a_sentence_in_a_script_without_spaces_is_not_cut_inside_a_word() -> None:
    said = "โกดังใหม่" * 6 + "ที่"
    title = extractive.topics(spoken((ADA, said)), NAMES).root[0].title
    assert said.startswith(title)
    assert not said[len(title) : len(title) + 1] or said[len(title)] not in "ิีืุู่้็"
