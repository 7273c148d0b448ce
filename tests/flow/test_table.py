from flow.table import table


def test_columns_end_where_those_above_end_and_nothing_hangs_over():
    lines = table([("name", "ms", ""), ("a longer name", "1.25", "x"), ("b", "", "")]).splitlines()
    assert lines == ["name             ms", "a longer name  1.25  x", "b"]
