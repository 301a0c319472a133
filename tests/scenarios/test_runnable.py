"""Any graph, any change: a catch-up goes in rounds, comes to rest, and computes nothing twice."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from reflector_assets.staleness import AssetGraph, AssetState, Node, runnable
from tests.examples import examples


class Model:
    """One recording without Dagster: per asset the code and the inputs' contents that made it, and its content."""

    def __init__(self, graph: AssetGraph) -> None:
        self.graph = graph
        self.content = dict.fromkeys(graph.names(), 0)
        self.consumed = {node.name: dict.fromkeys(node.reads, 0) for node in graph}
        self.outdated: set[str] = set()
        self.computed: list[str] = []

    def states(self) -> list[AssetState]:
        return [AssetState(node.name, self._reason(node), None) for node in self.graph]

    def _reason(self, node: Node) -> str | None:
        if node.name in self.outdated:
            return "code changed"
        changed = [p for p in node.reads if self.consumed[node.name][p] != self.content[p]]
        return f"{changed[0]} changed" if changed else None

    def run(self, assets: list[str], changes: Iterator[bool]) -> None:
        for node in self.graph:
            if node.name in assets:
                self.outdated.discard(node.name)
                self.consumed[node.name] = {parent: self.content[parent] for parent in node.reads}
                self.content[node.name] += next(changes)
                self.computed.append(node.name)


@st.composite
def graphs(draw: st.DrawFn) -> AssetGraph:
    """Graphs of some depth: every asset but a few reads one of the three before it, or two."""
    names = [f"a{n}" for n in range(draw(st.integers(1, 9)))]
    reads = [
        draw(st.sets(st.sampled_from(names[max(0, n - 3) : n]), min_size=int(n % 4 > 0), max_size=2))
        if n
        else set[str]()
        for n in range(len(names))
    ]
    return AssetGraph(Node(name, tuple(sorted(r)), "1") for name, r in zip(names, reads, strict=True))


@st.composite
def changed(draw: st.DrawFn) -> Model:
    """A recording with a few assets of changed code, a few re-made by hand with new content, in any graph."""
    model = Model(draw(graphs()))
    names = st.sampled_from(model.graph.names())
    for name in draw(st.sets(names, max_size=2)):
        model.content[name] += 1
    model.outdated = draw(st.sets(names, max_size=3))
    return model


def ancestors(graph: AssetGraph, name: str) -> set[str]:
    reads = {node.name: node.reads for node in graph}
    found, open_ = set[str](), list(reads[name])
    while open_:
        if (one := open_.pop()) not in found:
            found.add(one)
            open_ += reads[one]
    return found


@settings(max_examples=examples(100, 300))
@given(changed())
def test_a_stale_asset_waits_exactly_behind_a_fresh_one_that_may_become_stale(model: Model) -> None:
    found = model.states()
    stale = {state.asset for state in found if state.reason}
    ready = runnable(model.graph, found)
    may_change = {name for name in model.graph.names() if name not in stale and ancestors(model.graph, name) & stale}
    assert ready == [
        name for name in model.graph.names() if name in stale and not ancestors(model.graph, name) & may_change
    ]
    assert bool(ready) == bool(stale), "something can always begin"


@settings(max_examples=examples(100, 300))
@given(changed(), st.data())
def test_a_catch_up_comes_to_rest_and_computes_each_asset_once_and_only_for_a_reason(
    model: Model, data: st.DataObject
) -> None:
    before = {state.asset for state in model.states() if state.reason}
    contents = dict(model.content)
    # Some assets answer as before, others anew.
    changes = iter(lambda: data.draw(st.booleans(), label="answers anew"), None)
    for _ in range(len(model.graph) + 1):
        if not (ready := runnable(model.graph, model.states())):
            break
        model.run(ready, changes)
    assert all(state.reason is None for state in model.states())
    assert len(model.computed) == len(set(model.computed))
    due = {n.name for n in model.graph if any(model.content[p] != contents[p] for p in n.reads)}
    assert set(model.computed) == before | due
