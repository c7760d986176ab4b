"""Network namespaces as hosts: their addresses, names, firewalls and lines, and the nodes that run on them.

Everything has names that begin with `tandem-` and is gone at the end. `links.py` says what happens to them.
"""
import collections
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
HOSTS = ["a", "b", "c", "d", "e"]
COORDINATOR, WORKERS, CLIENT = "a", ["b", "c", "d"], "e"
MODEL = os.environ.get("TANDEM_TEST_MODEL", os.path.join(ROOT, "Deploy/models/tandem-tales.gguf"))
# So much suffices where each of three workers holds a third of the small model with its keys and values, and not of two.
MEMORY_OF_A_THIRD = "8MiB"

Ports = collections.namedtuple("Ports", "control results weights data")
# Those that the documentation names.
DOCUMENTED = Ports(7070, 7071, 7072, 7080)

# ---- hosts ---------------------------------------------------------------------------------------------------------


class Network:
    """Where the hosts are."""
    # Runs beside each other have other names.
    name = os.environ.get("TANDEM_NETWORK", "tandem")
    prefix = "10.77.0."
    mask = 24
    gateway = "10.77.0.254"
    is_slow = False
    tandem = os.path.join(ROOT, ".build/debug/tandem")
    forwarder = None


def address(host):
    return f"{Network.prefix}{HOSTS.index(host) + 1}"


def place(host, port):
    return f"[{address(host)}]:{port}" if ":" in Network.prefix else f"{address(host)}:{port}"


def family():
    return "ip6" if ":" in Network.prefix else "ip"


def namespace(host):
    return f"{Network.name}-{host}"


