/* Shared by the two decoders; not part of the module. */
#ifndef UIO2_IMAGECODECS_H
#define UIO2_IMAGECODECS_H

#include "CImageCodecs.h"

/* With `rgb` NULL the header alone is read. */
uio2_image_status uio2_jpeg_decode(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uint8_t *rgb, size_t capacity,
    uio2_image_report *report);
uio2_image_status uio2_png_decode(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uint8_t *rgb, size_t capacity,
    uio2_image_report *report);

/* Writes the dimensions into the report and holds them against the limits and, unless `rgb` is NULL, the buffer. */
uio2_image_status uio2_image_check_size(
    uint32_t width, uint32_t height, const uio2_image_limits *limits, const uint8_t *rgb, size_t capacity,
    uio2_image_report *report);

/* Keeps the first message. */
void uio2_image_explain(uio2_image_report *report, const char *message);

#endif
