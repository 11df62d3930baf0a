"""GDB servers as they come: old ones, late ones, broken ones and hostile ones."""

from __future__ import annotations

import socket
import time
import zlib
from collections.abc import Sequence

import pytest

from mcucc.backends import EmulationFault, HangError
from mcucc.backends.gdb import client
from mcucc.backends.gdb.backend import Gdb
from mcucc.errors import ToolError
from mcucc.toolchain import Firmware, Transport, retarget
from tests.backends.fake_server import (
    EXIT,
    OPEN,
    PC,
    PRINT,
    READ,
    TARGET,
    WRITE,
    FakeServer,
    packet,
)
from tests.backends.firmware_fixtures import build_tiny

pytestmark = pytest.mark.emulated
IMAGE, OUTPUT = bytes(range(48)), b"#$}*outputs."
CRCS = f"image.0.input_crc={zlib.crc32(IMAGE)}", f"image.0.output_crc={zlib.crc32(OUTPUT)}"
RECORDS = ("steps=3", "fence=1", "stack=100", "arena_high_water=124", *CRCS)
ASKS: tuple[tuple[int, bytes | int], ...] = (
    (OPEN, 32),
    *((PRINT, f"##mcucc {each}\n".encode()) for each in RECORDS),
    (READ, 48),
    (WRITE, OUTPUT),
    (READ, 0),
    (PRINT, b"##exit 0\n"),
    (EXIT, 0),
)
NO_ACK = b"PacketSize=200;qXfer:features:read+;QStartNoAckMode+"
MAP = b"PacketSize=200;qXfer:features:read+;qXfer:memory-map:read+"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ANSWER_S", 2.0)


@pytest.fixture(scope="module")
def firmware() -> Firmware:
    made = build_tiny("bluepill")
    return retarget(made, made.machine, Transport.MAILBOX)


def works(server: FakeServer, firmware: Firmware, *, flash: bool = False) -> FakeServer:
    """The run ends well: the server has got image and picture, and its outputs have arrived."""
    result = Gdb(server, flash=flash).run(firmware, [IMAGE], timeout_s=5)
    assert result.outputs == (OUTPUT,) and result.stack_bytes == 100
    at = firmware.layout.arena_address + 64 * READ
    assert bytes(server.memory[at + byte] for byte in range(48)) == IMAGE
    for segment in firmware.image.segments:
        stored = [server.memory[segment.address + byte] for byte in range(len(segment.data))]
        assert bytes(stored) == segment.data
    return server


def fails(server: FakeServer, firmware: Firmware, match: str, timeout_s: float = 5.0) -> str:
    """One error, in time, that names the server."""
    began = time.monotonic()
    with pytest.raises(ToolError, match=match) as caught:
        Gdb(server).run(firmware, [IMAGE], timeout_s=timeout_s)
    assert time.monotonic() - began < 5 and caught.value.where == "fake"
    return str(caught.value)


def test_a_modern_server(firmware: Firmware) -> None:
    seen = works(FakeServer(ASKS, features=NO_ACK), firmware).seen
    assert seen[1] == b"QStartNoAckMode" and seen[-1] == b"D"
    assert not [each for each in seen if each.startswith((b"M", b"g", b"G", b"Z0", b"vCont"))]


@pytest.mark.parametrize(
    ("lacks", "instead"),
    [
        (b"X", b"M"),
        (b"p", b"g"),
        (b"P", b"G"),
        (b"Z1", b"Z0"),
        (b"c", b"vCont;c"),
        (b"D", b"c"),
        (b"Hg", b"c"),
        (b"QStartNoAckMode", b"c"),
    ],
)
def test_what_a_server_lacks_is_done_another_way(
    lacks: bytes, instead: bytes, firmware: Firmware
) -> None:
    seen = works(FakeServer(ASKS, features=NO_ACK, lacks=(lacks,)), firmware).seen
    assert any(each.startswith(instead) for each in seen)
    assert sum(each.startswith(lacks) for each in seen) <= max(1, lacks == b"Hg") or lacks in b"Z1"


