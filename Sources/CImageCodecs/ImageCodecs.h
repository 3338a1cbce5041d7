/* Shared by the two decoders; not part of the module. */
#ifndef UIO2_IMAGECODECS_H
#define UIO2_IMAGECODECS_H

#include "CImageCodecs.h"

/* Bytes of a file between two looks at the caller's wish to end. */
#define UIO2_IMAGE_PIECE 65536

typedef struct uio2_jpeg uio2_jpeg;

/* Reads the header; NULL with a message in `report` when there is none. */
uio2_jpeg *uio2_jpeg_open(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uio2_image_report *report);
/* Decodes into a buffer of the header's size. */
uio2_image_status uio2_jpeg_read(uio2_jpeg *jpeg, uint8_t *rgb, uio2_image_report *report);
/* NULL is allowed. */
void uio2_jpeg_close(uio2_jpeg *jpeg);

/* Writes the size that the header says into `report`. */
uio2_image_status uio2_png_read_size(const uint8_t *bytes, size_t count, uio2_image_report *report);
/* Decodes into a buffer of the size that is in `report`. */
uio2_image_status uio2_png_read(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uint8_t *rgb, uio2_image_report *report);

/* Whether the caller wants no more; then also says so. */
int uio2_image_is_cancelled(const uio2_image_limits *limits, uio2_image_report *report);

/* Keeps the first message. */
void uio2_image_explain(uio2_image_report *report, const char *message);

#endif
