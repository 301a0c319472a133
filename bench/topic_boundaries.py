"""How many topics begin where the subject changes: `python -m bench.topic_boundaries`.

Meetings are scripted: each subject has words of its own, a third of the sentences are about nothing, a tenth names
another subject, and half of the changes are announced. Measured are the share of changes with a beginning of a topic
within 30 s (recall), the share of beginnings within 30 s of a change (precision), against a topic every 300 words.
"""

import random
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from domain.summarize.sections import sections
from domain.text.table import Table
from domain.text.topics import Chunk
from domain.text.words import Word, table

WITHIN_S, WORDS_PER_S = 30.0, 2.5
MEETINGS = 30
ENGLISH = (
    "warehouse shelves forklift pallets storage dock crates inventory|budget invoice costs revenue forecast "
    "margin accounting spending|website button layout colours homepage menu font banner|hiring candidate "
    "interview salary recruiter resume vacancy onboarding|database migration backup replica schema index queries "
    "downtime|marketing campaign newsletter audience brand slogan advertising leaflet|contract lawyer clause "
    "signature liability supplier terms notice|training course teacher exercises classroom certificate lessons "
    "exam|kitchen menu cook ingredients vegetables oven recipe dessert|travel hotel flights visa itinerary "
    "luggage airport passport|battery charger voltage circuit sensor wiring casing prototype|customer complaint "
    "refund ticket hotline feedback escalation answer",
    "the {a} must be ready before the {b}|we have a problem with the {a}|who is responsible for the {a}|I looked "
    "at the {a} and the {b} yesterday|the {a} takes longer than the {b}|without the {a} the {b} makes no "
    "sense|somebody has to check the {a} again|I like the new {a} better than the old one|last month the {a} was "
    "much worse|we could change the {a} and leave the {b} as it is|the people from outside asked about the "
    "{a}|can you explain how the {a} works",
    "yes that makes sense to me|let me think about that for a moment|I agree with you|sorry could you repeat "
    "that|okay thank you very much|that is a good question|I am not sure whether that is true|we can talk about "
    "it later|all right then|well it depends on what we want",
    "let's move on to the next point|the next topic on our list|okay let us go on to something else",
)
GERMAN = (
    "Lager Regale Gabelstapler Paletten Rampe Kisten Bestand Inventur|Budget Rechnung Kosten Umsatz Prognose "
    "Marge Buchhaltung Ausgaben|Webseite Schaltfläche Layout Farben Startseite Menü Schrift Banner|Bewerber "
    "Gespräch Gehalt Stelle Lebenslauf Anzeige Einarbeitung Probezeit|Datenbank Migration Sicherung Replik Schema"
    " Index Abfragen Ausfall|Werbung Kampagne Rundbrief Zielgruppe Marke Plakat Anzeigen Messe|Vertrag Anwalt "
    "Klausel Unterschrift Haftung Lieferant Bedingungen Frist|Schulung Kurs Lehrer Übungen Prüfung Zeugnis "
    "Unterricht Teilnehmer",
    "{a} muss vor {b} fertig sein|wir haben ein Problem mit {a}|wer ist für {a} zuständig|ich habe mir gestern "
    "{a} und {b} angesehen|{a} dauert länger als {b}|ohne {a} ergibt {b} keinen Sinn|jemand muss {a} noch einmal "
    "prüfen|im letzten Monat war {a} viel schlechter|wir könnten {a} ändern und {b} so lassen|die Leute von außen"
    " haben nach {a} gefragt",
    "ja das klingt gut|lass mich kurz darüber nachdenken|da stimme ich dir zu|kannst du das bitte "
    "wiederholen|vielen Dank dafür|das ist eine gute Frage|ich bin mir nicht sicher ob das stimmt|darüber können "
    "wir später sprechen|also gut",
    "kommen wir zum nächsten Punkt|das nächste Thema auf unserer Liste|gehen wir weiter",
)
CHINESE = (
    "仓库 货架 叉车 托盘 库存 盘点 月台 装卸|预算 发票 成本 收入 预测 利润 会计 支出|网站 按钮 "
    "布局 颜色 首页 菜单 字体 横幅|招聘 候选人 面试 工资 简历 职位 入职 试用期|数据库 迁移 备份 "
    "副本 索引 查询 停机 表结构|合同 律师 条款 签字 责任 供应商 期限 违约",
    "我们必须先完成{a}再做{b}|{a}现在有一个问题|谁负责{a}|我昨天看了{a}和{b}|{a}比{b}"
    "花的时间更长|没有{a}就没有{b}|需要有人再检查一下{a}|上个月的{a}要差得多|我们可以改变{a}",
    "对我也这么觉得|让我想一下|我同意你的看法|请你再说一遍好吗|好的谢谢大家|这是一个好问题|我不太确定",
    "接下来我们讨论下一个议题|好我们说下一个话题",
)
LANGUAGES: dict[str, tuple[str, str, str, str]] = {"English": ENGLISH, "German": GERMAN, "Chinese": CHINESE}


