"""Plays Renode's console for tests, QEMU's GDB server behind the port that it is told.

It reads its script as Renode's monitor does, word by word and file by file, and ends at the end of
its standard input. MCUCC_FAKE_RENODE is a list of words that make it behave badly:
`1.15` knows no Cortex-M55, `slow` takes its time, `late` tells of a stop once more after the first
packets, `dies` ends in the middle of a session, `deaf` never listens, `broken` ends at once.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.renode_scripts import Entry, read_platform

MANNERS = os.environ.get("MCUCC_FAKE_RENODE", "").split()
ARM = "qemu-system-arm"
QEMU = {
    "cortex-m0+": (ARM, "mps2-an385", "-global", "cortex-m3-arm-cpu.pmsav7-dregion=16"),
    "cortex-m3": (ARM, "mps2-an385", "-global", "cortex-m3-arm-cpu.pmsav7-dregion=16"),
    "cortex-m4": (ARM, "mps2-an386", "-global", "cortex-m4-arm-cpu.pmsav7-dregion=16"),
    "cortex-m7": (ARM, "mps2-an500", "-global", "cortex-m7-arm-cpu.pmsav7-dregion=16"),
    "cortex-m33": (ARM, "mps2-an505"),
    "cortex-m55": (ARM, "mps3-an547"),
    "rv32imc_zicsr": ("qemu-system-riscv32", "virt", "-bios", "none"),
}
_LATE = b"$T05thread:1;#%02x" % (sum(b"T05thread:1;") % 256)


class ScriptError(Exception):
    """What the monitor complains of."""


class Console:
    """One machine and its QEMU."""

    def __init__(self) -> None:
        self.platform: dict[str, Entry] = {}
        self.qemu: subprocess.Popen[bytes] | None = None

    def include(self, path: Path) -> None:
        for line in path.read_text("utf-8").splitlines():
            command = line.split("#")[0].strip()
            if command:
                try:
                    self.do(command)
                except (ScriptError, AssertionError) as error:
                    print(f"There was an error executing command '{command}'\n{error}", flush=True)
                    return

    def do(self, command: str) -> None:
        if re.fullmatch(r'mach create "\w+"', command):
            return
        if match := re.fullmatch(r"machine LoadPlatformDescription @(\S+)", command):
            self.load(Path(match[1]))
        elif match := re.fullmatch(r"sysbus LoadELF @(\S+)", command):
            if not Path(match[1]).read_bytes().startswith(b"\x7fELF"):
                raise ScriptError("not an ELF")
        elif match := re.fullmatch(r"sysbus\.cpu (VectorTableOffset|PC) (0x[0-9A-F]{8})", command):
            arm = "nvic" in self.platform["cpu"].fields
            if (match[1] == "VectorTableOffset") != arm or not self.is_memory(int(match[2], 16)):
                raise ScriptError(f"sysbus.cpu does not provide a field {match[1]}")
        elif match := re.fullmatch(r"machine StartGdbServer (\d{1,5})", command):
            self.serve(int(match[1]))
        else:
            raise ScriptError("No such command or device")

    def load(self, path: Path) -> None:
        entries = read_platform(path)
        for entry in entries.values():
            if entry.kind == "Python.PythonPeripheral":
                script = Path(entry.fields["filename"].strip('"'))
                if not script.is_file():
                    raise ScriptError(f"Could not find source file for the script: {script}.")
                compile(script.read_text("utf-8"), str(script), "exec")
        self.platform |= entries
        cpu = self.platform["cpu"].fields["cpuType"].strip('"')
        if cpu not in QEMU or (cpu == "cortex-m55" and "1.15" in MANNERS):
            place = f"{path}:5:5"
            raise ScriptError(
                f"Error E38: Exception was thrown: Unknown CPU type: {cpu}.\nAt {place}"
            )

    def is_memory(self, address: int) -> bool:
        return any(
            entry.kind == "Memory.MappedMemory"
            and 0 <= address - (entry.address or 0) < int(entry.fields["size"], 0)
            for entry in self.platform.values()
        )

    def serve(self, port: int) -> None:
        if "deaf" in MANNERS:
            return
        cpu = self.platform["cpu"].fields["cpuType"].strip('"')
        program, machine, *options = QEMU[cpu]
        late = "late" in MANNERS
        inner = free_port() if late else port
        shift = "0" if machine == "virt" else "7"
        command = [program, "-M", machine, *options, "-S", "-display", "none", "-monitor", "none"]
        command += ["-serial", "none", "-icount", f"shift={shift},sleep=off"]
        command += ["-gdb", f"tcp:127.0.0.1:{inner}"]
        self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        print(f"Started GDB server on port :{port}", flush=True)
        if late:
            threading.Thread(target=between, args=(port, inner), daemon=True).start()
        if "dies" in MANNERS:
            threading.Thread(target=self.die, daemon=True).start()

    def die(self) -> None:
        time.sleep(1.0)
        print("FATAL: CPU abort: an instruction that is not implemented", flush=True)
        self.close()
        os._exit(134)

    def close(self) -> None:
        if self.qemu is not None:
            self.qemu.kill()
            self.qemu.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def between(port: int, inner: int) -> None:
    """Passes packets on; behind the core's first stop it tells of it again."""
    while True:
        try:
            server = socket.create_connection(("127.0.0.1", inner))
            break
        except OSError:
            time.sleep(0.02)
    with socket.create_server(("127.0.0.1", port)) as listening:
        client, _ = listening.accept()
    for each in (client, server):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def forward() -> None:
        while data := client.recv(1 << 16):
            server.sendall(data)

    threading.Thread(target=forward, daemon=True).start()
    told = False
    while data := server.recv(1 << 16):
        client.sendall(data)
        if not told and b"$T" in data:
            told = True
            client.sendall(_LATE)


def main() -> int:
    if sys.argv[1:] == ["--version"]:
        print(f"Renode v{'1.15.3' if '1.15' in MANNERS else '1.16.1'}.27735")
        return 0
    assert sys.argv[1:4] == ["--disable-xwt", "--console", "--plain"], sys.argv
    assert sys.argv[4] == "-e" and sys.argv[5].startswith("include @"), sys.argv
    if "broken" in MANNERS:
        print("Cannot open assembly 'Renode.exe': No such file or directory.", flush=True)
        return 2
    Path("pid.txt").write_text(str(os.getpid()))
    if "slow" in MANNERS:
        time.sleep(2.0)
    console = Console()
    console.include(Path(sys.argv[5].removeprefix("include @")))
    sys.stdin.read()
    print("Machine paused.\nDisposed.", flush=True)
    console.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
