#!/usr/bin/env python3
"""Five network namespaces as hosts: a coordinator, three workers and a client, with firewalls between them.

    sudo Tests/Network/links.py [PATH OF tandem] [SCENARIO...]

Needs root, `ip`, `nft`, `tc` and `unshare`; says loudly that it is skipped where one of them is missing. Everything
it makes has names that begin with `tandem-` and is gone at the end. Each scenario starts a cluster of its own, whose links
are encrypted. Nodes and clients are set up by the lines that are printed, word for word; every host has its own folders for
keys, weights and memory; and its firewall lets the documented ports in and out, and nothing else.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
HOSTS = ["a", "b", "c", "d", "e"]
COORDINATOR, WORKERS, CLIENT = "a", ["b", "c", "d"], "e"
# Ports that the documentation names.
CONTROL, RESULTS, WEIGHTS, DATA = 7070, 7071, 7072, 7080
MODEL = os.path.join(ROOT, "Deploy/models/tandem-tales.gguf")
TANDEM = os.path.join(ROOT, ".build/debug/tandem")
# Each of three workers must hold about a third of the small model with its keys and values.
MEMORY_OF_A_THIRD = "24MiB"

# ---- what is written on command lines, all in one place ----------------------------------------------------------


def coordinator_flags(extra):
    return ["coordinator", "--model", MODEL, "--listen", "*"] + extra


def worker_line(join_line, extra):
    """What the coordinator printed, word for word, and how much this machine can spare."""
    return " ".join([join_line, "--threads 1 --log-level debug", *(["--memory 512MiB"] if "--memory" not in extra else []), *extra])


def answer_flags(prompt, tokens):
    return ["--prompt", prompt, "--max-tokens", str(tokens), "--temperature", "0", "--ignore-eos"]


PLACE = ["--coordinator", f"10.77.0.1:{CONTROL}"]

# ---- hosts ---------------------------------------------------------------------------------------------------------


def address(host):
    return f"10.77.0.{HOSTS.index(host) + 1}"


def namespace(host):
    return f"tandem-{host}"


def sh(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


def on(host, *words):
    """The words of a command that runs on a host, which has a name of its own."""
    inner = 'hostname "$0"; exec "$@"'
    return ["ip", "netns", "exec", namespace(host), "unshare", "--uts", "sh", "-c", inner, f"host-{host}", *words]


def make_hosts():
    sh("ip", "netns", "add", "tandem-switch")
    switch = ["ip", "-n", "tandem-switch"]
    sh(*switch, "link", "add", "br0", "type", "bridge")
    sh(*switch, "link", "set", "br0", "up")
    for host in HOSTS:
        name = namespace(host)
        sh("ip", "netns", "add", name)
        sh("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"p-{host}", "netns", "tandem-switch")
        sh(*switch, "link", "set", f"p-{host}", "master", "br0", "up")
        sh("ip", "-n", name, "link", "set", "lo", "up")
        sh("ip", "-n", name, "addr", "add", f"{address(host)}/24", "dev", "eth0")
        sh("ip", "-n", name, "link", "set", "eth0", "up")
        sh("ip", "-n", name, "route", "add", "default", "via", "10.77.0.254")


def remove_hosts():
    for name in [namespace(host) for host in HOSTS] + ["tandem-switch"]:
        sh("ip", "netns", "del", name, check=False)


def nft(host, *rules):
    """Replaces the rules of a host's firewall."""
    text = "flush ruleset\ntable inet tandem {\n" + "\n".join(rules) + "\n}\n"
    subprocess.run(["ip", "netns", "exec", namespace(host), "nft", "-f", "-"], input=text, text=True, check=True)


def firewall(host, ports, drops=(), output=()):
    """Lets only these ports in and the documented ones out, after `drops` and `output`."""
    documented = f"tcp dport {{ {CONTROL}, {RESULTS}, {WEIGHTS}, {DATA} }} accept"
    accept = f"tcp dport {{ {', '.join(map(str, ports))} }} accept" if ports else ""

    def chain(name, first, interface, last):
        rules = [*first, "ct state established,related accept", interface, last]
        hook = f"type filter hook {name} priority 0; policy drop;"
        return f"chain {name} {{ {hook}\n" + "\n".join(rules) + "\n}"

    nft(host, chain("input", drops, 'iif "lo" accept', accept), chain("output", output, 'oif "lo" accept', documented))


