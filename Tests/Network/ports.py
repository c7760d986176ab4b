"""What happens where a firewall closes a documented port: for one host or for all, from the beginning or while all serve."""
import re
import time

from hosts import CLIENT, COORDINATOR, DOCUMENTED, WORKERS, Ports, address, place, until


def documented_ports(cluster):
    """Only the documented ports are open: answers come, and are those of one process."""
    assert len(cluster.order()) >= 1 and cluster.ask(tokens=200) < 60
    until(lambda: "turned away" not in cluster.coordinator.text(), 1, "nobody is turned away", cluster)
    cluster.assert_nobody_set_aside()


def results_port_cut_for_one(cluster):
    """Only the last worker cannot reach the results port: that is said, and another is the last."""
    last = cluster.order()[-1]
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(last)} tcp dport {cluster.ports.results} drop"])
    cluster.await_sentence(cluster.cannot_reach(last, COORDINATOR, cluster.ports.results))
    until(lambda: cluster.order()[-1:] not in ([last], []) and cluster.status()["is_serving"], 30, "another is last", cluster)
    cluster.ask()
    cluster.assert_nobody_set_aside()


def weights_port_cut_for_one(cluster):
    """One worker cannot reach the weights port: that is said, and those who serve go on."""
    one, plans = cluster.order()[0], cluster.plans()
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(one)} tcp dport {cluster.ports.weights} drop"])
    cluster.await_sentence(cluster.cannot_reach(one, COORDINATOR, cluster.ports.weights))
    assert cluster.ask() < 10 and cluster.plans() == plans, cluster.plans()
    cluster.assert_nobody_set_aside()


def data_port_cut_for_one(cluster):
    """One worker cannot reach the next: that is said, and an order without that link serves."""
    first, second = cluster.order()[:2]
    cluster.guard(second, drops=[f"ip saddr {address(first)} tcp dport {cluster.ports.data} drop"])
    cluster.await_sentence(cluster.cannot_reach(first, second, cluster.ports.data))
    cluster.await_serving(30)
    assert "cannot reach" in cluster.status()["explanation"]
    cluster.ask()
    cluster.assert_nobody_set_aside()


def data_port_never_open(cluster):
    """A host's firewall does not let the workers' port in: that is said, and the others serve."""
    closed = WORKERS[1]
    pattern = rf"cannot reach host-{closed} at {address(closed)}:{cluster.ports.data} \(no answer in 2 s\): open that port"
    cluster.await_text(pattern, 10)
    until(lambda: closed not in cluster.order() and cluster.status()["is_serving"], 30, "the others serve", cluster)
    assert re.search(pattern, cluster.status()["explanation"])
    cluster.ask()
    cluster.assert_nobody_set_aside()


def results_port_cut(cluster):
    """Nobody reaches the results port: that is said, nobody is set aside, and it serves when it is open again."""
    last, plans = cluster.order()[-1], cluster.plans()
    cluster.guard(COORDINATOR, drops=[f"tcp dport {cluster.ports.results} drop"])
    cluster.await_sentence(cluster.cannot_reach(last, COORDINATOR, cluster.ports.results))
    time.sleep(8)
    cluster.assert_nobody_set_aside()
    cluster.guard(COORDINATOR)
    print(f"    open again: an answer after {cluster.ask(60):.1f} s, {cluster.plans() - plans} plans")


def weights_port_cut(cluster):
    """Nobody reaches the weights port: what was fetched before still serves, also after a worker was started again."""
    middle = cluster.order()[1]
    cluster.guard(COORDINATOR, drops=[f"tcp dport {cluster.ports.weights} drop"])
    cluster.await_sentence(cluster.cannot_reach(middle, COORDINATOR, cluster.ports.weights))
    cluster.ask()
    cluster.nodes[middle].stop()
    cluster.start(middle, f"tandem worker --join {cluster.at()} --threads 1 --memory 512MiB")
    cluster.await_serving()
    cluster.ask()


def control_port_closed(cluster):
    """A worker that cannot reach the coordinator says so every few seconds, and is back when it can."""
    one = cluster.order()[0]
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(one)} tcp dport {cluster.ports.control} drop"])
    pattern = rf"this worker cannot reach the coordinator at {cluster.at()} \(no answer in 2 s\): open that port"
    worker = cluster.nodes[one]
    seconds = cluster.await_text(pattern, 20, worker)
    until(lambda: len(re.findall(pattern, worker.text())) >= 3, 20, "it says so again and again", cluster)
    print(f"    said after {seconds:.1f} s")
    print(f"    the others answer in {cluster.ask():.1f} s")
    cluster.guard(COORDINATOR)
    until(lambda: len(cluster.status()["workers"]) == 3, 30, "it is back", cluster)
    cluster.ask()


