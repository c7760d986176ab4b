"""Hosts that are stopped and cut from each other at random, again and again, under streams whose answers are known."""
import os
import random
import signal
import statistics
import subprocess
import threading
import time

from hosts import CLIENT, WORKERS, address, answer_flags, environment, on, right_answer, until

# How many cuts there are, which, and how many answers at a time.
CUTS = int(os.environ.get("TANDEM_CUTS", "12"))
SEED = int(os.environ.get("TANDEM_CUTS_SEED", "1"))
STREAMS = 4
# Tokens of an answer, seconds that a cut lasts, and seconds that it may take until all are back.
TOKENS, LASTS, PATIENCE = 350, 4.0, 30
PROMPTS = ["Once upon a time", "The cat", "One day", "In the garden"]


class Stream(threading.Thread):
    """One answer after the other, each compared with what one process answers."""

    def __init__(self, cluster, number):
        super().__init__(daemon=True)
        self.cluster, self.prompt = cluster, PROMPTS[number % len(PROMPTS)]
        self.right = right_answer(self.prompt, TOKENS)
        # Times at which something of an answer came: a list for each.
        self.answers = []
        self.wrong, self.failed = [], []
        self.is_over = False

    def run(self):
        while not self.is_over:
            words = ["tandem", "generate", "--coordinator", self.cluster.at(), *answer_flags(self.prompt, TOKENS)]
            process = subprocess.Popen(on(CLIENT, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=environment(CLIENT, self.cluster.folder))
            arrivals, text = [], b""
            self.answers.append(arrivals)
            while piece := os.read(process.stdout.fileno(), 1 << 16):
                arrivals.append(time.time())
                text += piece
            problem = process.stderr.read().decode(errors="replace")
            if process.wait() != 0:
                self.failed.append(problem.strip())
            elif text.decode(errors="replace") != self.right:
                self.wrong.append(text.decode(errors="replace"))

    def pause(self, since, end):
        """The longest time in which nothing came of an answer that was under way; nil: none was."""
        for arrivals in self.answers:
            if len(arrivals) < 2 or not arrivals[0] < since < arrivals[-1]:
                continue
            times = [since, *(moment for moment in list(arrivals) if since < moment)]
            return max((after - before for before, after in zip(times, times[1:]) if before < end), default=None)
        return None


def everything(way):
    inward = ['iif != "lo" drop'] if way != "out" else []
    outward = ['oif != "lo" drop'] if way != "in" else []
    return inward, outward


def begin(cluster, kind, one, other):
    if kind == "stopped":
        cluster.nodes[one].signal(signal.SIGSTOP)
    elif kind.startswith("off"):
        cluster.guard(one, *everything(kind.removeprefix("off ")))
    elif kind == "parted":
        cluster.guard(one, drops=[f"ip saddr {address(other)} drop"], output=[f"ip daddr {address(other)} drop"])
    else:
        cluster.guard(one, drops=[f"ip saddr {address(other)} drop"])


def end(cluster, kind, one):
    if kind == "stopped":
        cluster.nodes[one].signal(signal.SIGCONT)
    else:
        cluster.guard(one)


def cuts_under_streams(cluster):
    """Workers are stopped, cut off one way and both, and parted from each other: answers go on unchanged, and soon."""
    chance = random.Random(SEED)
    kinds = ["stopped", "off", "off in", "off out", "parted", "parted one way"]
    streams = [Stream(cluster, number) for number in range(STREAMS)]
    for stream in streams:
        stream.start()
    until(lambda: all(stream.answers and stream.answers[0] for stream in streams), 30, "the answers have begun", cluster)
    times = []
    for number in range(CUTS):
        time.sleep(chance.uniform(1, 2))
        kind, order = kinds[number % len(kinds)], cluster.order()
        place = chance.randrange(max(1, len(order) - 1))
        one, other = order[place], order[(place + 1) % len(order)]
        if chance.random() < 0.5:
            one, other = other, one
        since = time.time()
        begin(cluster, kind, one, other)
        time.sleep(LASTS)
        times.append((kind, since, time.time()))
        end(cluster, kind, one)
        until(lambda: cluster.status().get("is_serving") and len(cluster.status()["workers"]) == len(WORKERS), PATIENCE,
              "all are back", cluster)
    for stream in streams:
        stream.is_over = True
    for stream in streams:
        stream.join(120)
        assert not stream.is_alive(), f"an answer does not end\n{cluster.coordinator.text()}"
    pauses = {}
    for kind, since, until_then in times:
        found = [stream.pause(since, until_then) for stream in streams]
        pauses.setdefault(kind, []).extend(pause for pause in found if pause is not None)
    for kind, found in [*pauses.items(), ("all", [pause for some in pauses.values() for pause in some])]:
        if not found:
            continue
        found = sorted(found)
        last = found[min(len(found) - 1, round(len(found) * 0.99))]
        print(f"    {kind:15} {len(found):3} pauses: p50 {statistics.median(found):.2f} s, p99 {last:.2f} s, "
              f"longest {found[-1]:.2f} s")
    answers = sum(len(stream.answers) for stream in streams)
    failed = [problem for stream in streams for problem in stream.failed]
    wrong = [text for stream in streams for text in stream.wrong]
    print(f"    {answers} answers, {len(wrong)} wrong, {len(failed)} failed; seed {SEED}")
    cluster.tokens += (answers - len(failed)) * TOKENS
    assert not wrong and not failed, f"{failed} {wrong}\n{cluster.coordinator.text()}"


SCENARIOS = {"cuts-under-streams": (cuts_under_streams, {})}