# ---- processes -----------------------------------------------------------------------------------------------------


def environment(host, folder):
    """Everything that a host has of its own beside its network."""
    own = {f"XDG_{name}": os.path.join(folder, f"{name.split('_')[0].lower()}-{host}")
           for name in ["STATE_HOME", "CACHE_HOME", "RUNTIME_DIR", "CONFIG_HOME"]}
    for path in own.values():
        os.makedirs(path, mode=0o700, exist_ok=True)
    return {**os.environ, **own, "PATH": os.path.dirname(TANDEM) + ":" + os.environ["PATH"]}


class Node:
    def __init__(self, host, folder, *words):
        self.host = host
        self.log = os.path.join(folder, f"{host}.log")
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                on(host, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=environment(host, folder), text=True)

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


ANSWERS = {}


def right_answer(prompt, tokens):
    """What one process answers."""
    if (prompt, tokens) not in ANSWERS:
        words = [TANDEM, "run", "--model", MODEL, *answer_flags(prompt, tokens)]
        ANSWERS[prompt, tokens] = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return ANSWERS[prompt, tokens]


class Cluster:
    """A coordinator and workers, and firewalls that let in what the documentation names."""

    def __init__(self, folder):
        self.folder = folder
        self.coordinator = None
        self.nodes = {}

    def begin(self, workers=WORKERS, needs_all=False, minimum=None, closed=None):
        """Up to the first answer, by the line that admits the client."""
        self.extra = [f"--memory {MEMORY_OF_A_THIRD}"] if needs_all else []
        self.flags = ["--min-workers", str(minimum or len(workers)), *(["--context", "256"] if needs_all else [])]
        for host in HOSTS:
            self.guard(host)
        if closed:
            self.guard(closed, drops=[f"tcp dport {DATA} drop"])
        self.start_coordinator()
        for host in workers:
            self.start(host)
        made = subprocess.run(
            on(COORDINATOR, TANDEM, "token", "create", "--role", "client"),
            capture_output=True, text=True, env=environment(COORDINATOR, self.folder))
        assert made.returncode == 0, made.stderr
        line = f"{made.stdout.strip()} --max-tokens 16 --temperature 0 --ignore-eos"
        result = self.shell(line, 60)
        assert result.returncode == 0, f"{line}: {result.stderr}"
        assert result.stdout == right_answer("Hello", 16), f"another answer: {result.stdout}"

    def start_coordinator(self):
        self.coordinator = Node(COORDINATOR, self.folder, TANDEM, *coordinator_flags(self.flags))
        self.join_line = self.coordinator.process.stdout.readline().strip()
        pattern = rf"tandem worker --join {re.escape(address(COORDINATOR))}:{CONTROL}#[\w-]{{43}}#[\w-]{{22}}"
        assert re.fullmatch(pattern, self.join_line), f"the join line is: {self.join_line}"

    def start(self, host, line=None):
        self.nodes[host] = Node(host, self.folder, "sh", "-c", "exec " + (line or worker_line(self.join_line, self.extra)))

    def guard(self, host, drops=(), output=()):
        """The firewall of the documentation, and further rules before it."""
        ports = {COORDINATOR: [CONTROL, RESULTS, WEIGHTS], CLIENT: []}.get(host, [DATA])
        firewall(host, ports, drops, output)

    def shell(self, line, seconds):
        """A line that somebody types at the client."""
        return subprocess.run(on(CLIENT, "sh", "-c", line), capture_output=True, text=True, timeout=seconds,
                              env=environment(CLIENT, self.folder))

    def status(self):
        result = self.shell(" ".join(["tandem status --json", *PLACE]), 30)
        # It ends with another status where nothing serves.
        return json.loads(result.stdout) if result.stdout else {}

    def await_serving(self, seconds=60):
        until(lambda: self.status().get("is_serving"), seconds, "the cluster serves", self)

    def order(self):
        """Hosts in the order of their layers."""
        workers = [worker for worker in self.status()["workers"] if worker.get("layers")]
        return [worker["host"][-1] for worker in sorted(workers, key=lambda worker: worker["layers"]["first"])]

    def asking(self, tokens, prompt="Once upon a time"):
        """A client at work, and the file with what it printed."""
        printed = tempfile.NamedTemporaryFile("w+", dir=self.folder)
        words = [TANDEM, "generate", *PLACE, *answer_flags(prompt, tokens)]
        process = subprocess.Popen(on(CLIENT, *words), stdout=printed, stderr=subprocess.PIPE,
                                   env=environment(CLIENT, self.folder), text=True)
        return process, printed

    def ask(self, seconds=60, tokens=24):
        """How long an answer took, which is the right one."""
        start = time.time()
        self.take(self.asking(tokens), seconds, tokens)
        return time.time() - start

    def take(self, asking, seconds, tokens):
        process, printed = asking
        try:
            _, problem = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"no answer in {seconds} s\n{self.coordinator.text()}") from None
        assert process.returncode == 0, f"no answer: {problem}\n{self.coordinator.text()}"
        printed.seek(0)
        text = printed.read()
        assert text == right_answer("Once upon a time", tokens), f"another answer: {text}"

    def await_sentence(self, sentence, seconds=10):
        """The same words in the coordinator's log and in `tandem status`."""
        begin = time.time()
        logged = self.await_text(re.escape(sentence), seconds)
        until(lambda: sentence in self.status().get("explanation", ""), seconds - logged, f"status says {sentence}", self)
        print(f"    \"{sentence}\": in the log after {logged:.1f} s, in status after {time.time() - begin:.1f} s")

    def await_text(self, pattern, seconds, node=None):
        node = node or self.coordinator
        start = time.time()
        until(lambda: re.search(pattern, node.text()), seconds, f"'{pattern}' is said by host-{node.host}", self)
        return time.time() - start

    def plans(self):
        return len(re.findall(r"epoch \d+: layers", self.coordinator.text()))

    def assert_nobody_set_aside(self, *but):
        for line in self.coordinator.text().splitlines():
            if re.search(r"\bset \S.* aside", line) and not any(f"set host-{host}" in line for host in but):
                raise AssertionError(f"somebody innocent is set aside: {line}")

    def stop(self):
        for node in [*self.nodes.values(), *([self.coordinator] if self.coordinator else [])]:
            node.stop()


