"""The four tables without any privacy: what reading and counting costs.  `DATA OUT`"""

import json
import sys

import duckdb


def main(data: str, out: str) -> None:
    """Count."""
    source, run = f"read_parquet('{data}')", duckdb.connect().execute
    month = f"select month, work_mode, count(*) from {source} group by all"
    means = f"select expertise, avg(least(actions, 40)) from {source} group by all"
    words = (
        f"select expertise, quantile_cont(least(words, 1000), [.05, .25, .5, .75, .95]) "
        f"from {source} group by all"
    )
    rates = f"select occupation, avg(ok) from {source} where judged group by all"
    told = {
        "work": {f"{m}|{w}": n for m, w, n in run(month).fetchall()},
        "actions": dict(run(means).fetchall()),
        "words": dict(run(words).fetchall()),
        "verified": dict(run(rates).fetchall()),
    }
    with open(out, "w", encoding="utf-8") as file:  # noqa: PTH123  no import beside the work's own
        json.dump(told, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