def test_a_server_that_describes_nothing(firmware: Firmware) -> None:
    """Its registers are GDB's of old: xpsr is number 25, behind eight floating-point ones."""
    server = FakeServer(ASKS, features=b"", registers=[0] * 26)
    works(server, firmware)
    assert server.registers[25] == 1 << 24


def test_registers_of_an_included_document(firmware: Firmware) -> None:
    head, tail = TARGET.split("<feature>", 1)
    documents = {
        "features:target.xml": f'{head}<xi:include href="core.xml"/></target>',
        "features:core.xml": f"<feature>{tail.removesuffix('</target>')}",
    }
    works(FakeServer(ASKS, documents=documents), firmware)


def test_packets_in_pieces_with_noise_between(firmware: Firmware) -> None:
    def slowly(server: FakeServer, _: bytes, reply: bytes) -> None:
        for byte in b"\r\n" + packet(reply):
            server.send(bytes((byte,)))

    works(FakeServer(ASKS, change=slowly), firmware)


def test_runs_of_equal_bytes(firmware: Firmware) -> None:
    def packed(_: FakeServer, sent: bytes, reply: bytes) -> bytes:
        return reply.replace(b"000000", b'0*"') if sent[:1] == b"m" else reply

    works(FakeServer(ASKS, change=packed), firmware)


def test_late_stops_notes_and_words_of_the_server(firmware: Firmware) -> None:
    def talkative(server: FakeServer, sent: bytes, reply: bytes) -> bytes:
        server.send(b"%Stop:T05thread:1;#00")
        if sent != b"?":
            server.send(packet(b"O48656c6c6f0a") + packet(b"O"))
        if sent[:1] not in b"?cD":
            server.send(packet(b"T05thread:1;"))
        return reply

    works(FakeServer(ASKS, features=NO_ACK, change=talkative), firmware)


def test_a_stop_of_before_while_the_core_runs(firmware: Firmware) -> None:
    """Its program counter moves: what stops next is waited for."""
    running: list[int] = []

    def early(server: FakeServer, sent: bytes, reply: bytes) -> bytes | None:
        if sent == b"c" and server.reached == 1:
            running.extend((0x100, 0x102))
        elif sent == b"pf" and running:
            reply = running.pop(0).to_bytes(4, "little").hex().encode()
            if not running:
                server.send(packet(reply) + packet(b"T05thread:1;"))
                return None
        return reply

    works(FakeServer(ASKS, features=NO_ACK, change=early), firmware)


def test_a_debugger_that_halts_at_faults_lets_the_handler_report(firmware: Firmware) -> None:
    handler = firmware.image.symbols["mcucc_fault"] & ~1
    asks = [*ASKS[:7], (PRINT, b"##mcucc fault.cfsr=130\n"), (PRINT, b"##mcucc fault.mmfar=4\n")]
    asks += [(PRINT, b"##exit 70\n"), (EXIT, 0)]

    def catches(server: FakeServer, sent: bytes, reply: bytes) -> bytes:
        if sent == b"c" and server.reached == 8 and server.seen.count(b"c") == 8:
            server.reached -= 1
            server.registers[PC] = handler
        return reply

    with pytest.raises(EmulationFault, match="data access outside the board's memory: 0x00000004"):
        Gdb(FakeServer(asks, change=catches)).run(firmware, [IMAGE], timeout_s=5)


def test_a_stop_elsewhere_names_the_function_and_the_fault(firmware: Firmware) -> None:
    place = firmware.image.symbols["tiny_misbehave"] & ~1

    def stops(server: FakeServer, sent: bytes, reply: bytes) -> bytes:
        if sent == b"c":
            server.registers[PC] = place
        return reply

    said = fails(FakeServer(ASKS, change=stops), firmware, "the core stops by itself")
    assert f"in tiny_misbehave at pc 0x{place:08x}" in said

    def breaks(server: FakeServer, sent: bytes, reply: bytes) -> bytes:
        server.store(0xE000ED28, (1 << 16).to_bytes(4, "little"))
        return stops(server, sent, reply)

    fails(FakeServer(ASKS, change=breaks), firmware, "undefined instruction in tiny_misbehave")


