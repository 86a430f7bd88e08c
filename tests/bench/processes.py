"""What /proc says about a server: CPU time and memory of its process and all that it started, and of a CPU."""

import os
import pathlib

_TICK_US = 1e6 / os.sysconf('SC_CLK_TCK')


def _stat(pid):
    """The fields of /proc/PID/stat after the command's name, which may hold anything; None when it has ended."""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree(root):
    """The process and its descendants."""
    children = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit() and (stat := _stat(entry)):
            children.setdefault(int(stat[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_us(root):
    """User and system time so far, in microseconds, of all threads of the process tree."""
    stats = [_stat(pid) for pid in tree(root)]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats if stat) * _TICK_US


def memory_mb(root):
    """(resident now, highest resident) in MB (10^6 bytes), summed over the process tree: VmRSS and VmHWM."""
    totals = {'VmRSS': 0, 'VmHWM': 0}
    for pid in tree(root):
        for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
            name, _, value = line.partition(':')
            if name in totals:
                totals[name] += int(value.split()[0]) * 1024
    return totals['VmRSS'] / 1e6, totals['VmHWM'] / 1e6


def busy_us(cpu):
    """The time, in microseconds, that a CPU has worked for processes, without interrupts."""
    for line in pathlib.Path('/proc/stat').read_text().splitlines():
        if line.startswith(f'cpu{cpu} '):
            user, nice, system = line.split()[1:4]
            return (int(user) + int(nice) + int(system)) * _TICK_US
    raise RuntimeError(f'/proc/stat does not list CPU {cpu}')