def until(condition, seconds, what, cluster=None, interval=0.2):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return
        time.sleep(interval)
    report = ""
    if cluster:
        report = cluster.coordinator.text() + json.dumps(cluster.status())
    raise AssertionError(f"after {seconds} s it is not so that {what}\n{report}")


# ---- scenarios -----------------------------------------------------------------------------------------------------


def cannot_reach(one, other, port, why="no answer in 2 s"):
    def name(host):
        return "the coordinator" if host == COORDINATOR else f"host-{host}"
    return f"{name(one)} cannot reach {name(other)} at {address(other)}:{port} ({why}): open that port"


def documented_ports(cluster):
    """Only the documented ports are open: answers come, and are those of one process."""
    assert len(cluster.order()) >= 1 and cluster.ask(tokens=200) < 60
    until(lambda: "turned away" not in cluster.coordinator.text(), 1, "nobody is turned away", cluster)
    cluster.assert_nobody_set_aside()


def results_port_cut_for_one(cluster):
    """Only the last worker cannot reach the results port: that is said, and another is the last."""
    last = cluster.order()[-1]
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(last)} tcp dport {RESULTS} drop"])
    cluster.await_sentence(cannot_reach(last, COORDINATOR, RESULTS))
    until(lambda: cluster.order()[-1:] not in ([last], []) and cluster.status()["is_serving"], 30, "another is last", cluster)
    cluster.ask()
    cluster.assert_nobody_set_aside()


def weights_port_cut_for_one(cluster):
    """One worker cannot reach the weights port: that is said, and those who serve go on."""
    one, plans = cluster.order()[0], cluster.plans()
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(one)} tcp dport {WEIGHTS} drop"])
    cluster.await_sentence(cannot_reach(one, COORDINATOR, WEIGHTS))
    assert cluster.ask() < 10 and cluster.plans() == plans, cluster.plans()
    cluster.assert_nobody_set_aside()


