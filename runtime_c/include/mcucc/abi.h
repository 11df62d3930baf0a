/* Which runtime this is: none yet. mcucc writes this file anew beside every network, where each
 * function of the runtime gets a name of its version, so that no network calls another's. */
#ifndef MCUCC_ABI_H
#define MCUCC_ABI_H

#endif
