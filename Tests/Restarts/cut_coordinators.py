#!/usr/bin/env python3
"""Cuts two coordinators and three workers from each other at random, under streams with known answers.

    swift build -c release
    Tests/Restarts/cut_coordinators.py --cuts 1000          # as root: each of them is a network namespace

Each round cuts some of the ways between them, both ways or one, heals them, and waits until somebody serves. Every few rounds
the one that serves is killed or told to end. Whoever has ended is started again as the standby of the other. Every answer must be
the one that `tandem run` gives; and of what the coordinators log no two may serve at a time. Printed are answers and wrong ones,
takeovers, and how long it took from a kill to the next new piece of text. Ends with 1 where anything was wrong.
"""

import argparse
import datetime
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

from kill_coordinator import PACKAGE, QUESTIONS, Streams, percentile

COORDINATORS, WORKERS, CLIENT = ["a", "z"], ["b", "c", "d"], "e"
NODES = COORDINATORS + WORKERS
NAME = f"cuts{os.getpid() % 10_000}"
PORT = 7070


def sh(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


def address(host):
    return f"10.79.0.{'azbcde'.index(host) + 1}"


def namespace(host):
    return f"{NAME}-{host}"


class Network:
    """Namespaces with an address each, and which ways between them are cut."""

    RULES = """table inet cuts {
      set gone { type ipv4_addr; }
      chain input { type filter hook input priority 0; ip saddr @gone drop; }
    }"""

    def __init__(self):
        self.gone = set()
        switch = namespace("switch")
        sh("ip", "netns", "add", switch)
        sh("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        sh("ip", "-n", switch, "link", "set", "br0", "up")
        for host in NODES + [CLIENT]:
            name = namespace(host)
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"p-{host}", "netns", switch)
            sh("ip", "-n", switch, "link", "set", f"p-{host}", "master", "br0", "up")
            sh("ip", "-n", name, "link", "set", "lo", "up")
            sh("ip", "-n", name, "addr", "add", f"{address(host)}/24", "dev", "eth0")
            sh("ip", "-n", name, "link", "set", "eth0", "up")
            subprocess.run(["ip", "netns", "exec", name, "nft", "-f", "-"], input=self.RULES, text=True, check=True)

    def cut(self, source, target):
        """Nothing gets from the first to the second any more."""
        if (source, target) in self.gone:
            return
        self.gone.add((source, target))
        self._change("add", source, target)

    def heal(self):
        for source, target in self.gone:
            self._change("delete", source, target)
        self.gone = set()

    @staticmethod
    def _change(verb, source, target):
        sh("ip", "netns", "exec", namespace(target), "nft", verb, "element", "inet", "cuts", "gone",
           f"{{ {address(source)} }}")

    def remove(self):
        for host in NODES + [CLIENT, "switch"]:
            sh("ip", "netns", "del", namespace(host), check=False)


class Cluster:
    client = CLIENT

    def __init__(self, arguments, folder, network):
        self.arguments, self.folder, self.network = arguments, folder, network
        self.processes = {}
        self.lock = threading.Lock()
        self.isOver = False
        self.problems = []
        self.cuts, self.pauses = 0, []

    def start(self):
        self.start_coordinator("a")
        self.until(lambda: self.status("a"), "the first coordinator")
        self.lines = {role: self.token(role) for role in ["worker", "client", "standby"]}
        for host in WORKERS:
            self.run(host, "worker", "--join", self.lines["worker"], "--threads", "1", "--memory", "1GiB")
        self.start_coordinator("z", self.lines["standby"])
        self.until(lambda: self.serving() and self.following(), "a cluster with a standby")

    def environment(self, host):
        path = os.path.join(self.folder, host)
        os.makedirs(path, exist_ok=True)
        return os.environ | {
            "TANDEM_CONFIG": "", "XDG_CACHE_HOME": path, "XDG_RUNTIME_DIR": path, "XDG_STATE_HOME": path,
        }

    def words(self, host, *words):
        return ["ip", "netns", "exec", namespace(host), self.arguments.tandem, *words]

    def run(self, host, *words):
        log = open(os.path.join(self.folder, f"{host}.log"), "ab")
        self.processes[host] = subprocess.Popen(
            self.words(host, *words), env=self.environment(host), stdout=subprocess.DEVNULL, stderr=log)

    def token(self, role):
        done = sh(*self.words("a", "token", "create", "--role", role, "--uses", "100", "--expires", "never", "--json",
                              "--coordinator", f"{address('a')}:{PORT}", "--state",
                              os.path.join(self.folder, "a", "tandem")))
        return json.loads(done.stdout)["line"]

    def generate(self, question, place=f"{address('a')}:{PORT}"):
        return subprocess.Popen(
            self.words(CLIENT, "generate", "--reconnect-seconds", "120", "--coordinator", place, *question),
            env=self.environment(CLIENT), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def start_coordinator(self, host, follows=None):
        words = ["coordinator", "--model", self.arguments.model, "--listen", f"tcp://{address(host)}:{PORT}",
                 "--min-workers", "2", "--drain-seconds", "5"]
        self.run(host, *words, *(["--standby-of", follows] if follows else []))

    def status(self, host):
        done = subprocess.run(
            self.words(host, "status", "--coordinator", f"{address(host)}:{PORT}", "--json"),
            env=self.environment(host), capture_output=True)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def serving(self):
        """The coordinator that serves; None: none does."""
        for host in COORDINATORS:
            status = self.status(host)
            if status and status["is_serving"]:
                return host
        return None

    def following(self):
        states = [(self.status(host) or {}).get("standby") or {} for host in COORDINATORS]
        return any(state.get("is_following") for state in states)

    def until(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            self.look_after()
            time.sleep(0.1)
        self.problems.append(f"{what} does not come; see {self.folder}")
        raise TimeoutError(what)

    def look_after(self):
        """Whoever has ended follows the other from now on."""
        for host in COORDINATORS:
            status = self.processes.get(host) and self.processes[host].poll()
            if status is None or host not in self.processes:
                continue
            other = COORDINATORS[1 - COORDINATORS.index(host)]
            if status not in [0, 77, 69, -signal.SIGKILL]:
                self.problems.append(f"{host} ended with {status}")
            self.note(host, "ended")
            self.start_coordinator(host, f"{address(other)}:{PORT}")
        for host in WORKERS:
            if host in self.processes and self.processes[host].poll() is not None:
                self.problems.append(f"worker {host} ended with {self.processes[host].returncode}")
                self.run(host, "worker", "--join", f"{address('a')}:{PORT},{address('z')}:{PORT}", "--threads", "1",
                         "--memory", "1GiB")

    def takeovers(self):
        """By what was logged."""
        logs = [open(os.path.join(self.folder, f"{host}.log"), errors="replace").read() for host in COORDINATORS]
        return sum(log.count("taking over from the coordinator") for log in logs)

    def note(self, host, what):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with open(os.path.join(self.folder, f"{host}.log"), "a") as log:
            log.write(f"{now} info coordinator 0: {what}\n")

    def strike(self, host, number):
        self.processes[host].send_signal(number)
        self.processes[host].wait()
        self.note(host, "ended")

    def end(self):
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()


LINE = re.compile(r"^(\S+Z) \w+ coordinator (\d+): (.*)$")


def intervals(path):
    """When a coordinator served, by what it logged: from `serves` to whatever ended that."""
    found, since = [], None
    for line in open(path, errors="replace"):
        match = LINE.match(line)
        if not match:
            continue
        moment = datetime.datetime.fromisoformat(match[1].replace("Z", "+00:00")).timestamp()
        text = match[3]
        if re.match(r"epoch \d+( of term \d+)? serves", text):
            since = moment if since is None else since
        elif since is not None and re.search(r"is given up|serves no longer|handed over|^ended", text):
            found.append((since, moment))
            since = None
    if since is not None:
        found.append((since, time.time()))
    return found


def overlaps(folder):
    first, second = (intervals(os.path.join(folder, f"{host}.log")) for host in COORDINATORS)
    return [(a, b) for a in first for b in second if a[0] < b[1] and b[0] < a[1]]


def random_cuts(chance, network, most):
    """Some of the ways between nodes; how many."""
    pairs = [(x, y) for x in NODES for y in NODES if x < y]
    chosen = chance.sample(pairs, chance.randint(1, most))
    if chance.random() < 0.3:
        # One node from all others.
        node = chance.choice(NODES)
        chosen = [pair for pair in pairs if node in pair]
    for x, y in chosen:
        ways = [[(x, y), (y, x)], [(x, y)], [(y, x)]][chance.choices([0, 1, 2], [3, 1, 1])[0]]
        for source, target in ways:
            network.cut(source, target)
    return len(chosen)


def rounds(arguments, cluster, streams, chance):
    turn = 0
    while cluster.cuts < arguments.cuts and time.monotonic() < arguments.end:
        turn += 1
        if turn % arguments.kill_every == 0:
            host = cluster.until(lambda: cluster.following() and cluster.serving(), "a standby")
            number = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
            start = time.monotonic()
            cluster.strike(host, number)
            end = time.monotonic() + 60
            while (pause := streams.first(start)) is None and time.monotonic() < end:
                time.sleep(0.01)
            cluster.pauses.append((number, pause if pause is not None else 60.0))
        else:
            cluster.cuts += random_cuts(chance, cluster.network, 6)
            time.sleep(chance.choice([0.5, 1.5, 3, 5]) * chance.uniform(0.5, 1.5))
            cluster.look_after()
            cluster.network.heal()
        cluster.until(cluster.serving, "service")
        if cluster.problems:
            break
        print(f"round {turn}: {cluster.cuts} cuts, {streams.answers} answers, {cluster.takeovers()} takeovers", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tandem", default=os.path.join(PACKAGE, ".build/release/tandem"))
    parser.add_argument("--model", default=os.path.join(PACKAGE, "Deploy/models/tandem-tales.gguf"))
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=1e6, help="at most")
    parser.add_argument("--kill-every", type=int, default=5, help="rounds")
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.end = time.monotonic() + arguments.minutes * 60
    folder = tempfile.mkdtemp(prefix="tandem-cuts-")
    network = Network()
    cluster = None
    try:
        cluster = Cluster(arguments, folder, network)
        cluster.start()
        # Once with the key and a token.
        cluster.generate(QUESTIONS[0] + ["--json"], cluster.lines["client"])
        streams = Streams(cluster, arguments.streams, QUESTIONS[:4], rest=0.2)
        try:
            rounds(arguments, cluster, streams, random.Random(arguments.seed))
        except TimeoutError:
            pass
        network.heal()
        streams.end()
    finally:
        if cluster:
            cluster.end()
        network.remove()
    both = overlaps(folder)
    print(f"{cluster.cuts} cuts, {cluster.takeovers()} takeovers, {streams.answers} answers: {streams.lost} lost, {streams.wrong} wrong")
    for number in [signal.SIGKILL, signal.SIGTERM]:
        values = [pause for kind, pause in cluster.pauses if kind == number]
        print(f"{number.name}: {len(values)} times, next new text after p50 {percentile(values, 0.5):.2f} s, "
              f"p99 {percentile(values, 0.99):.2f} s")
    print(f"two that serve at a time: {len(both)} times {both[:3]}")
    for problem in cluster.problems:
        print(problem)
    return 1 if streams.lost or streams.wrong or both or cluster.problems else 0


sys.exit(main())
