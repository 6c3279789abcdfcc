"""Writes log lines and progress bars the way SGLang's processes do."""

from __future__ import annotations

import sys
import threading
import time

_lock = threading.Lock()


def line(message: str, ranks: str = "") -> None:
    """A line on stderr with SGLang's time stamp and, after it, the rank that speaks."""
    _write(f"[{_now()}{ranks and ' ' + ranks}] {message}\n")


def uvicorn(message: str, level: str = "INFO") -> None:
    """A line of the HTTP server on stderr."""
    _write(f"[{_now()}] {level + ':':<9} {message}\n")


def access(client: str, request_line: str, status: int, phrase: str) -> None:
    """A line of the HTTP server's access log, which goes to stdout."""
    with _lock:
        sys.stdout.write(f'[{_now()}] INFO:     {client} - "{request_line}" {status} {phrase}\n')
        sys.stdout.flush()


def shards(title: str, done: int, total: int, seconds: float) -> None:
    """One state of the bar for checkpoint shards."""
    percent = f"{100 * done / total:3.0f}%"
    _write(f"\r{title}: {percent} Completed | {done}/{total} {_times(done, total, seconds)}\n")


def graphs(title: str, done: int, total: int, seconds: float) -> None:
    """One state of the bar for captured graphs; it overwrites itself until it is complete."""
    percent = f"{100 * done / total:3.0f}%"
    bar = ("█" * (10 * done // total)).ljust(10)
    end = "\n" if done == total else ""
    _write(f"\r{title}: {percent}|{bar}| {done}/{total} {_times(done, total, seconds)}{end}")


def raw(text: str) -> None:
    """Text on stderr as it is."""
    _write(text)


def _times(done: int, total: int, seconds: float) -> str:
    if not done:
        return "[00:00<?, ?it/s]"
    left = seconds / done * (total - done)
    return f"[{_clock(seconds)}<{_clock(left)}, {seconds / done:5.2f}s/it]"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _write(text: str) -> None:
    with _lock:
        sys.stderr.write(text)
        sys.stderr.flush()
