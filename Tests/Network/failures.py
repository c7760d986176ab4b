"""What happens where hosts are cut from each other, lose packets, stand still, or are far away."""
import os
import re
import signal
import subprocess
import time

from hosts import COORDINATOR, WORKERS, Network, address, environment, on, slow_down, until


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


def slow_joiner(cluster):
    """A newcomer behind a slow line does not keep those who serve from answering."""
    newcomer = WORKERS[2]
    slow_down(newcomer, "1500kbit")
    cluster.start(newcomer)
    cluster.await_text("is left out while others serve|joined with", 20)
    time.sleep(5)
    seconds = cluster.ask()
    print(f"    the next answer took {seconds:.1f} s; {cluster.status()['explanation']}")
    assert seconds < 10 and newcomer not in cluster.order()


def coordinator_away(cluster):
    """The coordinator is killed, and starts again after 20 s: workers and the client come back without a token."""
    cluster.coordinator.kill()
    killed = time.time()
    for host in WORKERS:
        cluster.await_text(
            rf"cannot reach the coordinator at {cluster.at()} \(connection refused\)", 15, cluster.nodes[host])
    time.sleep(max(0, killed + 20 - time.time()))
    cluster.start_coordinator()
    restarted = time.time()
    cluster.await_serving(30)
    print(f"    serves {time.time() - restarted:.1f} s after the restart; an answer in {cluster.ask():.1f} s")
    assert all(node.process.poll() is None for node in cluster.nodes.values())
    assert cluster.coordinator.text().count("admitted host-") == len(WORKERS) + 1


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
    cluster.guard(third, drops=[f"tcp sport {cluster.ports.control} drop"])
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


def one_way_partition(cluster):
    """One worker cannot reach another, which can reach it, and all three are needed: another order serves."""
    before, plans = cluster.order(), cluster.plans()
    one, other = before[:2]
    cluster.guard(other, drops=[f"ip saddr {address(one)} ct direction original drop"])
    cluster.await_sentence(cluster.cannot_reach(one, other, cluster.ports.data))
    until(lambda: cluster.status().get("is_serving") and cluster.order() != before, 30, "another order serves", cluster)
    print(f"    {before} -> {cluster.order()}, {cluster.plans() - plans} plans")
    order = cluster.order()
    assert len(order) == 3 and [one, other] not in (order[:2], order[1:]), order
    cluster.ask()
    cluster.assert_nobody_set_aside()


def no_way_between_workers(cluster):
    """No worker reaches another, and all three are needed: that is said, few plans are made, and it serves when it is over."""
    plans = cluster.plans()
    asking = cluster.asking(200)
    until(lambda: os.path.getsize(asking[1].name) > 40, 20, "the answer has begun", cluster, 0.01)
    for host in WORKERS:
        others = ", ".join(address(other) for other in WORKERS if other != host)
        cluster.guard(host, drops=[f"ip saddr {{ {others} }} drop"])
    pattern = r"host-\w cannot reach host-\w at \S+ \(no answer in 2 s\): open that port"
    print(f"    said after {cluster.await_text(pattern, 10):.1f} s")
    time.sleep(40)
    print(f"    {cluster.plans() - plans} plans; {cluster.status()['explanation']}")
    assert cluster.plans() - plans < 12 and re.search(pattern, cluster.status()["explanation"]), cluster.coordinator.text()
    for host in WORKERS:
        cluster.guard(host)
    start = time.time()
    cluster.take(asking, 60, 200)
    print(f"    over: the answer is complete after {time.time() - start:.1f} s more, {cluster.plans() - plans} plans")
    cluster.assert_nobody_set_aside()


def large_packets_lost_between_two(cluster):
    """Large packets do not get from one worker to another, and all three are needed: another order serves."""
    before, plans = cluster.order(), cluster.plans()
    one, other = before[:2]
    cluster.guard(other, drops=[f"ip saddr {address(one)} meta length > 600 drop"])
    start = time.time()
    cluster.ask()
    # A connection that stands behind a large packet carries small ones no more.
    pattern = rf"host-{one} cannot reach host-{other} at \S+ \((.*)\): "
    words = re.findall(pattern, cluster.coordinator.text())
    print(f"    {words}; an answer after {time.time() - start:.1f} s, {before} -> {cluster.order()}, "
          f"{cluster.plans() - plans} plans")
    assert words and len(cluster.order()) == 3 and cluster.plans() - plans < 8
    cluster.assert_nobody_set_aside()


def large_packets_never_pass(cluster):
    """Large packets never got from anywhere to one worker: that is said, and the others serve."""
    sentence = (rf"host-{WORKERS[1]} cannot reach the coordinator at \S+ \(small packets arrive, large ones do not in 2 s\): "
                "look at the MTU and the speed of the network between them")
    print(f"    said after {cluster.await_text(sentence, 10):.1f} s")
    assert WORKERS[1] not in cluster.order()
    cluster.ask()
    assert cluster.plans() < 6


def handshakes_lost(cluster):
    """So small packets alone get to a worker that no handshake does: that is no other key, and it is back when they do."""
    one = cluster.order()[0]
    cluster.guard(one, drops=["meta length > 120 drop"], output=["meta length > 120 drop"])
    pattern = rf"cannot reach the coordinator at {re.escape(cluster.at())} \(no answer in 2 s\)"
    worker = cluster.nodes[one]
    print(f"    said after {cluster.await_text(pattern, 15, worker):.1f} s; the others answer in {cluster.ask():.1f} s")
    time.sleep(10)
    assert worker.process.poll() is None, worker.text()
    assert "handshake refused" not in worker.text() + cluster.coordinator.text()
    cluster.guard(one)
    until(lambda: len(cluster.status()["workers"]) == 3, 30, "it is back", cluster)
    cluster.ask()


