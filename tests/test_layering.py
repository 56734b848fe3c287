"""The rows of the house: a module imports from the rows above its own alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import chatd

PACKAGE = Path(chatd.__file__).parent

# A new module belongs into a row here, the highest that has all it imports above it. Where two modules do not
# know each other they may share a row.
ROWS = [
    ("chatd",),
    ("chatd.errors", "chatd.rate", "chatd.logs", "chatd.addresses", "chatd.database", "chatd.endpoint"),
    ("chatd.http",),
    ("chatd.bus.url", "chatd.bus.slots"),
    ("chatd.counts", "chatd.readiness", "chatd.replies", "chatd.notify"),
    ("chatd.lag",),
    ("chatd.model",),
    ("chatd.turn",),
    ("chatd.interfaces", "chatd.notices", "chatd.parameters", "chatd.lines"),
    ("chatd.config", "chatd.accounts"),
    ("chatd.checkers",),
    ("chatd.checkers.hashes",),
    ("chatd.checkers.file", "chatd.checkers.http", "chatd.checkers.sql", "chatd.checkers.guard"),
    ("chatd.passwd",),
    ("chatd.checkers.projects", "chatd.realm"),
    ("chatd.wire",),
    ("chatd.wire.frames",),
    ("chatd.wire.commands", "chatd.wire.events"),
    ("chatd.stamp", "chatd.undecided"),
    ("chatd.container",),
    ("chatd.room",),
    ("chatd.delivery", "chatd.coalescing"),
    ("chatd.registry", "chatd.outcome"),
    ("chatd.outbox",),
    ("chatd.bus", "chatd.store"),
    ("chatd.bus.resp", "chatd.bus.telling"),
    ("chatd.bus.connecting",),
    ("chatd.bus.single", "chatd.bus.hosts"),
    ("chatd.bus.node",),
    ("chatd.bus.nodes",),
    ("chatd.bus.subscriber", "chatd.bus.probe"),
    ("chatd.bus.redis",),
    ("chatd.bus.local", "chatd.store.none", "chatd.store.sql", "chatd.store.retention"),
    ("chatd.store.owners",),
    ("chatd.store.adbapi",),
    ("chatd.store.sqlite", "chatd.store.postgres"),
    ("chatd.store.urls",),
    ("chatd.store.__main__",),
    ("chatd.reports",),
    ("chatd.conversations",),
    ("chatd.online",),
    ("chatd.chat",),
    ("chatd.cluster",),
    ("chatd.cluster.people", "chatd.cluster.scripts"),
    ("chatd.cluster.wire",),
    ("chatd.cluster.calls", "chatd.cluster.nodes", "chatd.cluster.edge", "chatd.cluster.outpost"),
    ("chatd.cluster.leader", "chatd.cluster.quota"),
    ("chatd.cluster.owned",),
    ("chatd.cluster.takeover",),
    ("chatd.cluster.host",),
    ("chatd.cluster.reception", "chatd.cluster.outage"),
    ("chatd.cluster.outposts",),
    ("chatd.cluster.switchboard", "chatd.cluster.finding"),
    ("chatd.cluster.orphans",),
    ("chatd.cluster.cluster",),
    ("chatd.sweeper", "chatd.webhook", "chatd.verdicts"),
    ("chatd.outlet", "chatd.handshake"),
    ("chatd.websocket",),
    ("chatd.admission",),
    ("chatd.protocol",),
    ("chatd.factory",),
    ("chatd.cli",),
    ("chatd.cli.address", "chatd.cli.shown", "chatd.cli.typed"),
    ("chatd.cli.options", "chatd.cli.request", "chatd.cli.link"),
    ("chatd.cli.talk", "chatd.cli.rooms"),
    ("chatd.cli.session",),
    ("chatd.cli.running",),
    ("chatd.cli.connect", "chatd.cli.tail"),
    ("chatd.tls",),
    ("chatd.reload",),
    ("chatd.house",),
    ("chatd.manhole",),
    ("chatd.manhole.tables", "chatd.manhole.keys"),
    ("chatd.manhole.evaluation", "chatd.manhole.sampling", "chatd.manhole.trace"),
    ("chatd.manhole.terminal", "chatd.manhole.voice"),
    ("chatd.manhole.visits", "chatd.manhole.namespace"),
    ("chatd.manhole.ssh",),
    ("chatd.manhole.service",),
    ("chatd.metrics",),
    ("chatd.admin",),
    ("chatd.admin.access", "chatd.admin.answers", "chatd.admin.shapes"),
    ("chatd.admin.routes",),
    ("chatd.admin.reads", "chatd.admin.openapi"),
    ("chatd.admin.acts", "chatd.admin.reach"),
    ("chatd.admin.api", "chatd.admin.site"),
    ("chatd.admin.door",),
    ("chatd.web",),
    ("chatd.web.files", "chatd.web.whereabouts"),
    ("chatd.web.site",),
    ("chatd.web.door",),
    ("chatd.build",),
    ("chatd.tap",),
    ("chatd.__main__",),
]
ROW_OF = {module: row for row, modules in enumerate(ROWS) for module in modules}


def sources() -> dict[str, Path]:
    """Every module of chatd, by its name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(tree: ast.AST) -> Iterator[str]:
    """What a module imports when it runs, in functions too, but not what it imports for type checkers alone.

    ``from a import b`` is both ``a`` and ``a.b``, since b may be a module.
    """
    if isinstance(tree, ast.If) and ast.unparse(tree.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        return
    if isinstance(tree, ast.Import):
        yield from (alias.name for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom):
        assert tree.module is not None and tree.level == 0, "imports are absolute"
        yield tree.module
        yield from (f"{tree.module}.{alias.name}" for alias in tree.names)
    for child in ast.iter_child_nodes(tree):
        yield from imported(child)


def imports_of(path: Path) -> set[str]:
    """What a file imports."""
    return set(imported(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("module", sources())
def test_a_module_imports_only_from_rows_above_its_own(module: str) -> None:
    assert module in ROW_OF, "a new module: give it its row"
    known = (name for name in imports_of(sources()[module]) if name in sources())
    assert [name for name in known if ROW_OF[name] >= ROW_OF[module]] == []


def test_the_rows_hold_no_module_that_is_gone() -> None:
    assert set(ROW_OF) - set(sources()) == set()


def test_only_tap_names_the_global_reactor() -> None:
    naming = {name for name, path in sources().items() if "twisted.internet.reactor" in imports_of(path)}
    assert naming == {"chatd.tap"}


def test_only_build_and_a_cluster_name_a_bus() -> None:
    buses = {name for name in sources() if name.startswith("chatd.bus.")}
    naming = {name for name, path in sources().items() if buses & imports_of(path)}
    nodes = {name for name in naming if name.startswith("chatd.cluster.")}
    assert naming - buses - nodes == {"chatd.build", "chatd.tap"}  # tap looks at the URL
    for name in nodes:
        assert buses & imports_of(sources()[name]) <= {"chatd.bus.redis"}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import chatd.bus.local as bus", {"chatd.bus.local"}),
        ("from chatd.bus import local", {"chatd.bus", "chatd.bus.local"}),
        (
            "def f():\n    from twisted.internet import reactor",
            {"twisted.internet", "twisted.internet.reactor"},
        ),
        ("if TYPE_CHECKING:\n    import chatd.tap", set()),
        ("if True:\n    import chatd.tap", {"chatd.tap"}),
    ],
)
def test_this_test_sees_imports_of_every_kind(source: str, names: set[str]) -> None:
    assert set(imported(ast.parse(source))) == names
