#!/usr/bin/env python3
"""Slows one of three workers on this machine under load, and measures how soon the cluster is as fast as it can be.

    swift build -c release
    sudo Tests/Restarts/slow_worker.py --shares 0.5 0.15

A quota of its own cgroup leaves the worker so large a share of a core. What is possible then is found by trying: the same
workers, the same quota, and one fixed split after another, among them one that leaves the slow worker out. Printed are
tokens a second before, of the best fixed split, and after; when they first were nine tenths of the best for five seconds;
and whether the worker has layers again once its quota is lifted. Ends with 1 where nine tenths took more than 30 seconds.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STORE = os.environ.get("TANDEM_MODELS", os.path.expanduser("~/.local/share/tandem/models"))
PERIOD = 100_000


class Quota:
    """A cgroup of one process, of either version."""

    def __init__(self, name):
        self.isSecond = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
        self.path = os.path.join("/sys/fs/cgroup" if self.isSecond else "/sys/fs/cgroup/cpu", name)
        os.mkdir(self.path)
        # A group weighs as much as one thread of its parent: what computes and what sends are to weigh as much as the others'.
        weight = 2 * 1.25 ** -os.nice(0)
        if self.isSecond:
            self.write("cpu.weight", str(min(10_000, int(100 * weight))))
        else:
            self.write("cpu.shares", str(min(262_144, int(1024 * weight))))

    def write(self, file, text):
        with open(os.path.join(self.path, file), "w") as opened:
            opened.write(text)

    def add(self, pid):
        self.write("cgroup.procs", str(pid))

    def set(self, share):
        """So large a share of a core; None: no limit."""
        if self.isSecond:
            self.write("cpu.max", f"{int(share * PERIOD)} {PERIOD}" if share else "max")
        else:
            self.write("cpu.cfs_period_us", str(PERIOD))
            self.write("cpu.cfs_quota_us", str(int(share * PERIOD)) if share else "-1")

    def remove(self):
        for _ in range(100):
            try:
                return os.rmdir(self.path)
            except OSError:
                time.sleep(0.1)


class Cluster:
    """A coordinator, workers of one thread each, and clients that ask on and on."""

    number = 0

    def __init__(self, arguments, split=None, workers=3, slowed=None, share=None):
        self.arguments = arguments
        Cluster.number += 1
        self.folder = tempfile.mkdtemp(prefix="tandem-slow-")
        self.quota = Quota(f"tandem-slow-{os.getpid()}-{Cluster.number}") if slowed is not None else None
        if share:
            self.quota.set(share)
        self.processes = []
        self.coordinator = self.start(
            ["coordinator", "--model", arguments.model, "--listen", "tcp://127.0.0.1:0", "--min-workers", str(workers),
             "--context", "1024", "--parallel", str(arguments.streams), "--speculate", "off", "--drain-seconds", "0"]
            + (["--split", split] if split else []), "coordinator", stdout=subprocess.PIPE)
        self.address = self.coordinator.stdout.readline().decode().split()[3].split("#")[0]
        self.workers = []
        for number in range(workers):
            worker = self.start(
                ["worker", "--join", self.address, "--threads", "1", "--memory", arguments.memory, "--drain-seconds",
                 "0"], f"worker-{number}")
            if number == slowed:
                self.quota.add(worker.pid)
            self.workers.append(worker)
            # In this order.
            self.wait(lambda status: len(status["workers"]) > number)
        self.wait(lambda status: status["is_serving"])
        self.load = self.start(
            ["bench", "cluster", "--coordinator", self.address, "--pp", str(arguments.prompt), "--tg",
             str(arguments.answer), "--concurrency", str(arguments.streams), "--requests", "1000000",
             "--repetitions", "1"], "load", stdout=subprocess.DEVNULL)
        self.wait(lambda status: status["generated_tokens"] > 200)

    def start(self, command, name, stdout=subprocess.DEVNULL):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        environment = os.environ | {
            "TANDEM_CONFIG": "", "XDG_CACHE_HOME": path, "XDG_RUNTIME_DIR": path,
            "XDG_STATE_HOME": os.path.join(self.folder, "state"),
        }
        process = subprocess.Popen(
            [self.arguments.tandem] + command, env=environment, stdout=stdout,
            stderr=open(os.path.join(path, "log"), "ab"))
        self.processes.append(process)
        return process

    def status(self):
        done = subprocess.run(
            [self.arguments.tandem, "status", "--coordinator", self.address, "--json"], capture_output=True,
            env=os.environ | {"TANDEM_CONFIG": "", "XDG_STATE_HOME": os.path.join(self.folder, "state")})
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def wait(self, condition, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.status()
            if status and condition(status):
                return status
            time.sleep(0.05)
        sys.exit(f"the cluster does not get on; see {self.folder}")

    def tokens(self):
        """When, and how many tokens there were."""
        status = self.wait(lambda status: True)
        return time.monotonic(), status["generated_tokens"], self.layers(status)

    def layers(self, status):
        """[workers] how many layers each has."""
        held = {worker["pid"]: worker["layers"] for worker in status["workers"]}
        counts = [held.get(worker.pid) for worker in self.workers]
        return [each["last"] - each["first"] + 1 if each else 0 for each in counts]

    def rate(self, seconds):
        start, before, _ = self.tokens()
        time.sleep(seconds)
        end, after, _ = self.tokens()
        return (after - before) / (end - start)

    def end(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.quota:
            self.quota.remove()


def splits(layers, share):
    """Splits worth a try where the first of three workers has a share of a core: fewer layers for it, or none."""
    fair = layers * share / (2 + share)
    found = []
    for own in sorted({0, max(0, int(fair) - 1), int(fair), int(fair) + 1, layers // 3}):
        rest = layers - own
        # The last stage has the output matrix as well.
        for shift in (0, 1, 2):
            middle = own + (rest + 1) // 2 + shift
            if middle >= layers:
                continue
            ranges = ([(0, own - 1)] if own else []) + [(own, middle - 1), (middle, layers - 1)]
            found.append((own, ",".join(f"{first}-{last}" for first, last in ranges)))
    return list(dict.fromkeys(found))


def best(arguments, layers, share):
    """The rate of the best fixed split, which may leave the slow worker out."""
    rates = []
    for own, split in splits(layers, share):
        cluster = Cluster(arguments, split, 3 if own else 2, 0 if own else None, share if own else None)
        rates.append((cluster.rate(arguments.trial), split, own))
        cluster.end()
        print(f"  {split}: {rates[-1][0]:.0f} tokens/s, {own} layers on the slow worker", flush=True)
    return max(rates)


class Timeline:
    """What came of a change, from its moment on."""

    def __init__(self, cluster):
        self.cluster, self.points = cluster, [cluster.tokens()]

    def follow(self, seconds):
        while self.points[-1][0] - self.points[0][0] < seconds:
            time.sleep(0.5)
            self.points.append(self.cluster.tokens())
            if self.points[-1][2] != self.points[-2][2]:
                print(f"  {self.points[-1][0] - self.points[0][0]:.1f} s: layers {self.points[-1][2]}", flush=True)

    def rate(self, start, end):
        """Tokens a second between two times."""
        some = [point for point in self.points if start <= point[0] - self.points[0][0] <= end]
        return (some[-1][1] - some[0][1]) / max(1e-9, some[-1][0] - some[0][0])

    def reached(self, wanted, window=5):
        """The beginning of the first time of that length with such a rate; None: there was none."""
        for time, _, _ in self.points:
            start = time - self.points[0][0]
            if start + window <= self.points[-1][0] - self.points[0][0] and self.rate(start, start + window) >= wanted:
                return start
        return None


def measure(arguments, share):
    print(f"one of three workers has {share:.0%} of a core", flush=True)
    cluster = Cluster(arguments, slowed=arguments.slowed)
    layers = cluster.wait(lambda status: True)["layer_count"]
    # Plans settle, and there are steps to learn from.
    time.sleep(arguments.settle)
    healthy = cluster.rate(arguments.trial)
    print(f"  before: {healthy:.0f} tokens/s, layers {cluster.tokens()[2]}", flush=True)
    cluster.quota.set(share)
    slowed = Timeline(cluster)
    slowed.follow(arguments.seconds)
    print(f"  after: {slowed.rate(0, 8):.0f} tokens/s in the first 8 s, {slowed.rate(arguments.seconds - 15, 1e9):.0f} in the "
          f"last 15 s", flush=True)
    cluster.quota.set(None)
    lifted = Timeline(cluster)
    lifted.follow(arguments.lifted)
    cluster.end()
    rate, split, own = best(arguments, layers, share)
    reached = slowed.reached(0.9 * rate)
    final = slowed.rate(arguments.seconds - 15, 1e9)
    print(f"  best fixed split: {split} ({own} layers on the slow worker) with {rate:.0f} tokens/s; ours is "
          f"{final / rate:.2f} of it, and was 0.9 of it for 5 s "
          + (f"from {reached:.1f} s on" if reached is not None else "never"))
    if arguments.lifted:
        has = lifted.points[-1][2][arguments.slowed]
        print(f"  {arguments.lifted:.0f} s after the quota was lifted: {lifted.rate(arguments.lifted - 15, 1e9):.0f} tokens/s, "
              f"{has} layers on that worker", flush=True)
    return reached is not None and reached <= 30 and final >= 0.9 * rate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tandem", default=os.path.join(PACKAGE, ".build/release/tandem"))
    parser.add_argument("--model", default=os.path.join(STORE, "SmolLM2-135M-Instruct.Q4_1.gguf"))
    parser.add_argument("--memory", default="1GiB", help="of each worker")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.15])
    parser.add_argument("--slowed", type=int, choices=[0, 1, 2], default=1, help="which of the workers, as they joined")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--answer", type=int, default=256)
    parser.add_argument("--settle", type=float, default=20)
    parser.add_argument("--trial", type=float, default=10, help="seconds of each measurement")
    parser.add_argument("--seconds", type=float, default=60, help="how long what comes of it is followed")
    parser.add_argument("--lifted", type=float, default=100, help="the same without the quota; 0: not at all")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("a quota needs root")
    rights = [measure(arguments, share) for share in arguments.shares]
    return 0 if all(rights) else 1


sys.exit(main())
