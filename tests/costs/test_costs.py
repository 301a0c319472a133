"""What was spent: exact sums whatever they are grouped by, the command, and the API."""

# pyright: basic

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from domain.costs import Prices, Use, cost, price, report, rounded, total
from testing.deployment import SAMPLE, SAMPLE_ID, Deployment
from tests.consent.world import World, world
from tests.costs.serving import client_of

AMOUNTS = st.integers(0, 10**12)
USES = st.builds(Use, *([AMOUNTS] * len(Use._fields)))
PRICES = st.builds(Prices, st.just("EUR"), *([st.floats(0, 1e6, allow_nan=False).map(price)] * 4))


@given(uses=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), USES)), prices=PRICES)
def test_however_it_is_grouped_the_sum_is_the_same(uses: list[tuple[str, str, Use]], prices: Prices) -> None:
    totals = set()
    for column in (0, 1):
        grouped: dict[str, Use] = {}
        for entry in uses:
            key, use = str(entry[column]), entry[2]
            grouped[key] = grouped.get(key, Use()) + use
        found = report(grouped, prices, "step")
        totals.add(found.total)
        # Exactly; what is shown of each row is rounded by half a millionth at most.
        assert sum(cost(use, prices) for use in grouped.values()) == cost(total(use for *_, use in uses), prices)
        assert abs(sum(row.cost for row in found.rows) - found.total.cost) <= Decimal("0.000001") * (
            len(found.rows) + 1
        )
    assert len(totals) == 1


def test_what_an_hour_and_a_million_tokens_cost() -> None:
    prices = Prices("EUR", price(2.5), price(0.1), price(0.15), price(0.6))
    assert cost(Use(gpu_ms=3_600_000), prices) == Fraction(5, 2)
    assert cost(Use(cpu_ms=1_800_000), prices) == Fraction(1, 20)
    assert cost(Use(prompt_tokens=2_000_000, completion_tokens=500_000), prices) == Fraction(6, 10)
    assert cost(Use(wall_ms=10**9, bytes_read=10**12, llm_calls=9), prices) == 0


@pytest.mark.parametrize(
    ("exact", "said"),
    [("0", "0.000000"), ("1/2000000", "0.000000"), ("3/2000000", "0.000002"), ("1/3", "0.333333"), ("7", "7.000000")],
)
def test_what_is_shown_is_rounded_half_to_even(exact: str, said: str) -> None:
    assert str(rounded(Fraction(exact))) == said


def test_months_come_in_their_order_and_else_the_most_expensive_first() -> None:
    used = {"2026-02": Use(gpu_ms=2), "2026-01": Use(gpu_ms=1), "2025-12": Use(gpu_ms=3)}
    prices = Prices("EUR", price(1.0), *[Fraction()] * 3)
    assert [row.key for row in report(used, prices, "month").rows] == sorted(used)
    assert [row.key for row in report(used, prices, "room").rows] == ["2025-12", "2026-02", "2026-01"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("world")) as found:
        assert found.run(["recording", "participants"]).success
        yield found


@pytest.fixture(scope="module")
def client(made: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client_of(made, f"sqlite:///{tmp_path_factory.mktemp('service') / 'reflector.db'}") as running:
        yield running


def asked(client: TestClient, **query: Any) -> Any:
    answer = client.get("/v1/costs", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_api_reports_them_with_prices(client: TestClient, made: World) -> None:
    by_step = asked(client)
    assert (by_step["by"], by_step["currency"]) == ("step", "EUR")
    assert {row["key"] for row in by_step["rows"]} == {"recording", "participants"}
    # A core costs 3600 an hour: one a second.
    assert by_step["total"]["cost"] == pytest.approx(by_step["total"]["cpu_seconds"])
    for by, key in (("recording", made.id), ("room", made.room)):
        [row] = asked(client, by=by)["rows"]
        assert key.startswith(row["key"])
        assert row["cost"] == by_step["total"]["cost"]
    assert asked(client, by="month", since=1)["total"] == by_step["total"]
    assert asked(client, by="month", since=0)["rows"] == []


@pytest.mark.parametrize("query", [{"by": "speaker"}, {"since": "-1"}, {"since": "nan"}, {"since": "x"}, {"by": ""}])
def test_what_is_no_question_is_refused(client: TestClient, query: dict[str, str]) -> None:
    assert client.get("/v1/costs", params=query).status_code == 422


@pytest.mark.slow
def test_the_command_sums_up_and_takes_one_recording(deployment: Deployment) -> None:
    deployment.env |= {"REFLECTOR_PRICE_CPU_HOUR": "3600", "REFLECTOR_CURRENCY": "CHF"}
    deployment.reflector("import", str(SAMPLE))
    deployment.reflector("run", SAMPLE_ID, "--select", "recording,participants")
    reported = deployment.json("costs", SAMPLE_ID, "--by", "step")
    assert {row["key"] for row in reported["rows"]} == {"recording", "participants"}
    assert reported["total"]["cost"] == pytest.approx(sum(row["cost"] for row in reported["rows"]))
    assert reported["total"]["cost"] == pytest.approx(reported["total"]["cpu_seconds"])
    assert deployment.json("costs", "--rebuild", "--by", "month", "--since", "1")["total"] == reported["total"]
    shown = deployment.reflector("costs")
    assert "CHF" in shown.stdout
    assert "Total" in shown.stdout
    assert deployment.reflector("costs", "absent").returncode == 1
    assert deployment.reflector("costs", "--by", "speaker").returncode == 2
