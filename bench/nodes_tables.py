"""The tables of ``python -m bench.nodes``, made of medians."""

from collections.abc import Mapping, Sequence

from bench.tables import Table, number

Sample = Mapping[str, float]
Medians = Mapping[str, Sample]

LAYOUTS = {
    "alone": "one process, no [cluster]",
    "one": "one node",
    "rooms": "two nodes, each room on one",
    "random": "two nodes, members at random",
}
PACES = {
    "shared": "The same share of a CPU for each node",
    "saturated": "Saturated, without a limit",
    "paced": "200 messages a second",
}
PLACES = {
    "here": "all on node A, the owner",
    "heard": "said on A, heard on A and B",
    "said": "said on B, the edge",
}
BUS_PACES = {"loaded": "At load", "low": "50 messages a second"}


def _nodes(sample: Sample) -> list[float]:
    return [spent for name, spent in sorted(sample.items()) if name.startswith("node")]


def _scale(medians: Medians, pace: str, share: float) -> list[Table]:
    base = medians.get(f"scale {pace} one")
    rows = []
    for layout, title in LAYOUTS.items():
        sample = medians.get(f"scale {pace} {layout}")
        if sample is None or base is None:
            continue
        deliveries, seconds = sample["deliveries"], sample["seconds"]
        rate, cost = deliveries / seconds, sum(_nodes(sample)) * 1e6 / deliveries
        base_rate = base["deliveries"] / base["seconds"]
        base_cost = sum(_nodes(base)) * 1e6 / base["deliveries"]
        busy = [f"{spent / seconds:.0%}" for spent in _nodes(sample)]
        rows.append([
            title,
            number(rate / 1000),
            f"{rate / base_rate:.2f}",
            number(cost),
            f"{cost / base_cost:.2f}",
            number(sample["frames_per_read"]),
            " + ".join(busy),
            *(f"{sample[f'{name}_cpu'] / seconds:.0%}" for name in ("redis", "postgres", "load")),
        ])  # fmt: skip
    header = [
        "",
        "1000 deliveries/s",
        "× one node",
        "µs a delivery",
        "× one node",
        "frames/read",
        "CPU of nodes",
    ]
    header += ["Redis", "PostgreSQL", "load"]
    about = {
        "shared": "40 rooms of 100, five senders in each with four messages in flight. Each node may use "
        f"{share:.0%} of a CPU, so that there is room for all on this machine: the first columns tell what "
        "another node adds.",
        "saturated": "The same, and everybody takes what there is. Beside two nodes, load generator, Redis "
        "and PostgreSQL have no CPU of their own, so that they limit what two nodes deliver.",
        "paced": "The same rooms; 200 messages a second in all, and nothing to join.",
    }[pace]
    return [Table(PACES[pace], about, header, rows)] if rows else []


def _bus(medians: Medians, pace: str) -> list[Table]:
    here = medians.get(f"bus {pace} here")
    rows = []
    for layout, title in PLACES.items():
        sample = medians.get(f"bus {pace} {layout}")
        if sample is None or here is None:
            continue
        messages = sample["messages"]
        each = [spent * 1e6 / messages for spent in _nodes(sample)]
        more = sum(each) - sum(_nodes(here)) * 1e6 / here["messages"]
        cells = [" + ".join(map(number, each)), number(sum(each)), number(more) if layout != "here" else "–"]
        cells += [number(sample[f"{name}_cpu"] * 1e6 / messages) for name in ("redis", "postgres")]
        cells += [number(messages / sample["seconds"])]
        cells += [number(sample[f"{name}_us"] / 1000) for name in ("p50", "p99")]
        rows.append([title, *cells])
    header = [
        "",
        "A + B",
        "sum",
        "more than on A alone",
        "Redis",
        "PostgreSQL",
        "messages/s",
        "p50 ms",
        "p99 ms",
    ]
    about = "Microseconds of CPU for a message in one room of eleven, ten of whom speak" + (
        ", each with ten messages in flight." if pace == "loaded" else "."
    )
    return [Table(f"Across the bus: {BUS_PACES[pace].lower()}", about, header, rows)] if rows else []


def _edges(medians: Medians, pace: str) -> list[Table]:
    rows = []
    for key, sample in medians.items():
        if not key.startswith(f"edges {pace} "):
            continue
        publisher, *others = (spent * 1e6 / sample["messages"] for spent in _nodes(sample))
        cells = [publisher, sum(others) / len(others), sample["redis_cpu"] * 1e6 / sample["messages"]]
        rows.append(
            [key.rpartition(" ")[2], *map(number, cells), number(sample["messages"] / sample["seconds"])]
        )
    header = ["nodes that hear it", "owner", "each of them", "Redis", "messages/s"]
    about = (
        "Microseconds of CPU for a message that ten members say on the owner, and that one member on each of "
        "some other nodes hears too."
    )
    return (
        [Table(f"More nodes at a room's edge: {BUS_PACES[pace].lower()}", about, header, rows)]
        if rows
        else []
    )


def tables(medians: Medians, share: float) -> list[Table]:
    """Every table there is something for."""
    found: list[Table] = []
    for pace in PACES:
        found += _scale(medians, pace, share)
    for pace in BUS_PACES:
        found += _bus(medians, pace)
    for pace in BUS_PACES:
        found += _edges(medians, pace)
    return found


def page(found: Sequence[Table], facts: Sequence[tuple[str, str]], runs: int) -> str:
    """The page for the documentation."""
    head = (
        "================\nScaling: figures\n================\n\n"
        f"Written by ``python -m bench.nodes --write``: medians of {runs} interleaved runs. "
        "``docs/scaling.rst`` tells what follows from them.\n\n"
    )
    body = "\n".join(table.rst() for table in found)
    return head + body + "\n" + "".join(f"- {what}: {which}\n" for what, which in facts)
