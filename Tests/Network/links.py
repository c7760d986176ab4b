#!/usr/bin/env python3
"""Five network namespaces as hosts: a coordinator, three workers and a client, with firewalls between them.

    sudo Tests/Network/links.py [PATH OF tandem] [SCENARIO...]

Needs root, `ip`, `nft`, `ss` and `unshare`; says loudly that it is skipped where one of them is missing. Everything it
makes has names that begin with `tandem-` and is gone at the end. Each scenario starts a cluster of its own.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
HOSTS = ["a", "b", "c", "d", "e"]
COORDINATOR, WORKERS, CLIENT = "a", ["b", "c", "d"], "e"
# Ports that the documentation names. Where a node takes another (0: whichever is free), it is looked up.
CONTROL, RESULTS, WEIGHTS, DATA = 7070, 7071, 7072, 7080
MODEL = os.path.join(ROOT, "Deploy/models/tandem-tales.gguf")
TANDEM = os.path.join(ROOT, ".build/debug/tandem")

# ---- what is written on command lines, all in one place ----------------------------------------------------------


def coordinator_flags(extra):
    return ["coordinator", "--model", MODEL, "--listen", f"tcp://*:{CONTROL}", "--insecure"] + extra


def worker_flags(join_line, extra):
    """The line that the coordinator printed, without its first word."""
    return join_line.split()[1:] + ["--threads", "1"] + extra


def generate_flags():
    return [
        "generate", "--coordinator", f"tcp://{address(COORDINATOR)}:{CONTROL}", "--prompt", "Once upon a time",
        "--max-tokens", "24", "--temperature", "0",
    ]


def status_flags():
    return ["status", "--coordinator", f"tcp://{address(COORDINATOR)}:{CONTROL}", "--json"]


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
    """Lets only these ports in, after `drops`."""
    rules = "\n".join(list(drops) + ["ct state established,related accept", 'iif "lo" accept'])
    ports = ", ".join(str(port) for port in ports)
    accept = f"tcp dport {{ {ports} }} accept" if ports else ""
    nft(
        host,
        f"chain in {{ type filter hook input priority 0; policy drop;\n{rules}\n{accept}\n}}",
        "chain out { type filter hook output priority 0; policy accept;\n" + "\n".join(output) + "\n}",
    )


# ---- processes -----------------------------------------------------------------------------------------------------


class Node:
    def __init__(self, host, flags, folder):
        self.host = host
        self.log = os.path.join(folder, f"{host}.log")
        environment = {**os.environ, "XDG_CACHE_HOME": os.path.join(folder, f"cache-{host}"),
                       "XDG_STATE_HOME": os.path.join(folder, f"state-{host}")}
        self.process = subprocess.Popen(
            on(host, TANDEM, *flags), stdout=subprocess.PIPE, stderr=open(self.log, "a"), env=environment, text=True)

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Cluster:
    """A coordinator and workers, and firewalls that let in what the documentation names."""

    def __init__(self, folder, workers=WORKERS, needs_all=False, extra=()):
        self.folder = folder
        self.nodes = {}
        self.extra = ["--memory", MEMORY_OF_A_THIRD] if needs_all else []
        for host in HOSTS:
            nft(host)
        flags = ["--min-workers", str(len(workers)), *extra] + (["--context", "256"] if needs_all else [])
        self.coordinator = Node(COORDINATOR, coordinator_flags(flags), folder)
        self.join_line = self.coordinator.process.stdout.readline().strip()
        assert address(COORDINATOR) in self.join_line, f"the join line has another address: {self.join_line}"
        self.ports = dict(zip(["control", "results", "weights"], listening(COORDINATOR)))
        assert self.ports["control"] == CONTROL
        self.guard(COORDINATOR)
        self.data = {}
        for host in workers:
            self.start(host)

    def start(self, host, *extra):
        nft(host)
        self.nodes[host] = Node(host, worker_flags(self.join_line, self.extra + list(extra)), self.folder)
        until(lambda: listening(host), 60, f"host-{host} listens")
        self.data[host] = listening(host)[0]
        self.guard(host)

    def guard(self, host, drops=(), output=()):
        """The firewall of the documentation, and further rules before it."""
        ports = self.ports.values() if host == COORDINATOR else [self.data[host]]
        firewall(host, ports, drops, output)

    def status(self):
        result = subprocess.run(on(CLIENT, TANDEM, *status_flags()), capture_output=True, text=True, timeout=30)
        return json.loads(result.stdout) if result.returncode == 0 else {}

    def await_serving(self, seconds=60):
        until(lambda: self.status().get("is_serving"), seconds, "the cluster serves", self)

    def order(self):
        """Hosts in the order of their layers."""
        workers = [worker for worker in self.status()["workers"] if worker.get("layers")]
        return [worker["host"][-1] for worker in sorted(workers, key=lambda worker: worker["layers"]["first"])]

    def ask(self, seconds=60):
        """The answer, and how long it took."""
        start = time.time()
        result = subprocess.run(
            on(CLIENT, TANDEM, *generate_flags()), capture_output=True, text=True, timeout=seconds)
        assert result.returncode == 0, f"no answer: {result.stderr}"
        return result.stdout, time.time() - start

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
        for node in list(self.nodes.values()) + [self.coordinator]:
            node.stop()


def listening(host):
    """Ports on which a host listens, in the order in which they were bound."""
    lines = sh("ip", "netns", "exec", namespace(host), "ss", "-Hltnp").stdout.splitlines()
    found = {}
    for line in lines:
        port = int(line.split()[3].rsplit(":", 1)[1])
        descriptor = re.search(r"fd=(\d+)", line)
        found[port] = int(descriptor.group(1)) if descriptor else 0
    return sorted(found, key=found.get)


def until(condition, seconds, what, cluster=None):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return
        time.sleep(0.2)
    report = ""
    if cluster:
        report = cluster.coordinator.text() + json.dumps(cluster.status())
    raise AssertionError(f"after {seconds} s it is not so that {what}\n{report}")


# ---- scenarios -----------------------------------------------------------------------------------------------------


def documented_ports(cluster):
    """Only the documented ports are open, and an answer comes."""
    cluster.await_serving()
    cluster.ask()
    cluster.assert_nobody_set_aside()


def closed_port(cluster):
    """A port is closed: the sentence names it within ten seconds, and an order without that link serves."""
    cluster.await_serving()
    first, second = cluster.order()[:2]
    cluster.guard(second, drops=[f"ip saddr {address(first)} tcp dport {cluster.data[second]} drop"])
    port = cluster.data[second]
    seconds = cluster.await_text(
        rf"host-{first} cannot reach host-{second} at {address(second)}:{port} \(no answer in 2 s\): open that port", 10)
    print(f"    named after {seconds:.1f} s")
    cluster.await_serving(30)
    assert "cannot reach" in cluster.status()["explanation"]
    cluster.ask()
    cluster.assert_nobody_set_aside()


def partition(cluster):
    """Two workers are cut from each other, and all three are needed: another order serves."""
    cluster.await_serving()
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
    cluster.await_serving()
    lossy, plans = cluster.order()[1], cluster.plans()
    cluster.guard(lossy, drops=["meta length > 600 drop"], output=["meta length > 600 drop"])
    start = time.time()
    cluster.ask(90)
    print(f"    an answer after {time.time() - start:.1f} s by {cluster.order()}, {cluster.plans() - plans} plans")
    until(lambda: lossy not in cluster.order() and cluster.status()["is_serving"], 30, "two others serve", cluster)
    cluster.ask(30)
    assert cluster.plans() - plans < 12, cluster.plans()
    cluster.assert_nobody_set_aside(lossy)


def results_port_cut(cluster):
    """Nobody reaches the results port: that is said, nobody is set aside, and it serves when it is open again."""
    cluster.await_serving()
    port = cluster.ports["results"]
    cluster.guard(COORDINATOR, drops=[f"tcp dport {port} drop"])
    seconds = cluster.await_text(rf"cannot reach the coordinator at {address(COORDINATOR)}:{port} ", 10)
    print(f"    named after {seconds:.1f} s")
    time.sleep(8)
    cluster.assert_nobody_set_aside()
    cluster.guard(COORDINATOR)
    cluster.ask(60)


def results_port_cut_for_one(cluster):
    """Only the last worker cannot reach the results port: another is the last."""
    cluster.await_serving()
    last = cluster.order()[-1]
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(last)} tcp dport {cluster.ports['results']} drop"])
    until(lambda: cluster.order()[-1:] not in ([last], []) and cluster.status()["is_serving"], 30, "another is last", cluster)
    cluster.ask()
    cluster.assert_nobody_set_aside()


def weights_port_cut(cluster):
    """Nobody reaches the weights port: what was fetched before still serves, also after a worker was started again."""
    cluster.await_serving()
    port = cluster.ports["weights"]
    cluster.guard(COORDINATOR, drops=[f"tcp dport {port} drop"])
    cluster.await_text(rf"cannot reach the coordinator at {address(COORDINATOR)}:{port} ", 10)
    cluster.ask()
    middle = cluster.order()[1]
    cluster.nodes[middle].stop()
    cluster.start(middle)
    cluster.await_serving()
    cluster.ask()


def slow_joiner(cluster):
    """A newcomer behind a slow line does not keep those who serve from answering."""
    cluster.await_serving()
    cluster.ask()
    newcomer = WORKERS[2]
    sh("ip", "netns", "exec", namespace(newcomer), "tc", "qdisc", "add", "dev", "eth0", "root", "tbf",
       "rate", "2mbit", "burst", "16kb", "latency", "400ms")
    sh("ip", "netns", "exec", "tandem-switch", "tc", "qdisc", "add", "dev", f"p-{newcomer}", "root", "tbf",
       "rate", "2mbit", "burst", "16kb", "latency", "400ms")
    cluster.start(newcomer)
    cluster.await_text("is left out while others serve|joined with", 20)
    time.sleep(5)
    _, seconds = cluster.ask()
    print(f"    the next answer took {seconds:.1f} s; {cluster.status()['explanation']}")
    assert seconds < 10 and newcomer not in cluster.order()


def newcomer_without_weights(cluster):
    """A newcomer that cannot reach the weights port interrupts nothing."""
    cluster.await_serving()
    newcomer = WORKERS[2]
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(newcomer)} tcp dport {cluster.ports['weights']} drop"])
    plans = cluster.plans()
    cluster.start(newcomer)
    cluster.await_text(rf"host-{newcomer} cannot reach the coordinator at {address(COORDINATOR)}:{cluster.ports['weights']}", 20)
    _, seconds = cluster.ask()
    assert cluster.plans() == plans and seconds < 10, (cluster.plans(), plans, seconds)


def coordinator_away(cluster):
    """Workers that cannot reach the coordinator say so, with its address."""
    cluster.await_serving()
    cluster.coordinator.stop()
    worker = cluster.nodes[WORKERS[0]]
    cluster.await_text(rf"cannot reach the coordinator at {address(COORDINATOR)}:{CONTROL} \(connection refused\)", 15, worker)


SCENARIOS = {
    "documented-ports": (documented_ports, {}),
    "closed-port": (closed_port, {}),
    "partition": (partition, {"needs_all": True}),
    "large-packets-lost": (large_packets_lost, {}),
    "results-port-cut": (results_port_cut, {}),
    "results-port-cut-for-one": (results_port_cut_for_one, {}),
    "weights-port-cut": (weights_port_cut, {}),
    "slow-joiner": (slow_joiner, {"workers": WORKERS[:2]}),
    "newcomer-without-weights": (newcomer_without_weights, {"workers": WORKERS[:2]}),
    "coordinator-away": (coordinator_away, {}),
}

# Each of three workers must hold about a third of the small model with its keys and values.
MEMORY_OF_A_THIRD = "24MiB"


def run(name):
    scenario, options = SCENARIOS[name]
    print(f"{name}: {scenario.__doc__}", flush=True)
    folder = tempfile.mkdtemp(prefix="tandem-links-")
    remove_hosts()
    cluster = None
    try:
        make_hosts()
        cluster = Cluster(folder, **options)
        scenario(cluster)
        print("    right", flush=True)
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
    missing = [tool for tool in ["ip", "nft", "ss", "tc", "unshare"] if not shutil.which(tool)]
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