def newcomer_without_weights(cluster):
    """A newcomer that cannot reach the weights port interrupts nothing."""
    newcomer, plans = WORKERS[2], cluster.plans()
    cluster.guard(COORDINATOR, drops=[f"ip saddr {address(newcomer)} tcp dport {cluster.ports.weights} drop"])
    cluster.start(newcomer)
    until(lambda: len(cluster.status()["workers"]) == 3, 20, "the newcomer is there", cluster)
    cluster.await_sentence(cluster.cannot_reach(newcomer, COORDINATOR, cluster.ports.weights))
    seconds = cluster.ask()
    assert cluster.plans() == plans and seconds < 10, (cluster.plans(), plans, seconds)


def never_open(cluster, port):
    """A port of the coordinator is closed from the beginning: that is said, and all serve once it is open."""
    pattern = rf"host-\w cannot reach the coordinator at {re.escape(place(COORDINATOR, port))} \(no answer in 2 s\): open that port"
    seconds = cluster.await_text(pattern, 10)
    until(lambda: re.search(pattern, cluster.status()["explanation"]), 10 - seconds, "status says so too", cluster)
    print(f"    said after {seconds:.1f} s; {cluster.status()['explanation']}")
    time.sleep(5)
    cluster.guard(COORDINATOR)
    start = time.time()
    cluster.admit_client()
    print(f"    open: an answer after {time.time() - start:.1f} s")


def results_port_never_open(cluster):
    """The results port is closed from the beginning."""
    never_open(cluster, cluster.ports.results)
    cluster.assert_nobody_set_aside()


def weights_port_never_open(cluster):
    """The weights port is closed from the beginning."""
    never_open(cluster, cluster.ports.weights)


def control_port_never_open(cluster):
    """The control port is closed from the beginning: workers say so, and join once it is open."""
    pattern = rf"cannot reach the coordinator at {re.escape(cluster.at())} \(no answer in 2 s\): open that port"
    for host in WORKERS:
        print(f"    host-{host} says so after {cluster.await_text(pattern, 10, cluster.nodes[host]):.1f} s")
    line = f"tandem generate --coordinator {cluster.join_line.split()[3]} --prompt Hello"
    start = time.time()
    result = cluster.shell(line, 20)
    print(f"    the client after {time.time() - start:.1f} s: {result.stderr.strip()}")
    assert result.returncode == 69 and cluster.at() in result.stderr, result
    cluster.guard(COORDINATOR)
    start = time.time()
    cluster.admit_client()
    print(f"    open: an answer after {time.time() - start:.1f} s")


def data_port_cut_for_coordinator(cluster):
    """The coordinator cannot reach the first worker: that is said, and another is the first."""
    first = cluster.order()[0]
    cluster.guard(COORDINATOR, output=[f"ip daddr {address(first)} tcp dport {cluster.ports.data} drop"])
    cluster.await_sentence(cluster.cannot_reach(COORDINATOR, first, cluster.ports.data))
    until(lambda: cluster.order()[:1] not in ([first], []) and cluster.status()["is_serving"], 30, "another is first", cluster)
    cluster.ask()
    cluster.assert_nobody_set_aside()


def data_port_cut_while_serving(cluster):
    """A worker's own firewall lets nothing in any more: that is said, and the others serve."""
    first, second = cluster.order()[:2]
    cluster.guard(second, drops=[f"tcp dport {cluster.ports.data} drop"])
    cluster.await_sentence(cluster.cannot_reach(first, second, cluster.ports.data))
    until(lambda: second not in cluster.order() and cluster.status()["is_serving"], 30, "the others serve", cluster)
    cluster.ask()
    cluster.guard(second)
    cluster.assert_nobody_set_aside()