def test_a_stop_on_the_way_does_not_matter(firmware: Firmware) -> None:
    """Somebody's breakpoint, or the reset vector."""

    def stops(server: FakeServer, sent: bytes, reply: bytes) -> bytes:
        if sent == b"c" and server.seen.count(b"c") % 2:
            server.reached -= 1
            server.registers[PC] = firmware.image.symbols["mcucc_reset"] & ~1
        return reply

    works(FakeServer(ASKS, change=stops), firmware)


def test_what_ran_before_is_made_quiet_before_anything_is_written(firmware: Firmware) -> None:
    seen = works(FakeServer(ASKS), firmware).seen
    written = [each[1:].split(b",")[0] for each in seen if each.startswith(b"X")]
    quiet = [b"e000ed0c", b"e000e010", b"e000e180", b"e000ed94", b"e000ed28", b"e000ed2c"]
    assert written[: len(quiet)] == quiet  # handlers, SysTick, interrupts, MPU, faults of before


def refuses(*begins: bytes) -> FakeServer:
    """E01 to these packets."""
    return FakeServer(
        ASKS,
        features=MAP,
        documents={"features:target.xml": TARGET, "memory-map:": "<memory-map/>"},
        change=lambda _, sent, reply: b"E01" if sent.startswith(begins) else reply,
    )


@pytest.mark.parametrize(
    ("begin", "match"),
    [
        (b"m", "did not read 4 bytes at 0xe000ed00: 'E01'"),
        (b"X", "did not write 4 bytes at|did not write .* bytes at 0x"),
        (b"p", "did not read pc: 'E01'"),
        (b"P", "did not set sp: 'E01'"),
        (b"Z", "did not set a breakpoint at 0x"),
        (b"c", "did not run the core: 'E01'"),
        (b"qXfer:features", "did not read features target.xml: 'E01'"),
        (b"qXfer:memory", "did not read memory-map"),
    ],
)
def test_a_refusal_says_what_was_refused(begin: bytes, match: str, firmware: Firmware) -> None:
    fails(refuses(begin), firmware, match)


def test_what_the_server_printed_stands_in_the_error_as_plain_text(firmware: Firmware) -> None:
    def complains(server: FakeServer, sent: bytes, reply: bytes) -> bytes:
        if sent[:1] != b"X":
            return reply
        server.send(packet(b"O" + b"\x1b[2Jtarget not halted\r\n".hex().encode()))
        return b"E0E"

    said = fails(FakeServer(ASKS, change=complains), firmware, "'E0E'")
    assert "target not halted" in said and "\x1b" not in said


def test_nonsense_and_the_end_of_the_program(firmware: Firmware) -> None:
    def answers(begin: bytes, text: bytes) -> FakeServer:
        return FakeServer(ASKS, change=lambda _, sent, reply: text if sent[:1] == begin else reply)

    fails(answers(b"m", b"zz"), firmware, "did not read")
    fails(answers(b"m", b""), firmware, "did not read")
    fails(answers(b"c", b"W00"), firmware, "the program has ended")
    fails(answers(b"q", b"m*"), firmware, "broken packet")
    fails(answers(b"?", b"W00"), firmware, "attached to no core")


def test_another_core(firmware: Firmware) -> None:
    def answers(cpuid: bytes) -> FakeServer:
        return FakeServer(
            ASKS, change=lambda _, sent, reply: cpuid if sent == b"me000ed00,4" else reply
        )

    server = answers(b"41c20f41")
    fails(server, firmware, "the core there is cortex-m4, bluepill has cortex-m3")
    assert not [each for each in server.seen if each.startswith((b"X", b"vFlash"))]
    fails(answers(b"00000000"), firmware, r"unknown one \(CPUID 0x00000000\)")
    riscv = {"features:target.xml": '<target><reg name="pc" bitsize="32"/></target>'}
    fails(FakeServer(ASKS, documents=riscv), firmware, "no Cortex-M")