def data_port_cut_for_one(cluster):
    """One worker cannot reach the next: that is said, and an order without that link serves."""
    first, second = cluster.order()[:2]
    cluster.guard(second, drops=[f"ip saddr {address(first)} tcp dport {DATA} drop"])
    cluster.await_sentence(cannot_reach(first, second, DATA))
    cluster.await_serving(30)
    assert "cannot reach" in cluster.status()["explanation"]
    cluster.ask()
    cluster.assert_nobody_set_aside()


def data_port_never_open(cluster):
    """A host's firewall does not let the workers' port in: that is said, and the others serve."""
    closed = WORKERS[1]
    pattern = rf"cannot reach host-{closed} at {address(closed)}:{DATA} \(no answer in 2 s\): open that port"
    cluster.await_text(pattern, 10)
    until(lambda: closed not in cluster.order() and cluster.status()["is_serving"], 30, "the others serve", cluster)
    assert re.search(pattern, cluster.status()["explanation"])
    cluster.ask()
    cluster.assert_nobody_set_aside()


def partition(cluster):
    """Two workers are cut from each other, and all three are needed: another order serves."""
    before, plans = cluster.order(), cluster.plans()
    assert len(before) == 3, f"not all three are needed: {before}"
    one, other = before[:2]
    cluster.guard(one, drops=[f"ip saddr {address(other)} drop"], output=[f"ip daddr {address(other)} drop"])
    start = time.time()
    until(lambda: cluster.status().get("is_serving") and cluster.order() != before, 30, "another order serves", cluster)
    print(f"    {before} -> {cluster.order()} after {time.time() - start:.1f} s, {cluster.plans() - plans} plans")
    order = cluster.order()
    assert len(order) == 3 and abs(order.index(one) - order.index(other)) == 2, order
    cluster.ask()
    cluster.assert_nobody_set_aside()


def large_packets_lost(cluster):
    """A host loses every packet over 600 bytes: the two others serve, after few plans."""
    lossy, plans = cluster.order()[1], cluster.plans()
    cluster.guard(lossy, drops=["meta length > 600 drop"], output=["meta length > 600 drop"])
    seconds = cluster.ask(90)
    print(f"    an answer after {seconds:.1f} s by {cluster.order()}, {cluster.plans() - plans} plans")
    until(lambda: lossy not in cluster.order() and cluster.status()["is_serving"], 30, "two others serve", cluster)
    cluster.ask(30)
    time.sleep(20)
    seconds = cluster.ask(30)
    print(f"    and after 20 s more in {seconds:.1f} s, {cluster.plans() - plans} plans")
    assert cluster.plans() - plans < 12, cluster.plans()
    assert f"host-{lossy}" in cluster.coordinator.text()
    cluster.assert_nobody_set_aside(lossy)


def results_port_cut(cluster):
    """Nobody reaches the results port: that is said, nobody is set aside, and it serves when it is open again."""
    last, plans = cluster.order()[-1], cluster.plans()
    cluster.guard(COORDINATOR, drops=[f"tcp dport {RESULTS} drop"])
    cluster.await_sentence(cannot_reach(last, COORDINATOR, RESULTS))
    time.sleep(8)
    cluster.assert_nobody_set_aside()
    cluster.guard(COORDINATOR)
    print(f"    open again: an answer after {cluster.ask(60):.1f} s, {cluster.plans() - plans} plans")


def weights_port_cut(cluster):
    """Nobody reaches the weights port: what was fetched before still serves, also after a worker was started again."""
    middle = cluster.order()[1]
    cluster.guard(COORDINATOR, drops=[f"tcp dport {WEIGHTS} drop"])
    cluster.await_sentence(cannot_reach(middle, COORDINATOR, WEIGHTS))
    cluster.ask()
    cluster.nodes[middle].stop()
    cluster.start(middle, f"tandem worker --join {address(COORDINATOR)}:{CONTROL} --threads 1 --memory 512MiB")
    cluster.await_serving()
    cluster.ask()


def slow_joiner(cluster):
    """A newcomer behind a slow line does not keep those who serve from answering."""
    newcomer = WORKERS[2]
    slow_down(newcomer, "2mbit")
    cluster.start(newcomer)
    cluster.await_text("is left out while others serve|joined with", 20)
    time.sleep(5)
    seconds = cluster.ask()
    print(f"    the next answer took {seconds:.1f} s; {cluster.status()['explanation']}")
    assert seconds < 10 and newcomer not in cluster.order()


