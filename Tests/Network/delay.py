"""A line between network interfaces that takes 25 ms each way and loses one packet of 200: kernels without netem have none.

    delay.py LEFT=RIGHT...      # carries packets between the two, until it is ended
    delay.py --plain INTERFACE  # no offloads: packets are what goes over a line
"""
import array
import collections
import fcntl
import random
import select
import socket
import struct
import sys
import time

SECONDS, LOSS = 0.025, 0.005
ETHERTYPE_ALL, OUTGOING = 3, 4
SIOCETHTOOL = 0x8946
# ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO
OFFLOADS = [0x17, 0x1F, 0x24]


def make_plain(interface):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for offload in OFFLOADS:
            value = array.array("B", struct.pack("II", offload, 0))
            fcntl.ioctl(asked, SIOCETHTOOL, struct.pack("16sP", interface.encode(), value.buffer_info()[0]))


def opened(interface):
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ALL))
    packets.bind((interface, ETHERTYPE_ALL))
    packets.setblocking(False)
    return packets


def carry(pairs):
    other = {}
    for pair in pairs:
        left, right = map(opened, pair.split("="))
        other[left], other[right] = right, left
    # Each waits as long as the one before it.
    waiting = collections.deque()
    while True:
        timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for packets in select.select(list(other), [], [], timeout)[0]:
            for _ in range(64):
                try:
                    frame, (_, _, kind, _, _) = packets.recvfrom(65536)
                except BlockingIOError:
                    break
                if kind != OUTGOING and random.random() >= LOSS:
                    waiting.append((time.monotonic() + SECONDS, other[packets], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, packets, frame = waiting.popleft()
            try:
                packets.send(frame)
            except OSError:
                pass  # as a line does that is full


if __name__ == "__main__":
    if sys.argv[1] == "--plain":
        make_plain(sys.argv[2])
    else:
        carry(sys.argv[1:])
