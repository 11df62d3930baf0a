"""Names that a network cannot have, because a build system, a library or another network has them.

A network's name is that of a header (NAME.h), of a static library (libNAME.a), of a CMake target,
of a component and of a folder, and the prefix of its symbols.
"""

from __future__ import annotations

from mcucc.errors import ModelError

# What is taken -> the names, which are lower case. Facts of the C and POSIX standards, of newlib,
# and of the build systems' manuals.
_TAKEN = {
    "a target of CMake's own": """
        all clean depend edit_cache experimental continuous nightly help install install_local
        install_strip list_install_components package package_source preinstall rebuild_cache
        run_tests test uninstall zero_check all_build""",
    "a header of C or POSIX that NAME.h would shadow": """
        aio alloca ar argz assert byteswap complex cpio ctype dirent dlfcn elf endian envlock envz
        err error errno fcntl features fenv float fmtmsg fnmatch fts ftw getopt glob grp iconv
        ieeefp inttypes iso646 langinfo libgen libintl limits link locale malloc math
        memory monetary mqueue ndbm netdb newlib nl_types paths poll pthread pwd reent regdef regex
        resolv sched search semaphore setjmp signal spawn stdalign stdarg stdatomic stdbit stdbool
        stdckdint stddef stdint stdio stdlib stdnoreturn string strings stropts syslog tar termios
        tgmath threads time trace uchar ulimit unctrl unistd unwind utime utmpx values wait wchar
        wctype wordexp""",
    "a header of compilers and vendors that NAME.h would shadow": """
        arduino arm_acle arm_cmse arm_fp16 arm_math arm_mve arm_neon cachel1_armv7 cmsis_armcc
        cmsis_compiler cmsis_gcc cmsis_version core_cm0plus core_cm3 core_cm33 core_cm4 core_cm55
        core_cm7 freertosconfig intrinsics list mpu_armv7 mpu_armv8 portmacro projdefs queue
        riscv_vector sdkconfig semphr stream_buffer task timers""",
    "a library that linkers know": """
        atomic c crypt dl g gcc gcc_s gcov gloss gomp m nosys rdimon rt semihost stdc supc util""",
    "a component of ESP-IDF": """
        app_trace app_update bootloader bootloader_support bt cmock console cxx driver efuse fatfs
        freertos hal heap http_parser idf_test ieee802154 json log lwip mbedtls mqtt nvs_flash
        nvs_sec_provider openthread partition_table perfmon protobuf_c protocomm riscv sdmmc soc
        spi_flash spiffs tcp_transport touch_element ulp unity usb vfs wear_levelling
        wifi_provisioning wpa_supplicant xtensa""",
    "a target or module of Zephyr or the Pico SDK": """
        app cmsis cmsis_core kernel offsets picolibc pico_stdlib sysbuild zephyr zephyr_final
        zephyr_interface""",
    "a library of Arduino": """
        adafruit_gfx bridge eeprom esp32 ethernet fastled firmata gsm keyboard liquidcrystal mouse
        pdm print preferences printable robot_control scheduler sd servo softwareserial spi stepper
        stream tft update usbhost wdt webserver wifi wire wiring_private wstring""",
    "a part of every folder that mcucc writes": "firmware first_run mcucc runtime",
}
_OWNERS = {name: owner for owner, names in _TAKEN.items() for name in names.split()}
_PREFIXES = {"esp_": "a component of ESP-IDF", "zephyr_": "a target or module of Zephyr"}
# NAME_weights.h is a file of NAME, NAME_input_x a function of it: networks of these names would
# have what is another's.
_LAST = ("weights", "constants", "answers", "names")
_INSIDE = ("input", "output", "constant")


def check_name(name: str, given: str) -> None:
    """ModelError where a network made from the text `given` cannot be called `name`."""
    parts = name.split("_")
    owner = _OWNERS.get(name)
    for prefix, of in _PREFIXES.items():
        owner = of if owner is None and name.startswith(prefix) else owner
    for word in set(_INSIDE) & set(parts[1:]):
        other = name[: name.index(f"_{word}")]
        owner = owner or f"what functions of a network {other} begin with ({other}_{word}_...)"
    if len(parts) > 1 and parts[-1] in _LAST:
        other = "_".join(parts[:-1])
        owner = owner or f"a file of a network {other}"
    if owner is not None:
        raise ModelError(
            f"a network cannot be called {name}: that is {owner}",
            where=given,
            hint=f"another name, such as --name {_free(parts)}",
        )


def _free(parts: list[str]) -> str:
    """A name that is not taken, made from one that is."""
    kept = [part for part in parts if part not in (*_INSIDE, *_LAST)]
    return "_".join(["my", *(kept or ["net"])])
