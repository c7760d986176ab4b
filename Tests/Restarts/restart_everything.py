#!/usr/bin/env python3
"""Ends the coordinator and all workers of a cluster on this machine, and starts all of them again, in any order.

    swift build -c release
    Tests/Restarts/restart_everything.py --restarts 20

Every answer must be the one that `tandem run` gives. Printed is for each restart how the layers were dealt, and which part
of the weights was sent over the network. Ends with 1 where an answer was wrong, or more than 5 % of all weights was sent.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from kill_coordinator import PACKAGE, QUESTIONS, free_ports


class Cluster:
    def __init__(self, arguments, folder, chance):
        self.arguments, self.folder, self.chance = arguments, folder, chance
        self.address = f"127.0.0.1:{free_ports()}"
        self.names = ["coordinator"] + [f"worker-{number}" for number in range(arguments.workers)]
        self.processes = {}

    def environment(self, name):
        # Workers that share a cache are the last ones.
        number = int(name.split("-")[1]) if "-" in name else 0
        shared = self.arguments.workers - self.arguments.shared
        path = os.path.join(self.folder, "shared" if "-" in name and number >= shared else name)
        os.makedirs(path, exist_ok=True)
        return os.environ | {
            "TANDEM_CONFIG": "", "XDG_CACHE_HOME": path, "XDG_RUNTIME_DIR": os.path.join(self.folder, "run"),
            "XDG_STATE_HOME": os.path.join(self.folder, "state"),
        }

    def start(self, name):
        flags = [f for f in ["--insecure"] if self.arguments.insecure]
        if name == "coordinator":
            command = ["coordinator", "--model", self.arguments.model, "--listen", f"tcp://{self.address}",
                       "--journal", self.arguments.journal]
            if self.arguments.minimum:
                command += ["--min-workers", str(self.arguments.minimum)]
        else:
            command = ["worker", "--join", self.address, "--threads", "1", "--memory", "1GiB"]
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        self.processes[name] = subprocess.Popen(
            [self.arguments.tandem] + command + flags, env=self.environment(name),
            stdout=subprocess.DEVNULL, stderr=log)

    def start_all(self):
        for name in self.chance.sample(self.names, len(self.names)):
            self.start(name)
            time.sleep(self.chance.uniform(0, self.arguments.delay))

    def end_all(self, by):
        for name in self.chance.sample(self.names, len(self.names)):
            self.processes[name].send_signal(by)
            time.sleep(self.chance.uniform(0, 0.05))
        for process in self.processes.values():
            process.wait()

    def status(self):
        flags = [f for f in ["--insecure"] if self.arguments.insecure]
        done = subprocess.run(
            [self.arguments.tandem, "status", "--coordinator", self.address, "--json"] + flags,
            env=self.environment("coordinator"), capture_output=True)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def serving(self, seconds=90):
        """The state once all workers have layers; the last one where that does not come."""
        end, status = time.monotonic() + seconds, None
        while time.monotonic() < end:
            status = self.status()
            if status and status["is_serving"] and sum(1 for stage in status["stages"]) == self.arguments.workers:
                time.sleep(1)
                return self.status()
            time.sleep(0.1)
        if not status or not status["is_serving"]:
            sys.exit(f"the cluster does not serve; see {self.folder}")
        return status

    def answer(self, question):
        flags = [f for f in ["--insecure"] if self.arguments.insecure]
        done = subprocess.run(
            [self.arguments.tandem, "generate", "--coordinator", self.address, "--json"] + flags + question,
            env=self.environment("client"), capture_output=True, check=True)
        return json.loads(done.stdout)["tokens"]


def dealt(status):
    """Whose cache has which layers: (first, last) of each stage's process, in order."""
    return [(stage["layers"]["first"], stage["layers"]["last"]) for stage in status["stages"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tandem", default=os.path.join(PACKAGE, ".build/release/tandem"))
    parser.add_argument("--model", default=os.path.join(PACKAGE, "Deploy/models/tandem-tales.gguf"))
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--shared", type=int, default=0, help="so many of them share a cache")
    parser.add_argument("--minimum", type=int, help="--min-workers of the coordinator")
    parser.add_argument("--signal", choices=["kill", "term", "both"], default="both")
    parser.add_argument("--delay", type=float, default=0.5, help="seconds between two starts, at most")
    parser.add_argument("--journal", choices=["on", "off"], default="on")
    parser.add_argument("--insecure", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    folder = tempfile.mkdtemp(prefix="tandem-restarts-")
    cluster = Cluster(arguments, folder, chance)
    question = QUESTIONS[1][:-1] + ["60"]
    expected = json.loads(subprocess.run(
        [arguments.tandem, "run", "--model", arguments.model, "--json"] + question,
        env=cluster.environment("reference"), capture_output=True, check=True).stdout)["tokens"]
    cluster.start_all()
    print("first start:", dealt(cluster.serving()))
    moved = total = wrong = 0
    for restart in range(arguments.restarts):
        if cluster.answer(question) != expected:
            wrong += 1
        time.sleep(chance.uniform(0, 2))
        by = {"kill": signal.SIGKILL, "term": signal.SIGTERM,
              "both": chance.choice([signal.SIGKILL, signal.SIGTERM])}[arguments.signal]
        cluster.end_all(by)
        begun = time.monotonic()
        cluster.start_all()
        status = cluster.serving()
        sent = sum(worker["transferred_bytes"] for worker in status["workers"])
        all_bytes = sent + sum(worker["cached_bytes"] for worker in status["workers"])
        moved, total = moved + sent, total + all_bytes
        print(f"restart {restart} ({by.name}): {sent / 2**20:.1f} of {all_bytes / 2**20:.1f} MiB sent, "
              f"{dealt(status)}, {time.monotonic() - begun:.1f} s", flush=True)
    if cluster.answer(question) != expected:
        wrong += 1
    cluster.end_all(signal.SIGTERM)
    print(f"{arguments.restarts} restarts: {moved} of {total} weight bytes sent ({100 * moved / max(1, total):.2f} %), "
          f"{wrong} wrong answers")
    return 1 if wrong or moved > 0.05 * total else 0


sys.exit(main())