def every_300_words(words: Table) -> list[Chunk]:
    """Return the sections of earlier versions; a last one under 60 words joins the one before it."""
    begins = [at for at in range(0, len(words), 300) if at == 0 or len(words) - at >= 60]
    return [Chunk(at, to) for at, to in pairwise([*begins, len(words)])]


def meeting(seed: int, language: str) -> tuple[Table, list[float]]:
    """Return the words of a scripted meeting, and the times at which its subject changes, in seconds."""
    chance = random.Random(seed)
    subjects, about, filler, announced = ([part.split(" ") for part in text.split("|")] for text in LANGUAGES[language])
    templates, fillers, openings = ([" ".join(part) for part in parts] for parts in (about, filler, announced))
    order = chance.sample(subjects, chance.randint(4, len(subjects)))
    lines: list[str] = []
    begins: list[int] = []
    for number, own in enumerate(order):
        begins.append(len(lines))
        if number and chance.random() < 0.5:
            lines.append(chance.choice(openings))
        for _ in range(chance.randint(10, 70)):
            kind = chance.random()
            a, b = chance.sample(own if kind > 0.1 else chance.choice(subjects), 2)
            lines.append(chance.choice(fillers) if 0.1 < kind < 0.43 else chance.choice(templates).format(a=a, b=b))
    unspaced = language == "Chinese"
    words: list[Word] = []
    starts: list[float] = []
    for line in lines:
        starts.append(len(words) / WORDS_PER_S)
        speaker = chance.randrange(4)
        parts = [line[at : at + 2] for at in range(0, len(line), 2)] if unspaced else line.split()
        parts[0] = parts[0][:1].upper() + parts[0][1:]
        parts[-1] += "。" if unspaced else "."
        words += [
            Word(part, (len(words) + n) / WORDS_PER_S, (len(words) + n) / WORDS_PER_S + 0.3, speaker, 1.0)
            for n, part in enumerate(parts)
        ]
    return table(words), [starts[at] for at in begins[1:]]


def hits(found: Sequence[float], wanted: Sequence[float]) -> int:
    """Return how many of the times found are within 30 s of a wanted one."""
    return sum(any(abs(one - other) <= WITHIN_S for other in wanted) for one in found)


def measured(
    divide: Callable[[Table], list[Chunk]], language: str, meetings: int = MEETINGS
) -> tuple[float, float, float]:
    """Return recall and precision over meetings, and topics per meeting."""
    recalled = true = precise = found = 0
    for seed in range(meetings):
        words, changes = meeting(seed, language)
        starts = words["start"].tolist()
        begins = [starts[chunk.words_from] for chunk in divide(words)][1:]
        recalled, true = recalled + hits(changes, begins), true + len(changes)
        precise, found = precise + hits(begins, changes), found + len(begins)
    return recalled / true, precise / max(1, found), 1 + found / meetings


def main() -> None:
    """Print the table."""
    print("| language | method | recall | precision | topics per meeting |\n| --- | --- | ---: | ---: | ---: |")
    for language in LANGUAGES:
        for name, divide in (("every 300 words", every_300_words), ("by subject", sections)):
            recall, precision, topics = measured(divide, language)
            print(f"| {language} | {name} | {recall:.0%} | {precision:.0%} | {topics:.1f} |", flush=True)
    words = [word for seed in range(12) for word in meeting(seed, "English")[0].itertuples(index=False)]
    long = table(
        Word(str(word.word), n / WORDS_PER_S, n / WORDS_PER_S + 0.3, n // 9 % 20, 1.0)
        for n, word in enumerate(words[:27_000])
    )
    began = time.process_time()
    found = sections(long)
    print(f"\n{len(long):,} words of 20 speakers: {len(found)} topics, {time.process_time() - began:.1f} s of CPU")


if __name__ == "__main__":
    main()
