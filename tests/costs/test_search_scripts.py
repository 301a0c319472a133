"""The search in all scripts, on both kinds of database, and the index's rebuild after an upgrade."""

# pyright: basic

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from resources.database.catalogue import BY_WORDS, Catalogue
from resources.database.database import MIGRATIONS, Database
from tests.costs.test_catalogue import found, transcript

pytest_plugins = ["tests.service.databases"]

# What a meeting's text has, what is typed, and the part of the text that is marked.
FOUND = [
    ("我们明天去仓库看一下。", "仓库", "仓库"),
    ("我们明天去仓库看一下。", "明天去仓库看", "明天去仓库看"),
    ("我们明天去仓库看一下。", "看", "看"),
    ("明日は倉庫で会議です。", "倉庫", "倉庫"),
    ("データセンターの移転", "センター", "センター"),
    ("ﾃﾞｰﾀｾﾝﾀｰの移転", "データ", "ﾃﾞｰﾀ"),
    ("สินค้าอยู่ที่โกดังใหม่", "โกดัง", "โกดัง"),
    ("สินค้าอยู่ที่โกดังใหม่", "ที่โกดังใหม่", "ที่โกดังใหม่"),
    ("ปริมาณน้ำมันลดลง", "น้ำมัน", "น้ำมัน"),
    ("ຂອງຢູ່ໃນສາງໃໝ່", "ສາງ", "ສາງ"),
    ("ကုန်လှောင်ရုံအသစ်", "လှောင်ရုံ", "လှောင်ရုံ"),
    ("ទំនិញនៅក្នុងឃ្លាំង", "ឃ្លាំង", "ឃ្លាំង"),
    ("部署Kubernetes集群2024年", "kubernetes", "Kubernetes"),
    ("部署Kubernetes集群2024年", "集群", "集群"),
    ("部署Kubernetes集群2024年", "2024", "2024"),
    ("창고를 옮깁니다", "창고", "창고"),
    ("கிடங்கு சென்னையில் உள்ளது", "கிடங்கு", "கிடங்கு"),
    ("हम गोदाम की चाबी लाएँगे", "गोदाम", "गोदाम"),
    ("हम गोदाम की चाबी लाएँगे", "लाएंगे", "लाएँगे"),
    ("ज़रूरी काम", "जरूरी", "ज़रूरी"),
    ("الكِتَابُ فِي المَخْزَنِ", "المخزن", "المَخْزَنِ"),
    ("أرسل إلى المخزن", "ارسل الى", "أرسل"),
    ("المستودع رقم ٤٢", "42", "٤٢"),
    ("می‌خواهم", "میخواهم", "می‌خواهم"),
    ("שָׁלוֹם לכולם", "שלום", "שָׁלוֹם"),
    ("Wir müssen das prüfen.", "prufen", "prüfen"),
    ("Wir müssen das prüfen.", "pruefen", "prüfen"),
    ("Wir müssen das prüfen.", "PRÜF", "prüf"),
    ("Die Straße ist frei", "strasse", "Straße"),
    ("le café à Łódź", "cafe lodz", "café"),
    ("İstanbul'a gidiyoruz", "istanbul", "İstanbul"),
    ("Ἀθῆναι και Αθήνα", "αθηνα", "Ἀθῆνα"),
    ("ещё раз", "еще", "ещё"),
    ("\uff21\uff22\uff23株式会社", "abc", "\uff21\uff22\uff23"),
    ("café noir", "café", "café"),
]
NOT_FOUND = [
    ("我们明天去仓库看一下。", "库仓"),
    ("我们明天去仓库看一下。", "明天去仓库走"),
    ("仓门和车库", "仓库"),
    ("สินค้าอยู่ที่โกดังใหม่", "โกดังเก่า"),
    ("हिन्दी में", "हद"),
    ("Wir müssen das prüfen.", "rufen"),
    ("கிடங்கு", "கடங்க"),
    ("Die Prüfung", "x"),
]


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def catalogue(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    if request.param == "sqlite":
        return Catalogue(database=Database(url=f"sqlite:///{tmp_path_factory.mktemp('scripts') / 'reflector.db'}"))
    return Catalogue(database=Database(url=request.getfixturevalue("postgres").create_database("scripts")))


@pytest.mark.parametrize(("text", "query", "marked"), FOUND)
def test_words_of_every_script_are_found_and_marked(catalogue: Catalogue, text: str, query: str, marked: str) -> None:
    catalogue.clear()
    catalogue.index(transcript("one", f"Intro. {text} Outro."))
    [row] = catalogue.search(query).items
    begin, end = row.marks[0]
    assert (row.excerpt or "")[begin:end] == marked


@pytest.mark.parametrize(("text", "query"), NOT_FOUND)
def test_what_isnt_there_is_not_found(catalogue: Catalogue, text: str, query: str) -> None:
    catalogue.clear()
    catalogue.index(transcript("one", text))
    assert found(catalogue, query) == []


def test_a_query_reads_the_full_text_index(catalogue: Catalogue) -> None:
    catalogue.clear()
    catalogue.index(transcript("one", "仓库"))
    with catalogue.database.begin() as connection:
        explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        if connection.dialect.name == "postgresql":
            connection.execute(BY_WORDS)
        query = catalogue._with_words(["仓库"]).compile(connection)
        values = query.params if query.positiontup is None else tuple(query.params[name] for name in query.positiontup)
        plan = " ".join(str(row) for row in connection.exec_driver_sql(f"{explain}{query}", values))
    # M: by the full-text index.
    assert "VIRTUAL TABLE INDEX 0:M" in plan or "Bitmap Index Scan on ix_catalogue_words_words" in plan


def migrated(url: str, move: Callable[[Config, str], None]) -> sa.Engine:
    engine, config = sa.create_engine(url), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        move(config, "0007")
    return engine


def test_an_upgrade_rebuilds_the_index_in_pieces(new_empty: Callable[[], str]) -> None:
    url = new_empty()
    engine = migrated(url, command.upgrade)
    rows = [
        {"n": n, "id": f"r{n}", "title": "Büro", "text": "仓库 prüfen", "version": "1" if n % 3 else None}
        for n in range(1, 13)
    ]
    with engine.begin() as connection:
        put = (
            "INSERT INTO catalogue (seq, recording_id, title, text, version) VALUES (:n, :id, :title, :text, :version)"
        )
        connection.execute(sa.text(put), rows)
    engine.dispose()
    catalogue = Catalogue(database=Database(url=url))
    complete = [row["id"] for row in reversed(rows) if row["version"]]
    assert len(complete) == 8
    assert catalogue.reindex(3) is False
    assert found(catalogue, "仓库") == complete[:3]
    # One that is made again meanwhile keeps its new words.
    catalogue.index(transcript(complete[-1], "something new", version="2"))
    pieces = [catalogue.reindex(3) for _ in range(3)]
    assert pieces == [False, False, True]
    assert found(catalogue, "prufen") == complete[:-1]
    assert found(catalogue, "new") == complete[-1:]
    assert catalogue.reindex(3) is True
    assert found(catalogue, "buro") == complete[:-1]


def test_an_earlier_version_reads_the_transcripts_again(new_empty: Callable[[], str]) -> None:
    url = new_empty()
    catalogue = Catalogue(database=Database(url=url))
    catalogue.add(["one"], json.dumps({}))
    catalogue.index(transcript("one", "words"))
    catalogue.database.engine.dispose()
    engine = migrated(url, command.downgrade)
    with engine.begin() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM projections WHERE name = 'transcript'")) == 0
        assert connection.scalar(sa.text("SELECT version FROM catalogue")) is None
    engine.dispose()
