#!/usr/bin/env python3
"""Kills the coordinator of a cluster on this machine again and again under streams with known answers.

    swift build -c release
    Tests/Restarts/kill_coordinator.py --kills 100

Every answer must be the one that `tandem run` gives, whatever was killed under it. Printed are answers and wrong ones, how
long it took from the start of the next process to the first new piece of text, weights that were moved, and how many of
the positions that clients asked for again were found in what workers had kept. Ends with 1 where an answer was wrong or
lost.
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Greedy, sampled and with log-probabilities; long and short.
QUESTIONS = [
    ["--prompt", "Once upon a time", "--seed", "11", "--ignore-eos", "--max-tokens", "400"],
    ["--prompt", "The cat", "--temperature", "0", "--ignore-eos", "--max-tokens", "250"],
    ["--prompt", "A dog", "--seed", "3", "--ignore-eos", "--max-tokens", "200", "--logprobs", "2"],
    ["--prompt", "The little girl saw a bird. " * 8, "--seed", "5", "--ignore-eos", "--max-tokens", "150"],
    ["--prompt", "One day", "--seed", "6", "--ignore-eos", "--max-tokens", "300"],
    ["--prompt", "A boy had a red ball. " * 6, "--temperature", "0", "--ignore-eos", "--max-tokens", "120"],
    ["--prompt", "In the garden", "--seed", "8", "--ignore-eos", "--max-tokens", "350"],
    ["--prompt", "Tom", "--seed", "9", "--max-tokens", "60"],
]


def free_ports():
    """The first of three ports that follow each other and are free now."""
    for port in range(21000 + os.getpid() % 4000, 32000, 3):
        sockets = []
        try:
            for offset in range(3):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port + offset))
            return port
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
    sys.exit("no free ports")


class Cluster:
    client = "client"

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.port = free_ports()
        self.address = f"127.0.0.1:{self.port}"
        self.log = open(os.path.join(folder, "coordinator.log"), "ab")
        self.start()
        self.workers = [self.worker(number) for number in range(arguments.workers)]

    def environment(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return os.environ | {
            "TANDEM_CONFIG": "", "XDG_CACHE_HOME": path, "XDG_RUNTIME_DIR": path,
            "XDG_STATE_HOME": os.path.join(self.folder, "state"),
        }

    def generate(self, question):
        return subprocess.Popen(
            [self.arguments.tandem, "generate", "--coordinator", self.address] + question,
            env=self.environment(self.client), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def start(self):
        self.started = time.monotonic()
        self.coordinator = subprocess.Popen(
            [self.arguments.tandem, "coordinator", "--model", self.arguments.model, "--listen", f"tcp://{self.address}",
             "--min-workers", str(self.arguments.workers), "--journal", self.arguments.journal],
            env=self.environment("coordinator"), stdout=subprocess.DEVNULL, stderr=self.log)

    def worker(self, number):
        log = open(os.path.join(self.folder, f"worker-{number}.log"), "ab")
        return subprocess.Popen(
            [self.arguments.tandem, "worker", "--join", self.address, "--threads", "1", "--memory", "1GiB"],
            env=self.environment(f"worker-{number}"), stdout=subprocess.DEVNULL, stderr=log)

    def status(self):
        done = subprocess.run(
            [self.arguments.tandem, "status", "--coordinator", self.address, "--json"],
            env=self.environment("coordinator"), capture_output=True)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def serving(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.status()
            if status and status["is_serving"] and len(status["workers"]) == self.arguments.workers:
                return status
            time.sleep(0.02)
        sys.exit(f"the cluster does not serve; see {self.folder}")

    def kill(self):
        self.coordinator.send_signal(signal.SIGKILL)
        self.coordinator.wait()
        self.start()

    def end(self):
        for process in [self.coordinator] + self.workers:
            process.terminate()
            process.wait()


class Streams:
    """Clients that ask a cluster on and on: `cluster.generate` starts one, with the environment of `cluster.client`."""

    def __init__(self, cluster, count, questions=QUESTIONS, rest=0):
        """`rest`: seconds before it is asked again where nobody could accept a question."""
        self.cluster, self.questions, self.rest = cluster, questions, rest
        self.expected = [self.reference(question) for question in questions]
        self.answers = self.wrong = self.lost = self.refused = 0
        self.isOver = False
        self.lock = threading.Lock()
        self.pieces = []
        self.threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def reference(self, question):
        done = subprocess.run(
            [self.cluster.arguments.tandem, "run", "--model", self.cluster.arguments.model, "--json"] + question,
            env=self.cluster.environment(self.cluster.client), capture_output=True, check=True)
        answer = json.loads(done.stdout)
        return {key: answer[key] for key in ["prompt_tokens", "tokens", "text", "finish_reason", "logprobs"]}

    def ask(self, number):
        turn = number
        while not self.isOver:
            index = turn % len(self.questions)
            turn += 1
            # Half of them show text as it comes, the others all tokens at the end.
            isShown = number % 2 == 0 and "--logprobs" not in self.questions[index]
            client = self.cluster.generate(self.questions[index] + ([] if isShown else ["--json"]))
            output = b""
            while piece := os.read(client.stdout.fileno(), 1 << 16):
                output += piece
                if isShown:
                    with self.lock:
                        self.pieces.append(time.monotonic())
            talk = client.stderr.read()
            # Nobody was there to accept it, or one that has just begun and knows nobody yet.
            if client.wait() in [69, 77] and not output and b"goes on if it can" not in talk:
                with self.lock:
                    self.refused += 1
                turn -= 1
                time.sleep(self.rest)
                continue
            with self.lock:
                self.answers += 1
                if client.returncode != 0:
                    self.lost += 1
                    print(f"lost: question {index}: {talk.decode(errors='replace')[-300:]}", file=sys.stderr)
                elif not self.isRight(output.decode(errors="replace"), self.expected[index], isShown):
                    self.wrong += 1
                    print(f"wrong: question {index}: {output[-300:]}", file=sys.stderr)

    @staticmethod
    def isRight(output, expected, isShown):
        if isShown:
            return output == expected["text"] + "\n"
        answer = json.loads(output)
        return all(answer[key] == expected[key] for key in expected)

    def first(self, after):
        """The time from then to the first piece that was shown after it; None: none was yet."""
        with self.lock:
            return next((piece - after for piece in self.pieces if piece > after), None)

    def end(self):
        self.isOver = True
        for thread in self.threads:
            thread.join()


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tandem", default=os.path.join(PACKAGE, ".build/release/tandem"))
    parser.add_argument("--model", default=os.path.join(PACKAGE, "Deploy/models/tandem-tales.gguf"))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--journal", choices=["on", "off"], default="on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, nargs=2, default=[1, 3], metavar=("LEAST", "MOST"),
                        help="between the first new token and the next kill")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    folder = tempfile.mkdtemp(prefix="tandem-kills-")
    cluster = Cluster(arguments, folder)
    before = sum(worker["transferred_bytes"] for worker in cluster.serving()["workers"])
    streams = Streams(cluster, arguments.streams)
    pauses, found, computed = [], 0, 0
    while streams.answers < arguments.streams:
        time.sleep(0.1)
    for kill in range(arguments.kills):
        cluster.kill()
        end = time.monotonic() + 60
        while (pause := streams.first(cluster.started)) is None and time.monotonic() < end:
            time.sleep(0.005)
        if pause is None:
            sys.exit(f"nothing goes on after kill {kill}; see {folder}")
        pauses.append(pause)
        time.sleep(0.3)
        pipeline = cluster.serving()["pipeline"]
        found += pipeline["reused_tokens"]
        computed += pipeline["prompt_token_count"]
        time.sleep(chance.uniform(*arguments.seconds))
    status = cluster.serving()
    moved = sum(worker["transferred_bytes"] for worker in status["workers"]) - before
    streams.end()
    cluster.end()
    print(f"{arguments.kills} kills, {streams.answers} answers: {streams.lost} lost, {streams.wrong} wrong; "
          f"{streams.refused} times nobody was there who could accept one")
    print(f"from the start of the process to the first new text: p50 {percentile(pauses, 0.5):.2f} s, "
          f"p90 {percentile(pauses, 0.9):.2f} s, p99 {percentile(pauses, 0.99):.2f} s")
    print(f"weight bytes moved: {moved}")
    print(f"positions found: {found} of {found + computed} ({100 * found / max(1, found + computed):.1f} %)")
    return 1 if streams.lost or streams.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