def sh(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


def on(host, *words):
    """The words of a command that runs on a host, which has a name of its own."""
    inner = 'hostname "$0"; exec "$@"'
    return ["ip", "netns", "exec", namespace(host), "unshare", "--uts", "sh", "-c", inner, f"host-{host}", *words]


def make_hosts():
    switch = namespace("switch")
    sh("ip", "netns", "add", switch)
    sh("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
    sh("ip", "-n", switch, "link", "set", "br0", "up")
    for host in HOSTS:
        make_host(host, switch)
    if Network.is_slow:
        words = [sys.executable, os.path.join(FOLDER, "delay.py"), *[f"p-{host}=d-{host}" for host in HOSTS]]
        Network.forwarder = subprocess.Popen(["ip", "netns", "exec", switch, *words])


def make_host(host, switch):
    name = namespace(host)
    sh("ip", "netns", "add", name)
    sh("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"p-{host}", "netns", switch)
    line = f"p-{host}"
    if Network.is_slow:
        # What carries packets between these two takes its time.
        sh("ip", "-n", switch, "link", "set", line, "up")
        line = f"e-{host}"
        sh("ip", "-n", switch, "link", "add", f"d-{host}", "up", "type", "veth", "peer", "name", line)
        plain = [sys.executable, os.path.join(FOLDER, "delay.py"), "--plain", "eth0"]
        sh("ip", "netns", "exec", name, *plain)
    sh("ip", "-n", switch, "link", "set", line, "master", "br0", "up")
    sh("ip", "-n", name, "link", "set", "lo", "up")
    add_address(host, address(host))
    sh("ip", "-n", name, "link", "set", "eth0", "up")
    if Network.gateway:
        sh("ip", "-n", name, "route", "add", "default", "via", Network.gateway)


def add_address(host, text):
    nodad = ["nodad"] if ":" in text else []
    sh("ip", "-n", namespace(host), "addr", "add", f"{text}/{Network.mask}", "dev", "eth0", *nodad)


def drop_address(host, text):
    sh("ip", "-n", namespace(host), "addr", "del", f"{text}/{Network.mask}", "dev", "eth0")


def write_names(host, names):
    """The /etc/hosts of a host, changed in place where it runs."""
    folder = f"/etc/netns/{namespace(host)}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/hosts", "w") as file:
        file.write("127.0.0.1 localhost\n" + "".join(f"{text} {name}\n" for text, name in names))


def remove_hosts():
    if Network.forwarder:
        Network.forwarder.kill()
        Network.forwarder.wait()
        Network.forwarder = None
    for name in [namespace(host) for host in [*HOSTS, "switch"]]:
        sh("ip", "netns", "del", name, check=False)
        sh("rm", "-rf", f"/etc/netns/{name}")


def slow_down(host, rate):
    """Both ways of a host's line."""
    shape = ["root", "tbf", "rate", rate, "burst", "16kb", "latency", "400ms"]
    sh("ip", "netns", "exec", namespace(host), "tc", "qdisc", "add", "dev", "eth0", *shape)
    sh("ip", "netns", "exec", namespace("switch"), "tc", "qdisc", "add", "dev", f"p-{host}", *shape)


def firewall(host, inward, outward, drops=(), output=()):
    """Lets only these ports in and out, after `drops` and `output`."""
    def chain(name, first, interface, ports):
        neighbours = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
        accept = f"tcp dport {{ {', '.join(map(str, sorted(ports)))} }} accept" if ports else ""
        rules = [neighbours, *first, "ct state established,related accept", interface, accept]
        return f"chain {name} {{ type filter hook {name} priority 0; policy drop;\n" + "\n".join(rules) + "\n}"

    rules = [chain("input", drops, 'iif "lo" accept', inward), chain("output", output, 'oif "lo" accept', outward)]
    text = "flush ruleset\ntable inet tandem {\n" + "\n".join(rules) + "\n}\n"
    subprocess.run(["ip", "netns", "exec", namespace(host), "nft", "-f", "-"], input=text, text=True, check=True)


# ---- processes -----------------------------------------------------------------------------------------------------


def environment(host, folder):
    """Everything that a host has of its own beside its network."""
    own = {f"XDG_{name}": os.path.join(folder, f"{name.split('_')[0].lower()}-{host}")
           for name in ["STATE_HOME", "CACHE_HOME", "RUNTIME_DIR", "CONFIG_HOME"]}
    for path in own.values():
        os.makedirs(path, mode=0o700, exist_ok=True)
    return {**os.environ, **own, "PATH": os.path.dirname(Network.tandem) + ":" + os.environ["PATH"]}


class Node:
    def __init__(self, host, folder, *words):
        self.host = host
        self.log = os.path.join(folder, f"{host}.log")
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                on(host, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=environment(host, folder), text=True, cwd=folder)

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


def answer_flags(prompt, tokens):
    return ["--prompt", prompt, "--max-tokens", str(tokens), "--temperature", "0", "--ignore-eos"]


ANSWERS = {}


def right_answer(prompt, tokens):
    """What one process answers."""
    if (prompt, tokens) not in ANSWERS:
        words = [Network.tandem, "run", "--model", MODEL, *answer_flags(prompt, tokens)]
        ANSWERS[prompt, tokens] = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return ANSWERS[prompt, tokens]


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


class Cluster:
    """A coordinator and workers, and firewalls that let in what the documentation names."""

    def __init__(self, folder):
        self.folder = folder
        self.coordinator = None
        self.nodes = {}
        self.ports = DOCUMENTED
        # Tokens of right answers.
        self.tokens = 0
        # Hosts with workers, whose firewalls know that.
        self.workers = WORKERS
        # As the client names the coordinator; nil: by its address.
        self.name = None

    # MARK: Setting up

    def begin(self, workers=WORKERS, needs_all=False, minimum=None, closed=None, flags=(), worker_flags=(),
              memory=MEMORY_OF_A_THIRD, ports=DOCUMENTED, all_workers=WORKERS, answers=True):
        """Up to the first answer, by the line that admits the client. `closed`: a host (None: each worker's), and a rule of
        its firewall from the beginning."""
        self.ports, self.workers = ports, all_workers
        self.extra = [*([f"--memory {memory}"] if needs_all else []), *worker_flags]
        self.flags = ["--min-workers", str(minimum or len(workers)), *(["--context", "256"] if needs_all else []), *flags]
        for host in HOSTS:
            is_closed = closed and (host == closed[0] or closed[0] is None and host in WORKERS)
            self.guard(host, drops=[closed[1]] if is_closed else [])
        self.start_coordinator()
        for host in workers:
            self.start(host)
        if answers:
            self.admit_client()

    def admit_client(self):
        """The line that admits the client, and the first answer."""
        made = subprocess.run(
            on(COORDINATOR, "tandem", "token", "create", "--role", "client"),
            capture_output=True, text=True, env=environment(COORDINATOR, self.folder))
        assert made.returncode == 0, made.stderr
        line = f"{made.stdout.strip()} --max-tokens 16 --temperature 0 --ignore-eos"
        result = self.shell(line, 60)
        assert result.returncode == 0, f"{line}: {result.stderr}\n{self.coordinator.text()}"
        assert result.stdout == right_answer("Hello", 16), f"another answer: {result.stdout}"
        self.tokens += 16

    def start_coordinator(self):
        words = ["tandem", "coordinator", "--model", MODEL, "--listen", "*", *self.flags]
        self.coordinator = Node(COORDINATOR, self.folder, *words)
        self.join_line = self.coordinator.process.stdout.readline().strip()
        at = re.escape(self.name or place(COORDINATOR, self.ports.control))
        assert re.fullmatch(rf"tandem worker --join {at}#[\w-]{{43}}#[\w-]{{22}}", self.join_line), (
            f"the join line is: {self.join_line}")

    def worker_line(self, host):
        """What the coordinator printed, word for word, and how much this machine can spare."""
        memory = [] if any("--memory" in flag for flag in self.extra) else ["--memory 512MiB"]
        extra = [flag.replace("SECOND", address(host).replace("10.77", "10.78")) for flag in self.extra]
        return " ".join([self.join_line, "--threads 1 --log-level debug", *memory, *extra])

    def start(self, host, line=None):
        self.nodes[host] = Node(host, self.folder, "sh", "-c", "exec " + (line or self.worker_line(host)))

    def guard(self, host, drops=(), output=()):
        """The firewall of the documentation, and further rules before it."""
        coordinators = set(self.ports[:3])
        inward, outward = set(), {self.ports.control}
        if host == COORDINATOR:
            inward, outward = inward | coordinators, outward | {self.ports.data}
        if host in self.workers:
            inward, outward = inward | {self.ports.data}, outward | coordinators | {self.ports.data}
        firewall(host, inward, outward, drops, output)

    # MARK: Asking

    def at(self):
        return self.name or place(COORDINATOR, self.ports.control)

    def shell(self, line, seconds, host=CLIENT):
        """A line that somebody types, at the client."""
        return subprocess.run(on(host, "sh", "-c", line), capture_output=True, text=True, timeout=seconds,
                              env=environment(host, self.folder), cwd=self.folder)

    def status(self):
        # Its owner asks, as the client may be what is cut off.
        result = self.shell(f"tandem status --json --coordinator {self.at()}", 30, COORDINATOR)
        # It ends with another status where nothing serves.
        return json.loads(result.stdout) if result.stdout else {}

    def await_serving(self, seconds=60):
        until(lambda: self.status().get("is_serving"), seconds, "the cluster serves", self)

    def order(self):
        """Hosts in the order of their layers."""
        workers = [worker for worker in self.status().get("workers", []) if worker.get("layers")]
        return [worker["host"][-1] for worker in sorted(workers, key=lambda worker: worker["layers"]["first"])]

    def asking(self, tokens, prompt="Once upon a time"):
        """A client at work, and the file with what it printed."""
        printed = tempfile.NamedTemporaryFile("w+", dir=self.folder)
        words = ["tandem", "generate", "--coordinator", self.at(), *answer_flags(prompt, tokens)]
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
        self.tokens += tokens

    # MARK: Looking

    def cannot_reach(self, one, other, port, why="no answer in 2 s", advice="open that port"):
        def name(host):
            return "the coordinator" if host == COORDINATOR and host not in self.nodes else f"host-{host}"
        return f"{name(one)} cannot reach {name(other)} at {place(other, port)} ({why}): {advice}"

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