def newcomer_without_weights(cluster):
    """A newcomer that cannot reach the weights port interrupts nothing."""
    newcomer, plans = WORKERS[2], cluster.plans()
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(newcomer)} tcp dport {WEIGHTS} drop"])
    cluster.start(newcomer)
    until(lambda: len(cluster.status()["workers"]) == 3, 20, "the newcomer is there", cluster)
    cluster.await_sentence(cannot_reach(newcomer, COORDINATOR, WEIGHTS))
    seconds = cluster.ask()
    assert cluster.plans() == plans and seconds < 10, (cluster.plans(), plans, seconds)


def coordinator_away(cluster):
    """The coordinator is killed, and starts again after 20 s: workers and the client come back without a token."""
    cluster.coordinator.kill()
    killed = time.time()
    for host in WORKERS:
        cluster.await_text(
            rf"cannot reach the coordinator at {address(COORDINATOR)}:{CONTROL} \(connection refused\)", 15, cluster.nodes[host])
    time.sleep(max(0, killed + 20 - time.time()))
    cluster.start_coordinator()
    restarted = time.time()
    cluster.await_serving(30)
    print(f"    serves {time.time() - restarted:.1f} s after the restart; an answer in {cluster.ask():.1f} s")
    assert all(node.process.poll() is None for node in cluster.nodes.values())
    assert cluster.coordinator.text().count("admitted host-") == len(WORKERS) + 1


def control_port_closed(cluster):
    """A worker that cannot reach the coordinator says so every few seconds, and is back when it can."""
    one = cluster.order()[0]
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(one)} tcp dport {CONTROL} drop"])
    pattern = rf"this worker cannot reach the coordinator at {address(COORDINATOR)}:{CONTROL} \(no answer in 2 s\): open that port"
    worker = cluster.nodes[one]
    seconds = cluster.await_text(pattern, 20, worker)
    until(lambda: len(re.findall(pattern, worker.text())) >= 3, 20, "it says so again and again", cluster)
    print(f"    said after {seconds:.1f} s")
    print(f"    the others answer in {cluster.ask():.1f} s")
    cluster.guard(COORDINATOR)
    until(lambda: len(cluster.status()["workers"]) == 3, 30, "it is back", cluster)
    cluster.ask()


def amid_answers(cluster, happening):
    """Some answers at a time, so that they last a while; what happens, happens when they have begun."""
    tokens, plans = 400, cluster.plans()
    answers = [cluster.asking(tokens) for _ in range(6)]
    until(lambda: all(os.path.getsize(printed.name) > 40 for _, printed in answers), 20, "the answers have begun", cluster, 0.01)
    start = time.time()
    happening()
    for answer in answers:
        cluster.take(answer, 60, tokens)
    print(f"    the rest of the answers took {time.time() - start:.1f} s; now {cluster.order()}")
    assert cluster.plans() > plans, "they had ended before"


def plan_comes_late(cluster):
    """One worker hears of its plan after the others: the one before it is turned away at first, and that is no failure."""
    plans, (first, second, third) = cluster.plans(), cluster.order()
    cluster.nodes[second].kill()
    # So long the coordinator waits for it to come back.
    time.sleep(4.5)
    cluster.guard(third, drops=[f"tcp sport {CONTROL} drop"])
    until(lambda: cluster.plans() > plans, 10, "there is a new plan", cluster, 0.02)
    time.sleep(0.2)
    cluster.guard(third)
    start = time.time()
    cluster.await_serving()
    print(f"    serves {time.time() - start:.1f} s later by {cluster.order()}, {cluster.plans() - plans} plans")
    cluster.ask()
    assert f"turned away {address(first)}" in cluster.nodes[third].text(), "it came in time"
    assert "cannot reach" not in cluster.coordinator.text() and cluster.plans() == plans + 1
    cluster.assert_nobody_set_aside()


def stopped_amid_an_answer(cluster):
    """A worker stands still in the middle of an answer: it goes on unchanged without it."""
    middle = cluster.order()[1]
    amid_answers(cluster, lambda: cluster.nodes[middle].signal(signal.SIGSTOP))
    assert middle not in cluster.order()
    cluster.nodes[middle].signal(signal.SIGCONT)
    until(lambda: len(cluster.status()["workers"]) == 3, 30, "it is back", cluster)
    cluster.ask()


