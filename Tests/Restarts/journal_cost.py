#!/usr/bin/env python3
"""What a coordinator's journal costs: two clusters on this machine, one with and one without, loaded in turn.

    swift build -c release
    Tests/Restarts/journal_cost.py --pairs 20

Each pair loads one cluster and then the other, the first of them by turns, while the other idles. Printed are the medians
of tokens per second and of the time to the first token, and of what the two of a pair differ in. On a machine that does
something else meanwhile the figures mean little: the spread of the differences says how much.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from kill_coordinator import PACKAGE, Cluster


def load(arguments, cluster):
    """Tokens per second, and the median seconds to the first token."""
    done = subprocess.run(
        [arguments.tandem, "bench", "cluster", "--coordinator", cluster.address, "--pp", str(arguments.pp),
         "--tg", str(arguments.tg), "--concurrency", str(arguments.streams), "--requests", str(arguments.requests),
         "--repetitions", "1", "--json"],
        env=cluster.environment("coordinator"), capture_output=True)
    if done.returncode:
        sys.exit(done.stderr.decode(errors="replace"))
    row = json.loads(done.stdout)["rows"][0]["load"]
    return row["tokens_per_second"]["median"], row["time_to_first_token_seconds"]["p50"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tandem", default=os.path.join(PACKAGE, ".build/release/tandem"))
    parser.add_argument("--model", default=os.path.join(PACKAGE, "Deploy/models/tandem-tales.gguf"))
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--requests", type=int, default=64, help="of each half of a pair")
    parser.add_argument("--pp", type=int, default=32)
    parser.add_argument("--tg", type=int, default=64)
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="tandem-journal-")
    clusters = {}
    for journal in ["on", "off"]:
        arguments.journal = journal
        os.makedirs(os.path.join(folder, journal))
        clusters[journal] = Cluster(arguments, os.path.join(folder, journal))
        clusters[journal].serving()
    found = {"on": [], "off": []}
    for cluster in clusters.values():
        load(arguments, cluster)  # warm
    for pair in range(arguments.pairs):
        for journal in ["on", "off"] if pair % 2 == 0 else ["off", "on"]:
            found[journal].append(load(arguments, clusters[journal]))
        (with_rate, with_time), (rate, first) = found["on"][-1], found["off"][-1]
        print(f"pair {pair}: {with_rate:.1f} and {rate:.1f} tokens/s, "
              f"first token {1000 * with_time:.2f} and {1000 * first:.2f} ms", flush=True)
    for cluster in clusters.values():
        journal = (cluster.status() or {}).get("journal")
        if journal:
            print(f"the journal: {journal['commits']} times made safe, {journal['mean_commit_microseconds']} us on average, "
                  f"{journal['bytes']} bytes")
        cluster.end()
    rates = [on[0] / off[0] - 1 for on, off in zip(found["on"], found["off"])]
    times = [on[1] - off[1] for on, off in zip(found["on"], found["off"])]
    print(f"tokens/s: {statistics.median(on[0] for on in found['on']):.1f} with, "
          f"{statistics.median(off[0] for off in found['off']):.1f} without; of pairs: median "
          f"{100 * statistics.median(rates):+.2f} % (bar: -1 %), from {100 * min(rates):+.1f} to {100 * max(rates):+.1f} %")
    print(f"first token: {1000 * statistics.median(on[1] for on in found['on']):.2f} ms with, "
          f"{1000 * statistics.median(off[1] for off in found['off']):.2f} ms without; of pairs: median "
          f"{1000 * statistics.median(times):+.2f} ms (bar: +3 ms), from {1000 * min(times):+.1f} to "
          f"{1000 * max(times):+.1f} ms")
    return 0


sys.exit(main())
