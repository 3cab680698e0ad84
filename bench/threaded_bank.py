#!/usr/bin/env python3
"""The homework's own design, as a peer to measure against: a thread a client, one dictionary, one lock.

    threaded_bank.py PORT LOGFILE      SIGINT: wait for the clients, write LOGFILE, exit
"""
import re
import signal
import socket
import sys
import threading

LINE = re.compile(rb"(\S{1,64}) (credit|debit) \$?(\d+)(?:\.(\d{1,2}))?")
accounts = {}
lock = threading.Lock()
stopping = threading.Event()
threads = []


def take(line):
    match = LINE.fullmatch(line.rstrip(b"\r"))
    if not match:
        return
    name, kind, dollars, cents = match.groups()
    amount = int(dollars) * 100 + int((cents or b"0").ljust(2, b"0"))
    with lock:
        accounts[name] = accounts.get(name, 0) + (amount if kind == b"credit" else -amount)


def serve(client):
    with client, client.makefile("rb") as lines:
        for line in lines:
            take(line.rstrip(b"\n"))


def main():
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
    listener.settimeout(0.05)
    while True:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            if stopping.is_set():
                break
            continue
        client.settimeout(None)
        threads.append(threading.Thread(target=serve, args=(client,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    with open(sys.argv[2], "wb") as log:
        for name in sorted(accounts):
            cents = accounts[name]
            sign = b"-" if cents < 0 else b""
            log.write(b"%s $%s%d.%02d\n" % (name, sign, abs(cents) // 100, abs(cents) % 100))


main()
