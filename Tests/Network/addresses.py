"""How hosts find each other: IPv6, names, several addresses, no way to the world, a worker beside the coordinator; and the
lines of README, word for word."""
import os
import re
import time

from hosts import (
    COORDINATOR, HOSTS, MODEL, ROOT, WORKERS, Node, add_address, address, drop_address, right_answer, until,
    write_names)

LINES = os.path.join(ROOT, "README.md")


def ipv6_only(cluster):
    """Hosts that have IPv6 addresses alone: answers come, and what is cut is named."""
    first, second = cluster.order()[:2]
    cluster.ask()
    cluster.guard(second, drops=[f"ip6 saddr {address(first)} tcp dport {cluster.ports.data} drop"])
    cluster.await_sentence(cluster.cannot_reach(first, second, cluster.ports.data))
    cluster.await_serving(30)
    cluster.ask()
    cluster.assert_nobody_set_aside()


def no_way_to_the_world(cluster):
    """A network of its own, without a default route: the line that is printed joins all the same."""
    cluster.ask()


# ---- names ---------------------------------------------------------------------------------------------------------

NAME = "coordinator.test"


def name_coordinator(cluster, live):
    """A name with two addresses. The resolver tries first the one that is nearest by its digits, where nobody is."""
    for host in HOSTS:
        write_names(host, [(live, NAME)] if host == COORDINATOR else [("10.77.0.9", NAME), (live, NAME)])
    cluster.name = f"{NAME}:{cluster.ports.control}"


def prepare_names(cluster):
    add_address(COORDINATOR, "10.77.0.129")
    name_coordinator(cluster, "10.77.0.129")


def names(cluster):
    """A name whose first address is dead; then the coordinator starts again at another address of that name."""
    cluster.ask()
    cluster.coordinator.kill()
    drop_address(COORDINATOR, "10.77.0.129")
    add_address(COORDINATOR, "10.77.0.130")
    # So long workers look for it where it was, and see that it is not there.
    time.sleep(8)
    name_coordinator(cluster, "10.77.0.130")
    cluster.start_coordinator()
    start = time.time()
    cluster.await_serving(40)
    print(f"    serves {time.time() - start:.1f} s after the restart elsewhere; an answer in {cluster.ask():.1f} s")
    assert all(node.process.poll() is None for node in cluster.nodes.values())


# ---- several addresses ---------------------------------------------------------------------------------------------


def between_workers(host):
    return address(host).replace("10.77", "10.78")


def prepare_second_network(cluster):
    for host in WORKERS:
        add_address(host, between_workers(host))
    add_address(COORDINATOR, between_workers(COORDINATOR))


def advertised(cluster):
    """Workers that others reach at another address than leads to the coordinator."""
    assert cluster.ask() < 30
    first, second = cluster.order()[:2]
    cluster.guard(second, drops=[f"ip saddr {between_workers(first)} tcp dport {cluster.ports.data} drop"])
    sentence = cluster.cannot_reach(first, second, cluster.ports.data).replace(address(second), between_workers(second))
    cluster.await_sentence(sentence)
    cluster.await_serving(30)
    cluster.ask()


def five_workers(cluster):
    """Five workers on five hosts, one of them beside the coordinator, which finds it without being told where."""
    for index, host in enumerate(["b", "c", "a", "d", "e"]):
        # Where nothing says whom to join, it is the coordinator of this machine.
        line = "tandem worker --threads 1 --memory 512MiB --log-level debug" if host == COORDINATOR else None
        cluster.start(host, line)
        until(lambda: len(cluster.status().get("workers", [])) == index + 1, 20, f"host-{host} has joined", cluster)
    cluster.admit_client()
    order = cluster.order()
    print(f"    {order}")
    assert order == ["b", "c", "a", "d", "e"] and cluster.plans() == 1
    first, second = order[1:3]
    assert not re.search("cannot reach", cluster.coordinator.text())
    cluster.guard(second, drops=[f"ip saddr {address(first)} tcp dport {cluster.ports.data} drop"])
    cluster.await_sentence(cluster.cannot_reach(first, second, cluster.ports.data))
    cluster.await_serving(30)
    print(f"    {cluster.order()}")
    cluster.ask()


# ---- README --------------------------------------------------------------------------------------------------------


