"""Numbers of what has happened."""

from math import inf

from chatd.counts import Histogram


def test_a_bucket_counts_all_values_up_to_its_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 99.0):
        histogram.add(value)
    assert list(histogram.buckets()) == [(1.0, 2), (2.0, 4), (inf, 5)]
    assert (histogram.count, histogram.total) == (5, 104.0)


def test_a_histogram_without_values_has_all_its_buckets() -> None:
    assert list(Histogram((1.0,)).buckets()) == [(1.0, 0), (inf, 0)]