def test_memory_that_does_not_hold_what_was_written(firmware: Firmware) -> None:
    def forgets(server: FakeServer, sent: bytes, reply: bytes) -> bytes:
        if sent.startswith(b"X"):
            server.store(firmware.layout.code.origin + 8, b"\xff")
        return reply

    fails(FakeServer(ASKS, change=forgets), firmware, "does not hold what was written there")


MEMORY = """<?xml version="1.0"?>
<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" "http://sourceware.org/x">
<memory-map><memory type="ram" start="0x20000000" length="0x10000"/>
<memory type="flash" start="0x200000" length="0x400"><property name="blocksize">0x100</property>
</memory><memory type="flash" start="0x200400" length="0xfc00"><property name="blocksize">0x400
</property></memory></memory-map>"""


def with_flash() -> FakeServer:
    documents = {"features:target.xml": TARGET, "memory-map:": MEMORY}
    return FakeServer(ASKS, documents=documents, features=MAP, reset=("reset halt",))


def test_flash_is_written_only_when_that_is_asked_for(firmware: Firmware) -> None:
    server = with_flash()
    assert "--flash" in fails(server, firmware, "bytes of flash")
    assert not [each for each in server.seen if each.startswith((b"X", b"vFlash"))]
    seen = works(with_flash(), firmware, flash=True).seen
    erased = [each for each in seen if each.startswith(b"vFlashErase")]
    assert erased == [b"vFlashErase:200000,400", b"vFlashErase:200400,400"]
    written = [each.split(b":")[1] for each in seen if each.startswith(b"vFlashWrite")]
    assert len(written) == len(set(written))
    assert seen.index(b"vFlashDone") < max(
        at for at, each in enumerate(seen) if each.startswith(b"qRcmd,")
    )


def test_a_hang_is_ended_and_says_where(firmware: Firmware) -> None:
    place = firmware.image.symbols["tiny_misbehave"] & ~1

    def hangs(server: FakeServer, sent: bytes, reply: bytes) -> bytes | None:
        if sent == b"c" and server.reached == 8:
            server.registers[PC] = place
            return None
        return reply

    with pytest.raises(HangError, match=r"within 1 s in image 0, last in tiny_misbehave"):
        Gdb(FakeServer(ASKS, change=hangs)).run(firmware, [IMAGE], timeout_s=1.0)


def test_packets_that_were_damaged_on_their_way(firmware: Firmware) -> None:
    def once(server: FakeServer, sent: bytes, reply: bytes) -> bytes:
        if server.seen.count(sent) == 1 and sent[:1] == b"m":
            server.send(packet(reply)[:-2] + b"!!")
        return reply

    works(FakeServer(ASKS, change=once), firmware)

    def always(server: FakeServer, _: bytes, reply: bytes) -> None:
        server.send((packet(reply)[:-1] + b"!") * 5)

    fails(FakeServer(ASKS, change=always), firmware, "wrong checksums")
    acknowledged = FakeServer(ASKS, features=NO_ACK)
    acknowledged.change = lambda server, sent, reply: (
        always(server, sent, reply) if sent[:1] == b"m" else reply
    )
    fails(acknowledged, firmware, "wrong checksums")


@pytest.mark.parametrize("acks", [True, False])
def test_packets_that_are_asked_for_again(acks: bool, firmware: Firmware) -> None:
    class Deaf(FakeServer):
        heard = 0

        def _answer(self, body: bytes, check: bytes) -> None:
            self.heard += 1
            if acks and self.heard % 3 == 0:
                super()._answer(body, check)
            else:
                self.send(b"-")

    if acks:
        works(Deaf(ASKS), firmware)
    else:
        fails(Deaf(ASKS), firmware, "did not accept a packet")


def test_a_server_that_goes_away_at_any_packet(firmware: Firmware) -> None:
    whole = len(works(FakeServer(ASKS, features=NO_ACK), firmware).seen)

    def leaves(last: int) -> FakeServer:
        def change(server: FakeServer, _: bytes, reply: bytes) -> bytes | None:
            if len(server.seen) > last:
                server.theirs.shutdown(socket.SHUT_RDWR)
                return None
            return reply

        return FakeServer(ASKS, features=NO_ACK, change=change)

    for last in range(0, whole - 2, 2):
        fails(leaves(last), firmware, "closed the connection")
    works(leaves(whole - 2), firmware)  # it is only told that the client goes