def data_port_closed_to_new_connections(cluster):
    """A worker's firewall lets no new connection in: what serves goes on, and the next plan does without that link."""
    (first, second), plans = cluster.order()[:2], cluster.plans()
    cluster.guard(second, drops=[f"ct state new tcp dport {cluster.ports.data} drop"])
    time.sleep(6)
    assert cluster.ask() < 10 and cluster.plans() == plans, cluster.plans()
    cluster.nodes[first].stop()
    start = time.time()
    cluster.start(first, f"tandem worker --join {cluster.at()} --threads 1 --memory 512MiB")
    pattern = rf"cannot reach host-{second} at {re.escape(place(second, cluster.ports.data))} \(no answer in 2 s\): open that port"
    cluster.await_text(pattern, 20)
    print(f"    said {time.time() - start:.1f} s after a worker began anew")
    cluster.await_serving(30)
    cluster.ask()
    cluster.assert_nobody_set_aside()


def data_port_rejected(cluster):
    """A firewall says no rather than nothing: that is said too, and an order without that link serves."""
    for kind in ["tcp reset", "icmp type admin-prohibited"]:
        first, second = cluster.order()[:2]
        cluster.guard(second, drops=[f"ip saddr {address(first)} tcp dport {cluster.ports.data} reject with {kind}"])
        pattern = (rf"host-{first} cannot reach host-{second} at {re.escape(place(second, cluster.ports.data))} "
                   r"\((connection refused|no answer in 2 s)\): open that port")
        seconds = cluster.await_text(pattern, 10)
        print(f"    {kind}: {re.search(pattern, cluster.coordinator.text()).group(1)}, said after {seconds:.1f} s")
        cluster.await_serving(30)
        cluster.ask()
        cluster.guard(second)
    cluster.assert_nobody_set_aside()


def client_cut(cluster):
    """A client that cannot reach the coordinator is told so; the others are not concerned."""
    cluster.guard(CLIENT, output=[f"tcp dport {cluster.ports.control} drop"])
    start = time.time()
    result = cluster.shell(f"tandem generate --coordinator {cluster.at()} --prompt Hello", 20)
    print(f"    after {time.time() - start:.1f} s: {result.stderr.strip()}")
    assert result.returncode == 69 and cluster.at() in result.stderr, result
    assert cluster.status()["is_serving"]
    cluster.guard(CLIENT)
    cluster.ask()


def other_ports(cluster):
    """Ports that were chosen: only these are open, and they are what is named."""
    first, second = cluster.order()[:2]
    cluster.ask()
    cluster.guard(second, drops=[f"ip saddr {address(first)} tcp dport {cluster.ports.data} drop"])
    cluster.await_sentence(cluster.cannot_reach(first, second, cluster.ports.data))
    cluster.await_serving(30)
    cluster.guard(COORDINATOR, drops=[f"tcp dport {cluster.ports.results} drop"])
    cluster.await_sentence(cluster.cannot_reach(cluster.order()[-1], COORDINATOR, cluster.ports.results))
    cluster.guard(COORDINATOR)
    cluster.ask()


SCENARIOS = {
    "documented-ports": (documented_ports, {}),
    "other-ports": (other_ports, {
        "flags": ["--port", "9000"], "worker_flags": ["--data-port 9100"], "ports": Ports(9000, 9001, 9002, 9100)}),
    "results-port-cut-for-one": (results_port_cut_for_one, {}),
    "weights-port-cut-for-one": (weights_port_cut_for_one, {}),
    "data-port-cut-for-one": (data_port_cut_for_one, {}),
    "data-port-cut-for-coordinator": (data_port_cut_for_coordinator, {}),
    "data-port-cut-while-serving": (data_port_cut_while_serving, {}),
    "data-port-closed-to-new-connections": (data_port_closed_to_new_connections, {}),
    "data-port-rejected": (data_port_rejected, {}),
    "data-port-never-open": (data_port_never_open, {
        "minimum": 2, "closed": (WORKERS[1], f"tcp dport {DOCUMENTED.data} drop")}),
    "results-port-never-open": (results_port_never_open, {
        "answers": False, "closed": (COORDINATOR, f"tcp dport {DOCUMENTED.results} drop")}),
    "weights-port-never-open": (weights_port_never_open, {
        "answers": False, "closed": (COORDINATOR, f"tcp dport {DOCUMENTED.weights} drop")}),
    "control-port-never-open": (control_port_never_open, {
        "answers": False, "closed": (COORDINATOR, f"tcp dport {DOCUMENTED.control} drop")}),
    "results-port-cut": (results_port_cut, {}),
    "weights-port-cut": (weights_port_cut, {}),
    "control-port-closed": (control_port_closed, {}),
    "newcomer-without-weights": (newcomer_without_weights, {"workers": WORKERS[:2]}),
    "client-cut": (client_cut, {}),
}