def readme_lines():
    """(host, line) of what README has people type on several hosts, and what it has the coordinator print."""
    with open(LINES) as file:
        section = file.read().split("### On several hosts")[1].split("\n### ")[0].split("\n## ")[0]
    block = re.search(r"\n\n(    host-a\$ tandem coordinator .*?)\n\n", section, re.S).group(1)
    lines = [re.sub(r"\s+#\s.*", "", line.strip()) for line in block.splitlines()]
    typed = [re.fullmatch(r"host-(\w)\$ (.*)", line) for line in lines]
    return [(match.group(1), match.group(2)) if match else (None, line) for match, line in zip(typed, lines)]


def readme(cluster):
    """What README says about several hosts, word for word but for key and token, on hosts that have its addresses."""
    placeholder, cluster.workers = "192.0.2.1:7070#KEY#TOKEN", ["b", "c"]
    for host in HOSTS:
        cluster.guard(host)
    os.symlink(MODEL, os.path.join(cluster.folder, "model.gguf"))
    steps = readme_lines()
    print("".join(f"    {f'host-{host}$ ' if host else ''}{line}\n" for host, line in steps), end="")
    assert [host for host, _ in steps] == ["a", None, "b", "c", "a", "a", "d"], steps
    lines = [line for _, line in steps]

    cluster.coordinator = Node("a", cluster.folder, "sh", "-c", f"exec {lines[0]}")
    printed = cluster.coordinator.process.stdout.readline().strip()
    at = printed.split()[-1]
    assert printed == lines[1].replace(placeholder, at) and at.startswith("192.0.2.1:7070#"), printed
    for host, line in steps[2:4]:
        cluster.start(host, line.replace(placeholder, at))
    told = cluster.shell(lines[4], 90, "a")
    assert told.returncode == 0 and told.stdout, told
    made = cluster.shell(lines[5], 10, "a")
    asked = made.stdout.strip().split()
    place = asked[asked.index("--coordinator") + 1]
    assert made.returncode == 0 and place.startswith("192.0.2.1:7070#"), made
    told = cluster.shell(lines[6].replace(placeholder, place), 60, "d")
    assert told.returncode == 0 and told.stdout, told
    fixed = f"{lines[6].replace(placeholder, place)} --temperature 0 --max-tokens 40 --ignore-eos"
    assert cluster.shell(fixed, 60, "d").stdout == right_answer("Once upon a time", 40)
    cluster.tokens += 40

    # "`--join 192.0.2.1:7070` suffices", also for clients.
    cluster.nodes["b"].stop()
    cluster.start("b", "tandem worker --join 192.0.2.1:7070")
    until(lambda: len(cluster.status().get("workers", [])) == 2, 20, "host-b is back", cluster)
    cluster.await_serving()
    told = cluster.shell(lines[6].replace(placeholder, "192.0.2.1:7070"), 60, "d")
    assert told.returncode == 0 and told.stdout, told
    # "On host-a `tandem members` shows who is admitted, and `tandem remove NAME` takes a key off at once."
    members = cluster.shell("tandem members", 10, "a").stdout
    assert all(f"host-{host}" in members for host in "bcd"), members
    removed = cluster.shell("tandem remove host-b", 10, "a")
    assert removed.returncode == 0, removed
    until(lambda: len(cluster.status().get("workers", [])) == 1, 5, "host-b is no worker any more", cluster)
    told = cluster.shell(lines[6].replace(placeholder, "192.0.2.1:7070"), 60, "d")
    assert told.returncode == 0 and told.stdout, told


SCENARIOS = {
    "readme": (readme, {"alone": True, "network": {"prefix": "192.0.2.", "gateway": "192.0.2.254"}}),
    "five-workers": (five_workers, {
        "workers": [], "minimum": 5, "all_workers": HOSTS, "answers": False, "flags": ["--split", "0-0,1-1,2-2,3-3,4-5"]}),
    "ipv6-only": (ipv6_only, {"network": {"prefix": "fd77::", "mask": 64, "gateway": "fd77::fe"}}),
    "no-way-to-the-world": (no_way_to_the_world, {"network": {"gateway": None}}),
    "names": (names, {"prepare": prepare_names, "flags": ["--advertise", NAME]}),
    "advertised": (advertised, {
        "prepare": prepare_second_network, "worker_flags": ["--advertise SECOND"],
        "closed": (None, "ip daddr 10.77.0.0/24 tcp dport 7080 drop")}),
}
