/* The networks of one program: each as data, and the function that makes one of its slices. */
#ifndef BATCH_H
#define BATCH_H

#include <mcucc/frame.h>

typedef struct {
    const mcucc_model *model;
    int32_t slices;
    int32_t (*run_slice)(void *arena, int32_t slice, const mcucc_camera *camera,
                         const mcucc_sink *sink);
    mcucc_frame *(*begin)(void *arena, const mcucc_camera *source, const mcucc_sink *sink);
    int rows;        /* whether they come from a camera */
    uint8_t **bands; /* the latest of each input */
} batch_network;

extern const batch_network batch_networks[];
extern const int batch_count;

#endif
