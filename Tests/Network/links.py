#!/usr/bin/env python3
"""Five network namespaces as hosts: a coordinator, three workers and a client, with firewalls between them.

    sudo Tests/Network/links.py [PATH OF tandem OR OF A PACKAGE] [SCENARIO...]

Needs root, `ip`, `nft`, `tc` and `unshare`; says loudly that it is skipped where one of them is missing. Each scenario
starts a cluster of its own, whose links are encrypted. Nodes and clients are set up by the lines that are printed, word for
word; every host has its own folders for keys, weights and memory; and its firewall lets the documented ports in and out, and
nothing else.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

import addresses
import cuts
import failures
import ports
from hosts import Cluster, Network, make_hosts, remove_hosts, sh

SCENARIOS = {**addresses.SCENARIOS, **ports.SCENARIOS, **failures.SCENARIOS, **cuts.SCENARIOS}
USUAL = {name: getattr(Network, name) for name in ["prefix", "mask", "gateway", "is_slow"]}


def run(name):
    scenario, options = SCENARIOS[name]
    options = dict(options)
    print(f"{name}: {scenario.__doc__}", flush=True)
    for key, value in {**USUAL, **options.pop("network", {})}.items():
        setattr(Network, key, value)
    prepare, is_alone = options.pop("prepare", None), options.pop("alone", False)
    folder = tempfile.mkdtemp(prefix="tandem-links-")
    remove_hosts()
    cluster = Cluster(folder)
    start = time.time()
    try:
        make_hosts()
        if prepare:
            prepare(cluster)
        if not is_alone:
            cluster.begin(**options)
        scenario(cluster)
        print(f"    right, {time.time() - start:.0f} s in all, {cluster.plans()} plans in the coordinator's log, "
              f"{cluster.tokens} tokens of right answers", flush=True)
        return True
    except (AssertionError, KeyError, subprocess.SubprocessError) as problem:
        print(f"    WRONG: {problem}", flush=True)
        return False
    finally:
        cluster.stop()
        remove_hosts()
        if os.environ.get("TANDEM_KEEP_LOGS"):
            print(f"    logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def missing():
    """What this machine lacks."""
    tools = [tool for tool in ["ip", "nft", "tc", "unshare"] if not shutil.which(tool)]
    if os.geteuid() != 0:
        tools.append("root")
    if not tools and sh("unshare", "-n", "true", check=False).returncode != 0:
        tools.append("the right to make network namespaces")
    return tools


def main():
    arguments = sys.argv[1:]
    lacks = missing()
    if lacks:
        print("=" * 80 + f"\nSKIPPED: links between hosts are not tested; needed: {', '.join(lacks)}\n" + "=" * 80)
        return 0
    with tempfile.TemporaryDirectory(prefix="tandem-package-") as unpacked:
        if arguments and "/" in arguments[0]:
            Network.tandem = os.path.abspath(arguments.pop(0))
        if Network.tandem.endswith(".deb"):
            sh("dpkg-deb", "--extract", Network.tandem, unpacked)
            Network.tandem = os.path.join(unpacked, "usr/bin/tandem")
        wrong = [name for name in arguments or SCENARIOS if not run(name)]
    print(f"wrong: {', '.join(wrong)}" if wrong else "all right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