def far_away(cluster):
    """Hosts 50 ms from each other, and one packet of a hundred is lost: answers come, from the one plan."""
    plans = cluster.plans()
    seconds = [cluster.ask(120, tokens=60) for _ in range(3)]
    print(f"    answers of 60 tokens in {', '.join(f'{second:.1f} s' for second in seconds)}")
    assert cluster.plans() == plans and len(cluster.order()) == 3, cluster.plans()
    cluster.assert_nobody_set_aside()


def results_port_cut_amid_an_answer(cluster):
    """The last worker cannot reach the results port any more, in the middle of an answer: it goes on unchanged by another."""
    last = cluster.order()[-1]
    amid_answers(cluster, lambda: cluster.guard(
        COORDINATOR, drops=[f"ip saddr {address(last)} tcp dport {cluster.ports.results} drop"]))
    assert cluster.cannot_reach(last, COORDINATOR, cluster.ports.results) in cluster.coordinator.text()
    assert cluster.order()[-1] != last
    cluster.assert_nobody_set_aside()


def weights_port_cut_amid_a_load(cluster):
    """The only worker loses the weights port while it loads: that is said, and its load goes on where it was."""
    cluster.await_text(r"epoch \d+: layers", 30)
    time.sleep(5)
    cluster.guard(COORDINATOR, drops=[f"tcp dport {cluster.ports.weights} drop"])
    cluster.await_sentence(cluster.cannot_reach(WORKERS[0], COORDINATOR, cluster.ports.weights))
    time.sleep(8)
    print(f"    {cluster.status()['explanation']}")
    cluster.guard(COORDINATOR)
    start = time.time()
    cluster.await_serving(60)
    print(f"    open again: serves after {time.time() - start:.1f} s")
    cluster.admit_client()


def load_that_hardly_moves(cluster):
    """The load of the only worker moves, but slowly: a request waits no longer than it may, and later ones are answered."""
    cluster.await_text(r"epoch \d+: layers", 30)
    made = subprocess.run(on(COORDINATOR, "tandem", "token", "create", "--role", "client"),
                          capture_output=True, text=True, env=environment(COORDINATOR, cluster.folder))
    start = time.time()
    result = cluster.shell(f"{made.stdout.strip()} --max-tokens 16", 150)
    print(f"    ended with {result.returncode} after {time.time() - start:.1f} s: {result.stderr.strip()}")
    assert result.returncode == 1 and "loads the model" in result.stderr and time.time() - start < 40, result
    assert cluster.order() == WORKERS[:1], "it does not load any more"
    cluster.await_serving(60)
    cluster.ask()


def host_gone(cluster):
    """The coordinator's host is off the network for a while: workers say so, and are back when it is."""
    line = ["ip", "-n", f"{Network.name}-switch", "link", "set", f"p-{COORDINATOR}"]
    subprocess.run([*line, "down"], check=True)
    pattern = rf"cannot reach the coordinator at {re.escape(cluster.at())} \(no answer in 2 s\)"
    for host in WORKERS:
        print(f"    host-{host} says so after {cluster.await_text(pattern, 10, cluster.nodes[host]):.1f} s")
    time.sleep(10)
    subprocess.run([*line, "up"], check=True)
    start = time.time()
    cluster.await_serving(30)
    print(f"    back: serves after {time.time() - start:.1f} s")
    cluster.ask()
    cluster.assert_nobody_set_aside()


LARGE_DROPPED = "meta length > 600 drop"

SCENARIOS = {
    "partition": (partition, {"needs_all": True}),
    "one-way-partition": (one_way_partition, {"needs_all": True}),
    "no-way-between-workers": (no_way_between_workers, {"needs_all": True}),
    "large-packets-lost": (large_packets_lost, {}),
    "large-packets-lost-between-two": (large_packets_lost_between_two, {"needs_all": True}),
    "large-packets-never-pass": (large_packets_never_pass, {"minimum": 2, "closed": (WORKERS[1], LARGE_DROPPED)}),
    "handshakes-lost": (handshakes_lost, {}),
    "far-away": (far_away, {"network": {"is_slow": True}}),
    "slow-joiner": (slow_joiner, {"workers": WORKERS[:1]}),
    "load-that-hardly-moves": (load_that_hardly_moves, {
        "workers": WORKERS[:1], "answers": False, "flags": ["--wait-seconds", "10"],
        "prepare": lambda cluster: slow_down(WORKERS[0], "2mbit")}),
    "weights-port-cut-amid-a-load": (weights_port_cut_amid_a_load, {
        "workers": WORKERS[:1], "answers": False, "prepare": lambda cluster: slow_down(WORKERS[0], "2mbit")}),
    "results-port-cut-amid-an-answer": (results_port_cut_amid_an_answer, {}),
    "coordinator-away": (coordinator_away, {}),
    "host-gone": (host_gone, {}),
    "plan-comes-late": (plan_comes_late, {}),
    "stopped-amid-an-answer": (stopped_amid_an_answer, {"minimum": 3}),
    "cut-off-amid-an-answer": (cut_off_amid_an_answer, {}),
    "parted-amid-an-answer": (parted_amid_an_answer, {}),
}
