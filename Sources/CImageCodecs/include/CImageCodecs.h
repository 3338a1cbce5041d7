/* JPEG and PNG to 8-bit RGB, and 8-bit RGB to PNG, over libjpeg-turbo and libpng. Their error jumps never leave this target, and no memory
 * changes hands: the caller gives the pixels' buffer. */
#ifndef UIO2_CIMAGECODECS_H
#define UIO2_CIMAGECODECS_H

#include <stddef.h>
#include <stdint.h>

typedef enum uio2_image_status {
  UIO2_IMAGE_OK = 0,
  /* Neither JPEG nor PNG. */
  UIO2_IMAGE_UNKNOWN_FORMAT = 1,
  /* More pixels than the limits allow, or than the buffer holds. */
  UIO2_IMAGE_TOO_LARGE = 2,
  /* Damaged, cut short, or of a kind that the library does not read; the message says which. */
  UIO2_IMAGE_INVALID = 3,
} uio2_image_status;

typedef struct uio2_image_limits {
  uint32_t maximum_side;
  uint64_t maximum_pixels;
} uio2_image_limits;

typedef struct uio2_image_report {
  /* Pixels, as stored; orientation tags are the caller's business. */
  uint32_t width;
  uint32_t height;
  /* What was wrong, NUL-terminated; empty when nothing was. */
  char message[200];
} uio2_image_report;

/* Reads the header of `count` bytes: the dimensions, held against `limits`. Allocates nothing of the picture's size. */
uio2_image_status uio2_image_read_header(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uio2_image_report *report);

/* Decodes into `rgb`: rows from the top, 3 bytes a pixel, no padding. `capacity` must be at least width * height * 3 of the
 * header. On any status but UIO2_IMAGE_OK the buffer holds no picture.
 *
 * JPEG: the accurate integer transform and smooth chroma, as PIL's default. Any warning counts as damage, so a file that is cut
 * short is refused. CMYK is taken as Adobe writes it, inverted. PNG: 16 bits are cut to the upper 8, palettes and grey become
 * RGB, alpha and transparency are dropped, gamma is ignored. */
uio2_image_status uio2_image_decode(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uint8_t *rgb, size_t capacity,
    uio2_image_report *report);

/* Takes the next bytes of a file that is being written. */
typedef void (*uio2_image_sink)(void *context, const uint8_t *bytes, size_t count);

/* Writes `rgb` (rows from the top, 3 bytes a pixel, no padding) as an 8-bit RGB PNG file, piece by piece into `sink`. */
uio2_image_status uio2_png_encode(
    const uint8_t *rgb, uint32_t width, uint32_t height, uio2_image_sink sink, void *context, uio2_image_report *report);

/* The same for `grey`, one 16-bit number a pixel. */
uio2_image_status uio2_png_encode_grey16(
    const uint16_t *grey, uint32_t width, uint32_t height, uio2_image_sink sink, void *context,
    uio2_image_report *report);

#endif