def test_a_silent_server(firmware: Firmware, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ANSWER_S", 0.1)
    monkeypatch.setattr(client, "_LEAVE_S", 0.1)
    for begin in (b"qSupported", b"?", b"m", b"X", b"p", b"Z"):
        server = FakeServer(
            ASKS, change=lambda _, sent, reply, at=begin: None if sent[: len(at)] == at else reply
        )
        fails(server, firmware, "does not answer")


@pytest.mark.parametrize(
    ("flood", "match"),
    [
        (b"+", "does not answer"),
        (packet(b"O41"), "does not answer"),
        (b"%Stop:T05#00", "does not answer"),
        (packet(b"T05"), "does not answer"),
        (b"junk", "does not answer"),
        (b"$mmmm", "more than 262144 bytes at once"),
        (b"$" + b"0*~" * 3000 + b"#", "more than 262144 bytes at once"),
    ],
)
def test_a_server_that_does_not_end(
    flood: bytes, match: str, firmware: Firmware, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_ANSWER_S", 0.2)
    monkeypatch.setattr(client, "_LEAVE_S", 0.2)
    if flood.endswith(b"#"):
        flood = packet(flood[1:-1])

    def floods(server: FakeServer, sent: bytes, reply: bytes) -> bytes | None:
        if sent[:1] != b"m":
            return reply
        for _ in range(100_000):
            server.send(flood * 64)
        return None

    fails(FakeServer(ASKS, features=NO_ACK, change=floods), firmware, match)


@pytest.mark.parametrize(
    "document",
    [
        "<target><reg name='pc'/></target>",
        "<target><reg name='pc' bitsize='32'/>",
        "<target><reg name='pc' bitsize='99999999999999'/></target>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><target/>",
        '<target><xi:include href="target.xml"/></target>',
        '<target><xi:include href="../../etc/passwd"/></target>',
        "<target>" + "<reg name='a' bitsize='32'/>" * 9000 + "</target>",
    ],
)
def test_a_hostile_description(document: str, firmware: Firmware) -> None:
    documents = {"features:target.xml": document}
    fails(FakeServer(ASKS, documents=documents), firmware, "description of the core is broken")


@pytest.mark.parametrize("ask", [(PRINT, 5000), (WRITE, 1 << 30), (OPEN, 3), (77, 0)])
def test_a_hostile_mailbox(ask: tuple[int, int], firmware: Firmware) -> None:
    asks: Sequence[tuple[int, bytes | int]] = [(OPEN, 32), ask]
    fails(FakeServer(asks), firmware, "the firmware.s mailbox is damaged: ")


def test_bytes_that_the_core_saw_otherwise(firmware: Firmware) -> None:
    """OpenOCD's reads that fail are zeros, its writes are accepted before they are done."""
    zeros = [(kind, bytes(12) if kind == WRITE else data) for kind, data in ASKS]
    with pytest.raises(ToolError, match="outputs of image 0 were damaged on their way"):
        Gdb(FakeServer(zeros)).run(firmware, [IMAGE])
    with pytest.raises(ToolError, match="image 0 was damaged on its way"):
        Gdb(FakeServer(ASKS)).run(firmware, [bytes(48)])


def test_records_that_are_missing(firmware: Firmware) -> None:
    asks = [ask for ask in ASKS if ask[1] != b"##mcucc stack=100\n"]
    with pytest.raises(ToolError, match="the firmware did not report 'stack'"):
        Gdb(FakeServer(asks)).run(firmware, [IMAGE])
    with pytest.raises(ToolError, match="did not report 'image"):
        Gdb(FakeServer(ASKS)).run(firmware, [IMAGE], count=True)
    asks = [
        (kind, data.replace(b"steps=3", b"steps=4000000000") if isinstance(data, bytes) else data)
        for kind, data in ASKS
    ]
    with pytest.raises(ToolError, match="did not report"):
        Gdb(FakeServer(asks)).run(firmware, [IMAGE], count=True)