def cut_off_amid_an_answer(cluster):
    """A worker is cut from everybody in the middle of an answer: it goes on unchanged without it."""
    middle = cluster.order()[1]
    everything = ['iif != "lo" drop'], ['oif != "lo" drop']
    amid_answers(cluster, lambda: cluster.guard(middle, *everything))
    assert middle not in cluster.order()
    cluster.guard(middle)
    until(lambda: len(cluster.status()["workers"]) == 3, 60, "it is back", cluster)
    cluster.ask()


def parted_amid_an_answer(cluster):
    """Two workers are cut from each other in the middle of an answer: another order takes it over unchanged."""
    one, other = cluster.order()[:2]
    drops = [f"ip saddr {address(other)} drop"], [f"ip daddr {address(other)} drop"]
    amid_answers(cluster, lambda: cluster.guard(one, *drops))
    cluster.assert_nobody_set_aside()


def slow_down(host, rate):
    """Both ways of a host's line."""
    shape = ["root", "tbf", "rate", rate, "burst", "16kb", "latency", "400ms"]
    sh("ip", "netns", "exec", namespace(host), "tc", "qdisc", "add", "dev", "eth0", *shape)
    sh("ip", "netns", "exec", "tandem-switch", "tc", "qdisc", "add", "dev", f"p-{host}", *shape)


SCENARIOS = {
    "documented-ports": (documented_ports, {}),
    "results-port-cut-for-one": (results_port_cut_for_one, {}),
    "weights-port-cut-for-one": (weights_port_cut_for_one, {}),
    "data-port-cut-for-one": (data_port_cut_for_one, {}),
    "data-port-never-open": (data_port_never_open, {"minimum": 2, "closed": WORKERS[1]}),
    "partition": (partition, {"needs_all": True}),
    "large-packets-lost": (large_packets_lost, {}),
    "results-port-cut": (results_port_cut, {}),
    "weights-port-cut": (weights_port_cut, {}),
    "slow-joiner": (slow_joiner, {"workers": WORKERS[:2]}),
    "newcomer-without-weights": (newcomer_without_weights, {"workers": WORKERS[:2]}),
    "coordinator-away": (coordinator_away, {}),
    "control-port-closed": (control_port_closed, {}),
    "plan-comes-late": (plan_comes_late, {}),
    "stopped-amid-an-answer": (stopped_amid_an_answer, {"minimum": 3}),
    "cut-off-amid-an-answer": (cut_off_amid_an_answer, {}),
    "parted-amid-an-answer": (parted_amid_an_answer, {}),
}


def run(name):
    scenario, options = SCENARIOS[name]
    print(f"{name}: {scenario.__doc__}", flush=True)
    folder = tempfile.mkdtemp(prefix="tandem-links-")
    remove_hosts()
    cluster = None
    start = time.time()
    try:
        make_hosts()
        cluster = Cluster(folder)
        cluster.begin(**options)
        scenario(cluster)
        print(f"    right, {time.time() - start:.0f} s in all", flush=True)
        return True
    except (AssertionError, KeyError, subprocess.SubprocessError) as problem:
        print(f"    WRONG: {problem}", flush=True)
        return False
    finally:
        if cluster:
            cluster.stop()
        remove_hosts()
        if os.environ.get("TANDEM_KEEP_LOGS"):
            print(f"    logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def main():
    global TANDEM
    arguments = sys.argv[1:]
    if arguments and "/" in arguments[0]:
        TANDEM = os.path.abspath(arguments.pop(0))
    missing = [tool for tool in ["ip", "nft", "tc", "unshare"] if not shutil.which(tool)]
    if os.geteuid() != 0:
        missing.append("root")
    if not missing and sh("unshare", "-n", "true", check=False).returncode != 0:
        missing.append("the right to make network namespaces")
    if missing:
        print("=" * 80 + f"\nSKIPPED: links between hosts are not tested; needed: {', '.join(missing)}\n" + "=" * 80)
        return 0
    wrong = [name for name in arguments or SCENARIOS if not run(name)]
    print(f"wrong: {', '.join(wrong)}" if wrong else "all right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
