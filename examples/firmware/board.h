/* The board: what of Arm's MPS2 and MPS3 FPGA images the example uses, as QEMU emulates them.
 *
 * A board of your own has another board.c behind this header. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

/* Where QEMU puts what the simulated sensor sees (sensor.c). */
#if __ARM_ARCH >= 8
#define BOARD_SENSOR_BASE 0x70000000u
#else
#define BOARD_SENSOR_BASE 0x21000000u
#endif

/* Interrupt handlers that the board calls; whoever needs one writes it. */
void line_interrupt(void); /* at every period of board_start_lines */
void load_interrupt(void); /* at every period of board_start_load */

/* Interrupts at a period, until they are stopped by a period of 0. `lines` may call FreeRTOS;
 * `load` has a priority above every critical section of it and may not. */
void board_start_lines(uint32_t microseconds);
void board_start_load(uint32_t microseconds);

/* Microseconds of a free running counter, which wraps after some minutes: take differences. */
uint32_t board_microseconds(void);

/* How often the board has started since it was switched on; more than once: by the watchdog. */
uint32_t board_starts(void);

/* Resets the board two such periods after the last call of board_feed_watchdog. */
void board_start_watchdog(uint32_t milliseconds);
void board_feed_watchdog(void);

/* The serial port. Each call waits until its text is sent. */
void board_print(const char *text);
void board_print_number(int32_t value);
void board_print_byte(uint8_t value); /* two hexadecimal digits */

/* Says what happened and waits for the watchdog. */
void board_stop(const char *what) __attribute__((noreturn));

#endif
